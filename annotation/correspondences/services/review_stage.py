"""The stage's side of the queue: decisions, reasons, what an answer does to a proposal; and settling disagreements."""

from __future__ import annotations

from dataclasses import replace

from annotation.common.errors import InvalidError
from annotation.correspondences import engine
from annotation.correspondences.answers import ADJUDICATION, REVIEW
from annotation.correspondences.card import adjudication_of_item, pages_of_items, subject_of_item
from annotation.correspondences.errors import NoTransformError
from annotation.correspondences.models import Correspondences, CorrespondencesReview
from annotation.correspondences.services.settle import DOUBLE_REVIEW, settle
from annotation.review.models import QueueItem, Verdict
from annotation.review.services.settle import check_unsettled
from annotation.review.stages import ReviewStage
from annotation.sources.selectors import check_scope, people_of
from annotation.tiles.engine import tile_address

REASONS = {
    "accept": (),
    "adjust": (),
    "reject": ("another_place", "wrong_transform", "map_outdated", "other"),
    "cant_tell": ("hidden", "blurred", "nothing_to_match", "bad_imagery"),
}


def on_decided(item: QueueItem, verdict: Verdict) -> None:
    """Check what the verdict says, which keeps a correction's points, then set the proposal's state."""
    row = _row_of(item)
    if verdict.decision == "adjust":
        engine.checked_correction(verdict.payload, tile_address(row.tile))
    elif verdict.payload:
        raise InvalidError("only adjusted correspondences carry points and a transform")
    if verdict.decision == "accept" and not row.matched:
        raise NoTransformError("there is no match to accept: set points and adjust it, or reject it")
    settle(row.pk)


def on_undone(item: QueueItem, verdict: Verdict, was: str) -> None:
    """Set the state as if the answer had not been given; refuse where the answer was settled upon."""
    check_unsettled(DOUBLE_REVIEW, item)
    settle(CorrespondencesReview.objects.get(item=item).correspondences_id)


def _row_of(item: QueueItem) -> Correspondences:
    tables = "correspondences__pair__tile", "correspondences__scan_tile"
    return CorrespondencesReview.objects.select_related(*tables).get(item=item).correspondences


STAGE = ReviewStage(
    name=REVIEW,
    decisions=REASONS,
    check_scope=check_scope,
    subject=subject_of_item,
    on_decided=on_decided,
    on_undone=on_undone,
    people=people_of,
    pages=pages_of_items,
    report="correspondence-report",
)
ADJUDICATION_STAGE = replace(STAGE, name=ADJUDICATION, subject=adjudication_of_item, admins_settle=True)
