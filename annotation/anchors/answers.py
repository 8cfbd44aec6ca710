"""Reads of people's answers on anchors: those that stand, whether two agree, all of a batch for reports and exports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from annotation.review.models import ItemState, QueueItem, Verdict, VerdictEvent

REVIEW = "anchors"
ADJUDICATION = "anchor-adjudication"
ANSWERED = ("accept", "correct", "reject")
"""Decisions that say something of the anchor; the others say something of image or tile."""


@dataclass(frozen=True)
class Answer:
    """What one person said of one anchor; `attributes` and `summary` are the anchor's as this person left them."""

    item_id: int
    batch_id: int | None
    anchor_id: int
    stage: str
    generator: str
    model: str
    prompt_version: str
    z: int
    x: int
    y: int
    proposed: dict[str, str]
    proposed_summary: str
    decision: str
    reason: str
    comment: str
    attributes: dict[str, str]
    summary: str
    reviewer: str
    seconds: float | None
    at: dt.datetime


FIELDS = {
    "item_id": "item_id",
    "batch_id": "item__batch_id",
    "anchor_id": "item__anchor_review__anchor_id",
    "stage": "item__stage",
    "generator": "item__anchor_review__anchor__generator",
    "model": "item__anchor_review__anchor__model",
    "prompt_version": "item__anchor_review__anchor__prompt_version",
    "z": "item__anchor_review__anchor__pair__tile__z",
    "x": "item__anchor_review__anchor__pair__tile__x",
    "y": "item__anchor_review__anchor__pair__tile__y",
    "proposed": "item__anchor_review__anchor__attributes",
    "proposed_summary": "item__anchor_review__anchor__summary",
    "decision": "decision",
    "reason": "reason",
    "comment": "comment",
    "reviewer": "reviewer__username",
    "seconds": "seconds",
    "at": "at",
}


def standing_verdicts() -> QuerySet[Verdict]:
    """The verdict in force of every decided item on an anchor."""
    return Verdict.objects.filter(
        event=VerdictEvent.DECIDE,
        item_version=F("item__version"),
        item__state=ItemState.DECIDED,
        item__stage__in=[REVIEW, ADJUDICATION],
        item__anchor_review__isnull=False,
    )


def answers_of(verdicts: QuerySet[Verdict]) -> Iterator[Answer]:
    """The verdicts as answers, in order of their anchors; streamed."""
    rows = verdicts.order_by("item__subject_id", "item_id").values_list(*FIELDS.values(), "payload")
    for row in rows.iterator(chunk_size=2000):
        yield _answer(dict(zip(FIELDS, row[:-1], strict=True)), row[-1])


def standing_answers(item_ids: Sequence[int]) -> dict[int, Answer]:
    """The answer in force of each of these items that has one."""
    return {answer.item_id: answer for answer in answers_of(standing_verdicts().filter(item__in=item_ids))}


def batch_answers(batch_id: int) -> Iterator[Answer]:
    """Every answer in force of a batch, first, second and settling ones; none that a second one has still to follow."""
    return answers_of(_complete().filter(item__batch=batch_id))


def region_answers(region_id: int) -> Iterator[Answer]:
    """The same of a region."""
    return answers_of(_complete().filter(item__scope_id=region_id))


def _complete() -> QuerySet[Verdict]:
    """Without first answers whose second is still open: it would be swayed, and nothing is settled before it."""
    same = {"batch": OuterRef("item__batch"), "subject_id": OuterRef("item__subject_id")}
    return standing_verdicts().filter(~Exists(QueueItem.objects.filter(**same, stage=REVIEW, state=ItemState.OPEN)))


def agree(first: Answer, second: Answer) -> bool:
    """Whether two answers come to the same: both take the anchor with the same attributes, or both refuse it alike."""
    takes = {"accept", "correct"}
    if first.decision in takes and second.decision in takes:
        return first.attributes == second.attributes
    return first.decision == second.decision


def _answer(fields: dict[str, Any], payload: dict[str, Any]) -> Answer:
    corrected = fields["decision"] == "correct"
    return Answer(
        **fields,
        attributes=payload["attributes"] if corrected else fields["proposed"],
        summary=payload["summary"] if corrected else fields["proposed_summary"],
    )
