"""The anchors' side of the queue: decisions, reasons, what an answer does to the anchor; and settling disagreements."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from annotation.anchors import engine
from annotation.anchors.answers import ADJUDICATION, REVIEW
from annotation.anchors.bench import adjudication_of_item, pages_of_items, subject_of_item
from annotation.anchors.models import AnchorReview
from annotation.anchors.services.settle import DOUBLE_REVIEW, settle
from annotation.common.errors import InvalidError
from annotation.review.models import QueueItem, Verdict
from annotation.review.services.settle import check_unsettled
from annotation.review.stages import ReviewStage
from annotation.sources.selectors import check_scope, people_of

REASONS = {
    "accept": (),
    "correct": (),
    "reject": ("mostly_wrong", "another_place", "contradicts_itself", "names_or_labels", "colour_or_shadow", "other"),
    "cant_tell": ("hidden", "blurred", "ambiguous"),
    "image_offset": (),
    "bad_imagery": ("clouds", "shadow", "blurred", "no_data"),
}


def on_decided(item: QueueItem, verdict: Verdict) -> None:
    """Check a correction, which the verdict keeps, then set the anchor's state."""
    review = AnchorReview.objects.select_related("anchor").get(item=item)
    if verdict.decision == "correct":
        _check_correction(review, verdict.payload)
    elif verdict.payload:
        raise InvalidError("only a corrected anchor carries attributes and a summary")
    settle(review.anchor_id)


def on_undone(item: QueueItem, verdict: Verdict, was: str) -> None:
    """Set the anchor's state as if the answer had not been given; refuse where the answer was settled upon."""
    check_unsettled(DOUBLE_REVIEW, item)
    settle(AnchorReview.objects.get(item=item).anchor_id)


def _check_correction(review: AnchorReview, payload: dict[str, Any]) -> None:
    """Refuse attributes and a summary that are not valid, or the same as proposed."""
    unknown = set(payload) - {"attributes", "summary"}
    if unknown:
        raise InvalidError(f"unknown keys in the payload: {', '.join(sorted(unknown))}")
    attributes, summary = engine.checked_anchor(payload.get("attributes"), payload.get("summary"))
    if attributes == review.anchor.attributes and summary == review.anchor.summary:
        raise InvalidError("nothing differs from the proposal: accept it instead")


STAGE = ReviewStage(
    name=REVIEW,
    decisions=REASONS,
    check_scope=check_scope,
    subject=subject_of_item,
    on_decided=on_decided,
    on_undone=on_undone,
    people=people_of,
    pages=pages_of_items,
    report="anchor-report",
)
ADJUDICATION_STAGE = replace(STAGE, name=ADJUDICATION, subject=adjudication_of_item, admins_settle=True)
