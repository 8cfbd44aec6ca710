"""What people's answers make of an anchor."""

from __future__ import annotations

from annotation.anchors.answers import ADJUDICATION, REVIEW, Answer, outcome, standing_answers
from annotation.anchors.models import Anchor, AnchorReview, AnchorState
from annotation.review.models import ItemState, QueueItem
from annotation.review.services.settle import DoubleReview
from annotation.review.services.settle import settle as settled

STATES = {"accept": AnchorState.ACCEPTED, "correct": AnchorState.CORRECTED, "reject": AnchorState.REJECTED}


def settle(anchor_id: int) -> None:
    """Set the anchor's state from the answers that stand; a third person is asked where two differ.

    Call it in the transaction of the decision; it locks the anchor.
    """
    anchor = Anchor.objects.select_for_update(no_key=True).get(pk=anchor_id)
    reviews = AnchorReview.objects.filter(anchor=anchor).exclude(item__state=ItemState.WITHDRAWN)
    rows = reviews.select_related("item__batch").order_by("-item__batch_id", "item_id")
    items = [review.item for review in rows]
    _apply(anchor, settled(DOUBLE_REVIEW, items, standing_answers([item.pk for item in items])))


def _link(item: QueueItem) -> None:
    """An item that asks a third person is about the anchor of the two before it."""
    before = AnchorReview.objects.filter(item__batch=item.batch_id, item__subject_id=item.subject_id)
    AnchorReview.objects.create(item=item, anchor=before.select_related("anchor")[0].anchor)


def _counts(answer: Answer) -> bool:
    return answer.decision in STATES


def _apply(anchor: Anchor, answer: Answer | None) -> None:
    anchor.state = STATES[answer.decision] if answer else AnchorState.PROPOSED
    corrected = answer is not None and answer.decision == "correct"
    anchor.final_attributes = answer.attributes if answer and corrected else None
    anchor.final_summary = answer.summary if answer and corrected else ""
    anchor.save(update_fields=["state", "final_attributes", "final_summary"])


DOUBLE_REVIEW = DoubleReview(stage=REVIEW, settling=ADJUDICATION, agree=outcome, counts=_counts, link=_link)
