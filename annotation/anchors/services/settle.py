"""What people's answers make of an anchor: one answer, two that agree, or the one that settled a disagreement."""

from __future__ import annotations

from collections import defaultdict

from annotation.anchors.answers import ADJUDICATION, REVIEW, Answer, outcome, standing_answers
from annotation.anchors.models import Anchor, AnchorReview, AnchorState
from annotation.review.models import ItemState, QueueItem

STATES = {"accept": AnchorState.ACCEPTED, "correct": AnchorState.CORRECTED, "reject": AnchorState.REJECTED}


def settle(anchor_id: int) -> None:
    """Set the anchor's state from the answers that stand, the newest batch first; ask a third person where two differ.

    Call it in the transaction of the decision; it locks the anchor.
    """
    anchor = Anchor.objects.select_for_update(no_key=True).get(pk=anchor_id)
    by_batch: dict[int | None, list[QueueItem]] = defaultdict(list)
    reviews = AnchorReview.objects.filter(anchor=anchor).exclude(item__state=ItemState.WITHDRAWN)
    for review in reviews.select_related("item__batch").order_by("-item__batch_id", "item_id"):
        by_batch[review.item.batch_id].append(review.item)
    answers = standing_answers([item.pk for items in by_batch.values() for item in items])
    found = None
    for items in by_batch.values():
        answer = _outcome(anchor, items, answers)
        found = found or (answer if answer is not None and answer.decision in STATES else None)
    _apply(anchor, found)


def _outcome(anchor: Anchor, items: list[QueueItem], answers: dict[int, Answer]) -> Answer | None:
    """The answer of one batch, if it has one by now."""
    settled = [item for item in items if item.stage == ADJUDICATION]
    given = [answers[item.pk] for item in items if item.stage == REVIEW and item.pk in answers]
    settling = next((answers[item.pk] for item in settled if item.state == ItemState.DECIDED), None)
    if settling is not None:
        return settling
    complete = all(item.state == ItemState.DECIDED for item in items if item.stage == REVIEW)
    found = outcome(given) if complete else None
    differ = complete and bool(given) and found is None
    if settled and not differ:
        QueueItem.objects.filter(pk__in=[item.pk for item in settled]).update(
            state=ItemState.WITHDRAWN, lease_holder=None, lease_expires_at=None
        )
    batch = items[0].batch
    if differ and not settled and batch is not None and batch.closed_at is None:
        _ask_a_third(anchor, items[0])
    return found


def _ask_a_third(anchor: Anchor, like: QueueItem) -> None:
    item = QueueItem.objects.create(
        stage=ADJUDICATION,
        scope_id=like.scope_id,
        batch_id=like.batch_id,
        subject_id=like.subject_id,
        priority=like.priority,
    )
    AnchorReview.objects.create(item=item, anchor=anchor)


def _apply(anchor: Anchor, answer: Answer | None) -> None:
    anchor.state = STATES[answer.decision] if answer else AnchorState.PROPOSED
    corrected = answer is not None and answer.decision == "correct"
    anchor.final_attributes = answer.attributes if answer and corrected else None
    anchor.final_summary = answer.summary if answer and corrected else ""
    anchor.save(update_fields=["state", "final_attributes", "final_summary"])
