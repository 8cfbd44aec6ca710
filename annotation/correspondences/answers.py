"""People's answers on correspondences: those that stand, how far apart two lie, and what they come to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby

from django.conf import settings
from django.db.models import Exists, F, OuterRef, QuerySet

from annotation.correspondences import engine
from annotation.correspondences.engine import Correction, TileAddress, Transform
from annotation.review.models import ItemState, QueueItem, Verdict, VerdictEvent
from annotation.tiles.engine import tile_address

REVIEW = "correspondences"
ADJUDICATION = "correspondence-adjudication"
TAKES = ("accept", "adjust")
"""Decisions by which a pair gets a transform, as proposed or as the person's points make it."""
ANSWERED = (*TAKES, "reject")
"""Decisions that say something of the transform; the other says that nobody can."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What one person said of one proposal.

    Attributes:
        stage: that of a first or second answer, or that of the one that settles two.
        proposed: the matcher's transform; None where it found no match.
        transform: as this person left it; None where they did not take it.
        correction: the points of an adjusted one, with their residuals.
    """

    item_id: int
    batch_id: int | None
    correspondences_id: int
    stage: str
    reviewer: str
    seconds: float | None
    tile: TileAddress
    proposed: Transform | None
    decision: str
    reason: str
    comment: str
    transform: Transform | None
    correction: Correction | None


def standing_verdicts() -> QuerySet[Verdict]:
    """The verdict in force of every decided item on correspondences."""
    return Verdict.objects.filter(
        event=VerdictEvent.DECIDE,
        item_version=F("item__version"),
        item__state=ItemState.DECIDED,
        item__stage__in=[REVIEW, ADJUDICATION],
        item__correspondences_review__isnull=False,
    )


def answers_of(verdicts: QuerySet[Verdict]) -> Iterator[Answer]:
    """The verdicts as answers, in order of their proposals."""
    row = "item__correspondences_review__correspondences"
    rows = verdicts.select_related("reviewer", f"{row}__pair__tile", f"{row}__scan_tile")
    for verdict in rows.order_by("item__subject_id", "item_id").iterator(chunk_size=1000):
        yield _answer(verdict)


def standing_answers(item_ids: Sequence[int]) -> dict[int, Answer]:
    """The answer in force of each of these items that has one."""
    return {answer.item_id: answer for answer in answers_of(standing_verdicts().filter(item__in=item_ids))}


def batch_answers(batch_id: int) -> Iterator[list[Answer]]:
    """Every answer in force of a batch, those on one proposal together; none that a second one has still to follow."""
    same = {"batch": OuterRef("item__batch"), "subject_id": OuterRef("item__subject_id")}
    awaited = QueueItem.objects.filter(**same, stage=REVIEW, state=ItemState.OPEN)
    answers: Iterable[Answer] = answers_of(standing_verdicts().filter(~Exists(awaited), item__batch=batch_id))
    for _, members in groupby(answers, key=lambda answer: answer.correspondences_id):
        yield list(members)


def distance_m(first: Answer, second: Answer) -> float | None:
    """Metres between where two people bring the tile's corners, on average; None where one took no transform."""
    if first.transform is None or second.transform is None:
        return None
    return engine.apart_m(first.transform, second.transform, first.tile)


def agree(first: Answer, second: Answer) -> bool:
    """Whether two answers come to the same: both refuse alike, or their transforms lie as near as the settings ask."""
    apart = distance_m(first, second)
    if apart is None:
        return first.decision == second.decision
    return apart <= settings.CORRESPONDENCES_AGREE_M


def outcome(given: Sequence[Answer]) -> Answer | None:
    """What the answers of one batch on one proposal come to; None where there is none, or two of them differ.

    Of two that agree it is the one that set points by hand: its error is known.
    """
    if not given or not all(agree(first, second) for first, second in combinations(given, 2)):
        return None
    return next((answer for answer in given if answer.decision == "adjust"), given[0])


def _answer(verdict: Verdict) -> Answer:
    row = verdict.item.correspondences_review.correspondences
    tile = tile_address(row.tile)
    correction = engine.correction_of(verdict.payload, tile) if verdict.decision == "adjust" else None
    proposed = engine.proposed_transform(row)
    transform = correction.transform if correction else proposed if verdict.decision == "accept" else None
    return Answer(
        item_id=verdict.item_id,
        batch_id=verdict.item.batch_id,
        correspondences_id=row.pk,
        stage=verdict.item.stage,
        reviewer=verdict.reviewer.username,
        seconds=verdict.seconds,
        tile=tile,
        proposed=proposed,
        decision=verdict.decision,
        reason=verdict.reason,
        comment=verdict.comment,
        transform=transform,
        correction=correction,
    )
