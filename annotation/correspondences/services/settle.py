"""What people's answers make of a proposal."""

from __future__ import annotations

from annotation.common.signals import transform_changed
from annotation.correspondences import engine, selectors
from annotation.correspondences.answers import ADJUDICATION, ANSWERED, REVIEW, TAKES, Answer, outcome, standing_answers
from annotation.correspondences.models import (
    ControlPoint,
    Correspondences,
    CorrespondencesReview,
    CorrespondencesState,
    VerifiedPlace,
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
    rows = Correspondences.objects.select_for_update(no_key=True, of=("self",))
    row = rows.select_related("pair__tile", "pair__imagery", "scan__imagery", "scan_tile").get(pk=correspondences_id)
    reviews = CorrespondencesReview.objects.filter(correspondences=row).exclude(item__state=ItemState.WITHDRAWN)
    asked = reviews.select_related("item__batch").order_by("-item__batch_id", "item_id")
    items = [review.item for review in asked]
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
    _keep_place(row, stood_by=answer is not None and answer.decision in TAKES)
    ControlPoint.objects.filter(correspondences=row, corrected=True).delete()
    if correction is not None:
        proposed = {point.number: point for point in selectors.points_of(row.pk, corrected=False)}
        ControlPoint.objects.bulk_create(correction.rows(row.pk, proposed))
    if row.pair_id is not None and [getattr(row, name) for name in FINAL] != before:
        transform_changed.send(Correspondences, pair_id=row.pair_id)


def _keep_place(row: Correspondences, *, stood_by: bool) -> None:
    """Have the row among what people stand by, or no more; the row is locked, so nobody else writes it."""
    if not stood_by:
        VerifiedPlace.objects.filter(pk=row.pk).delete()
        return
    pair, tile = row.pair, row.tile
    about = {
        "region_id": row.region_id,
        "imagery_id": row.imagery.pk,
        "snapshot_id": None if pair is None else pair.snapshot_id,
        "pair_id": row.pair_id,
        "scan_id": row.scan_id,
        "tile_id": tile.pk,
        "z": tile.z,
        "x": tile.x,
        "y": tile.y,
        "corrected": row.state == CorrespondencesState.CORRECTED,
    }
    VerifiedPlace.objects.update_or_create(correspondences=row, defaults=about)


DOUBLE_REVIEW = DoubleReview(stage=REVIEW, settling=ADJUDICATION, agree=outcome, counts=_counts, link=_link)
