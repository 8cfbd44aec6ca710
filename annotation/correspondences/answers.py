"""People's answers on correspondences: those that stand, how far apart two lie, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from django.conf import settings
from django.db.models import F, QuerySet

from annotation.correspondences import engine
from annotation.correspondences.engine import Correction, TileAddress, Transform
from annotation.review.models import ItemState, Verdict, VerdictEvent
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
        transform: as this person left it; None where they did not take it.
        correction: the points of an adjusted one, with their residuals.
    """

    item_id: int
    batch_id: int | None
    correspondences_id: int
    tile: TileAddress
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
    rows = verdicts.select_related("item__correspondences_review__correspondences__pair__tile")
    for verdict in rows.order_by("item__subject_id", "item_id"):
        yield _answer(verdict)


def standing_answers(item_ids: Sequence[int]) -> dict[int, Answer]:
    """The answer in force of each of these items that has one."""
    return {answer.item_id: answer for answer in answers_of(standing_verdicts().filter(item__in=item_ids))}


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
    tile = tile_address(row.pair.tile)
    correction = engine.correction_of(verdict.payload, tile) if verdict.decision == "adjust" else None
    transform = correction.transform if correction else None
    if verdict.decision == "accept":
        transform = engine.proposed_transform(row)
    return Answer(
        item_id=verdict.item_id,
        batch_id=verdict.item.batch_id,
        correspondences_id=row.pk,
        tile=tile,
        decision=verdict.decision,
        reason=verdict.reason,
        comment=verdict.comment,
        transform=transform,
        correction=correction,
    )
