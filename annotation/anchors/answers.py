"""People's answers on anchors: those that stand, whether two agree, what they come to, all of a batch for reports."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from annotation.anchors.engine import ATTRIBUTE_NAMES
from annotation.review.models import ItemState, QueueItem, Verdict, VerdictEvent

REVIEW = "anchors"
ADJUDICATION = "anchor-adjudication"
ANSWERED = ("accept", "correct", "reject")
"""Decisions that say something of the anchor; the others say something of image or tile."""
TAKES = ("accept", "correct")
"""Decisions by which the anchor is used, as it is or corrected."""


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


def untold_pairs(batch_ids: Sequence[int]) -> Iterator[Answer]:
    """Pairs of answers of these batches that take the anchor in different words, with no third asked for or given."""
    same = {"item__batch": OuterRef("item__batch"), "item__subject_id": OuterRef("item__subject_id")}
    twin = standing_verdicts().filter(**same, item__stage=REVIEW, decision__in=TAKES)
    asked = QueueItem.objects.filter(batch=OuterRef("item__batch"), subject_id=OuterRef("item__subject_id"))
    rows = _complete().filter(item__batch__in=batch_ids, item__stage=REVIEW, decision__in=TAKES)
    rows = rows.filter(Exists(twin.filter(~Q(payload=OuterRef("payload")))))
    return answers_of(rows.filter(~Exists(asked.filter(stage=ADJUDICATION).exclude(state=ItemState.WITHDRAWN))))


def by_subject(answers: Iterable[Answer]) -> Iterator[list[Answer]]:
    """Answers on one anchor of one batch together; they come in order of their anchors."""
    for _, members in groupby(answers, key=lambda answer: answer.anchor_id):
        batches: dict[int | None, list[Answer]] = defaultdict(list)
        for answer in members:
            batches[answer.batch_id].append(answer)
        yield from batches.values()


def _complete() -> QuerySet[Verdict]:
    """Without first answers whose second is still open: it would be swayed, and nothing is settled before it."""
    same = {"batch": OuterRef("item__batch"), "subject_id": OuterRef("item__subject_id")}
    return standing_verdicts().filter(~Exists(QueueItem.objects.filter(**same, stage=REVIEW, state=ItemState.OPEN)))


def said(answer: Answer) -> tuple[str, ...]:
    """The whole answer to compare by: its decision and, of a correction, what it made of which part of the anchor.

    Case, space and full stops at the end of a summary are nothing that two people differ by: a correction of these
    alone says what accepting does.
    """
    if answer.decision not in TAKES:
        return (answer.decision,)
    before, after = answer.proposed, answer.attributes
    changes = [f"{name}: {after.get(name)}" for name in ATTRIBUTE_NAMES if before.get(name) != after.get(name)]
    if _words(answer.summary) != _words(answer.proposed_summary):
        changes.append(f"summary: {_words(answer.summary)}")
    return ("correct", *changes) if changes else ("accept",)


def agree(first: Answer, second: Answer) -> bool:
    """Whether two answers on one anchor come to the same: both take it in the same words, or both refuse it alike."""
    return said(first) == said(second)


def outcome(given: Sequence[Answer], settling: Answer | None = None) -> Answer | None:
    """What the answers of one batch on one anchor come to; None where there is none, or two differ and nobody settled.

    Of two that agree it is the one that corrects, which may have put the summary straight.
    """
    if settling is not None or not given:
        return settling
    if len(given) > 1 and not agree(given[0], given[1]):
        return None
    return next((answer for answer in given if answer.decision == "correct"), given[0])


def _words(summary: str) -> str:
    return " ".join(summary.split()).rstrip(". ").casefold()


def _answer(fields: dict[str, Any], payload: dict[str, Any]) -> Answer:
    corrected = fields["decision"] == "correct"
    return Answer(
        **fields,
        attributes=payload["attributes"] if corrected else fields["proposed"],
        summary=payload["summary"] if corrected else fields["proposed_summary"],
    )
