"""Start a batch of anchors to review, and close it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict

from django.db import connection, transaction

from annotation.accounts.models import User
from annotation.anchors.services import sampling
from annotation.anchors.services.review_stage import STAGE
from annotation.anchors.services.settle import settle
from annotation.common.errors import InvalidError
from annotation.review.batches import get_batch
from annotation.review.models import Batch, BatchPlan, ItemState, QueueItem
from annotation.review.services import audit
from annotation.review.services import batch as batch_service
from annotation.review.services.batch import BatchWish
from annotation.sources.models import Region

LINK = """
INSERT INTO anchors_anchorreview (item_id, anchor_id)
SELECT id, subject_id FROM review_queueitem
WHERE batch_id = %(batch)s AND stage = %(stage)s
ON CONFLICT DO NOTHING
"""


@transaction.atomic
def start(*, user: User, region: Region, wish: BatchWish, plan: sampling.Plan) -> Batch:
    """Draw anchors and queue them; two batches started at once never hold the same anchor.

    Raises:
        InvalidError: nothing is left to review, the plan does not fit what the region has, or a second answer is
            asked for of one person alone.
    """
    batch_service.check_second_person(wish.second_share, wish.open_to_all, wish.people)
    Region.objects.select_for_update(no_key=True).get(pk=region.pk)
    plan = plan if plan.seed else sampling.Plan(**{**asdict(plan), "seed": secrets.randbelow(2**31 - 1) + 1})
    drawn = sampling.draw(region, plan)
    wish = BatchWish(**{**wish.__dict__, "plan": plan.plan, "options": _options(plan)})
    return queue(user=user, region=region, wish=wish, drawn=drawn, seed=plan.seed)


def queue(*, user: User, region: Region, wish: BatchWish, drawn: sampling.Drawn, seed: int) -> Batch:
    """A batch of exactly these anchors; call it inside a transaction."""
    batch = batch_service.create(user=user, stage=STAGE, scope_id=region.pk, wish=wish, subjects=drawn, seed=seed)
    with connection.cursor() as cursor:
        cursor.execute(LINK, {"batch": batch.pk, "stage": STAGE.name})
    return batch


@transaction.atomic
def close(*, user: User, region: Region, batch_id: int) -> Batch:
    """Take what is undecided out of the queue; where one of two answers was given, it counts alone."""
    batch = get_batch(region.pk, batch_id, STAGE.name)
    withdrawn = batch_service.close(user=user, batch=batch)
    answered = QueueItem.objects.filter(batch=batch, subject_id__in=withdrawn, state=ItemState.DECIDED)
    for anchor_id in sorted({subject for (subject,) in answered.values_list("subject_id") if subject is not None}):
        settle(anchor_id)
    batch.refresh_from_db()
    return batch


@transaction.atomic
def change(
    *,
    user: User,
    batch: Batch,
    name: str | None = None,
    open_to_all: bool | None = None,
    people: Sequence[User] | None = None,
) -> Batch:
    """Rename a batch, or change for whom it is; None leaves a thing as it is."""
    batch = Batch.objects.select_for_update(no_key=True).get(pk=batch.pk)
    batch.name = batch.name if name is None else name
    batch.open_to_all = batch.open_to_all if open_to_all is None else open_to_all
    if people is not None:
        batch.people.set(people)
    if not batch.open_to_all and not batch.people.exists():
        raise InvalidError("name at least one person, or open the batch to everyone")
    if open_to_all is not None or people is not None:
        batch_service.check_second_person(batch.second_share, batch.open_to_all, batch.people.all())
    batch.save(update_fields=["name", "open_to_all"])
    audit.record(
        actor=user,
        action="review.change_batch",
        object_kind=f"{batch.stage}_batch",
        object_id=batch.pk,
        scope_id=batch.scope_id,
        name=batch.name,
        open_to_all=batch.open_to_all,
        people=sorted(batch.people.values_list("username", flat=True)),
    )
    return batch


def _options(plan: sampling.Plan) -> dict[str, object]:
    options: dict[str, object] = {"seed": plan.seed}
    if plan.plan != BatchPlan.ALL:
        options["number"] = plan.number
    if plan.plan == BatchPlan.STRATIFIED:
        options["by"] = plan.by
    if plan.generator:
        options["generator"] = plan.generator
    return options
