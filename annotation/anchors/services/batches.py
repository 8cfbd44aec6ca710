"""Start a batch of anchors to review, and close it."""

from __future__ import annotations

import secrets
from dataclasses import asdict

from django.db import connection, transaction

from annotation.accounts.models import User
from annotation.anchors.services import sampling
from annotation.anchors.services.review_stage import STAGE
from annotation.anchors.services.settle import settle
from annotation.review.batches import get_batch
from annotation.review.models import Batch, BatchPlan, ItemState, QueueItem
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


def _options(plan: sampling.Plan) -> dict[str, object]:
    options: dict[str, object] = {"seed": plan.seed}
    if plan.plan != BatchPlan.ALL:
        options["number"] = plan.number
    if plan.plan == BatchPlan.STRATIFIED:
        options["by"] = plan.by
    if plan.generator:
        options["generator"] = plan.generator
    return options
