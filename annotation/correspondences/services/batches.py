"""Start a batch of correspondences to review, and close it."""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass, replace

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from annotation.accounts.models import User
from annotation.correspondences.models import Correspondences, CorrespondencesState, TransformKind
from annotation.correspondences.services.review_stage import STAGE
from annotation.correspondences.services.sampling import most_unsure, sample
from annotation.correspondences.services.settle import settle
from annotation.review.batches import get_batch
from annotation.review.models import Batch, BatchPlan, ItemState, QueueItem
from annotation.review.services import batch as batch_service
from annotation.review.services.batch import BatchWish
from annotation.sources.models import Region

PLANS = (BatchPlan.RANDOM.value, BatchPlan.UNCERTAIN.value, BatchPlan.ALL.value)
LINK = """
WITH linked AS (
    INSERT INTO correspondences_correspondencesreview (item_id, correspondences_id)
    SELECT id, subject_id FROM review_queueitem
    WHERE batch_id = %(batch)s AND stage = %(stage)s
    ON CONFLICT DO NOTHING
    RETURNING correspondences_id
)
UPDATE correspondences_correspondences AS one SET queued = true FROM linked WHERE one.id = linked.correspondences_id
"""
LOCK = """
SELECT count(*) FROM (
    SELECT 1 FROM correspondences_correspondences WHERE id = ANY(%(subjects)s) ORDER BY id FOR NO KEY UPDATE
) AS locked
"""
LET_GO = """
UPDATE correspondences_correspondences AS one SET queued = false
WHERE one.id = ANY(%(subjects)s) AND NOT EXISTS (
    SELECT 1 FROM correspondences_correspondencesreview AS review
    JOIN review_queueitem AS item ON item.id = review.item_id
    WHERE review.correspondences_id = one.id AND item.state = 'open')
"""


@dataclass(frozen=True)
class Plan:
    """How to draw.

    Attributes:
        plan: at random, those that chance explains best first, or all of them.
        matcher: only proposals of this one; empty: of any.
        scan: only those of this map scan; None: of any, the region's own map among them.
        no_match: also pairs without a match, for people to set points by hand.
    """

    plan: str = BatchPlan.RANDOM.value
    number: int = 500
    matcher: str = ""
    scan: int | None = None
    no_match: bool = False
    seed: int = 0


@transaction.atomic
def start(*, user: User, region: Region, wish: BatchWish, plan: Plan) -> Batch:
    """Draw proposals and queue them; two batches started at once never hold the same one.

    Raises:
        InvalidError: nothing is left to review, or a second answer is asked for of one person alone.
    """
    batch_service.check_second_person(wish.second_share, wish.open_to_all, wish.people)
    Region.objects.select_for_update(no_key=True).get(pk=region.pk)
    plan = plan if plan.seed else replace(plan, seed=secrets.randbelow(2**31 - 1) + 1)
    drawn = _draw(region, plan)
    batch = batch_service.create(
        user=user,
        stage=STAGE,
        scope_id=region.pk,
        wish=replace(wish, plan=plan.plan, options=_options(plan)),
        subjects=[(pk, -float(place)) for place, pk in enumerate(drawn)],
        seed=plan.seed,
    )
    with connection.cursor() as cursor:
        cursor.execute(LINK, {"batch": batch.pk, "stage": STAGE.name})
    return batch


@transaction.atomic
def close(*, user: User, region: Region, batch_id: int) -> Batch:
    """Take what is undecided out of the queue; where one of two answers was given, it counts alone."""
    batch = get_batch(region.pk, batch_id, STAGE.name)
    withdrawn = batch_service.close(user=user, batch=batch)
    with connection.cursor() as cursor:
        # Locked first, so that the second statement sees what is being taken back meanwhile.
        cursor.execute(LOCK, {"subjects": withdrawn})
        cursor.execute(LET_GO, {"subjects": withdrawn})
    answered = QueueItem.objects.filter(batch=batch, subject_id__in=withdrawn, state=ItemState.DECIDED)
    for pk in sorted({subject for (subject,) in answered.values_list("subject_id") if subject is not None}):
        settle(pk)
    batch.refresh_from_db()
    return batch


def waiting(
    region: Region, matcher: str = "", *, scan: int | None = None, no_match: bool = False
) -> QuerySet[Correspondences]:
    """Proposals that wait in no open batch."""
    rows = Correspondences.objects.filter(region=region, state=CorrespondencesState.PROPOSED, queued=False)
    rows = rows.filter(matcher=matcher) if matcher else rows
    rows = rows if scan is None else rows.filter(scan=scan)
    return rows if no_match else rows.exclude(transform_kind="")


def _draw(region: Region, plan: Plan) -> list[int]:
    """Ids in the order they are to be reviewed."""
    if plan.plan == BatchPlan.UNCERTAIN:
        kinds = [*TransformKind.values, *([""] if plan.no_match else [])]
        return most_unsure(waiting(region, plan.matcher, scan=plan.scan, no_match=True), kinds, plan.number)
    rows = waiting(region, plan.matcher, scan=plan.scan, no_match=plan.no_match)
    if plan.plan == BatchPlan.ALL:
        row, column = (Coalesce(f"pair__tile__{side}", f"scan_tile__{side}") for side in ("y", "x"))
        return list(rows.order_by(row, column, "pk").values_list("pk", flat=True))
    return sample(rows, plan.number, random.Random(plan.seed))  # noqa: S311


def _options(plan: Plan) -> dict[str, object]:
    options: dict[str, object] = {"seed": plan.seed}
    if plan.plan != BatchPlan.ALL:
        options["number"] = plan.number
    if plan.matcher:
        options["matcher"] = plan.matcher
    if plan.scan is not None:
        options["scan"] = plan.scan
    if plan.no_match:
        options["no_match"] = True
    return options
