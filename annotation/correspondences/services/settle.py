"""What people's answers make of a proposal."""

from __future__ import annotations

from annotation.common.signals import transform_changed
from annotation.correspondences import engine, selectors
from annotation.correspondences.answers import ADJUDICATION, ANSWERED, REVIEW, Answer, outcome, standing_answers
from annotation.correspondences.models import (
    ControlPoint,
    Correspondences,
    CorrespondencesReview,
    CorrespondencesState,
)
from annotation.review.models import ItemState, QueueItem
from annotation.review.services.settle import DoubleReview
from annotation.review.services.settle import settle as settled

STATES = {
    "accept": CorrespondencesState.VERIFIED,
    "adjust": CorrespondencesState.CORRECTED,
    "reject": CorrespondencesState.REJECTED,
}
FINAL = [
    "state", "final_kind", "final_parameters", "final_covariance", "final_fit_rmse_m", "final_check_rmse_m",
]  # fmt: skip


def settle(correspondences_id: int) -> None:
    """Set state, transform, points and `queued` from the answers that stand; a third person is asked where two differ.

    Call it in the transaction of the decision; it locks the proposal.
    """
    row = Correspondences.objects.select_for_update(no_key=True).get(pk=correspondences_id)
    reviews = CorrespondencesReview.objects.filter(correspondences=row).exclude(item__state=ItemState.WITHDRAWN)
    rows = reviews.select_related("item__batch").order_by("-item__batch_id", "item_id")
    items = [review.item for review in rows]
    _apply(row, settled(DOUBLE_REVIEW, items, standing_answers([item.pk for item in items])))


def _link(item: QueueItem) -> None:
    """An item that asks a third person is about the proposal of the two before it."""
    before = CorrespondencesReview.objects.filter(item__batch=item.batch_id, item__subject_id=item.subject_id)
    CorrespondencesReview.objects.create(item=item, correspondences_id=before[0].correspondences_id)


def _counts(answer: Answer) -> bool:
    return answer.decision in ANSWERED


def _apply(row: Correspondences, answer: Answer | None) -> None:
    before = [getattr(row, name) for name in FINAL]
    unanswered = CorrespondencesState.VERIFIED if row.passed_gate else CorrespondencesState.PROPOSED
    correction = answer.correction if answer else None
    row.state = STATES[answer.decision] if answer else unanswered
    for column, value in engine.stored("final_", correction.transform if correction else None).items():
        setattr(row, column, value)
    row.final_fit_rmse_m = correction.fit_rmse_m if correction else None
    row.final_check_rmse_m = correction.check_rmse_m if correction else None
    row.queued = CorrespondencesReview.objects.filter(correspondences=row, item__state=ItemState.OPEN).exists()
    row.save(update_fields=[*FINAL, "queued"])
    ControlPoint.objects.filter(correspondences=row, corrected=True).delete()
    if correction is not None:
        proposed = {point.number: point for point in selectors.points_of(row.pk, corrected=False)}
        ControlPoint.objects.bulk_create(correction.rows(row.pk, proposed))
    if row.pair_id is not None and [getattr(row, name) for name in FINAL] != before:
        transform_changed.send(Correspondences, pair_id=row.pair_id)


DOUBLE_REVIEW = DoubleReview(stage=REVIEW, settling=ADJUDICATION, agree=outcome, counts=_counts, link=_link)
