"""The report of answers: acceptance with intervals, agreement beyond chance, confusion per attribute, time per item."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median, quantiles
from typing import Any

from annotation.anchors.answers import ADJUDICATION, ANSWERED, REVIEW, TAKES, Answer, by_subject, outcome, said
from annotation.anchors.engine import ATTRIBUTE_NAMES
from annotation.review.agreement import cohen_kappa, krippendorff_alpha, wilson

Confusion = dict[str, Counter[tuple[str, str]]]


@dataclass
class _Tally:
    """Counts that one pass over the answers keeps; an answer itself is forgotten."""

    outcomes: Counter[str] = field(default_factory=Counter)
    by_generator: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    by_reviewer: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    kept: Counter[str] = field(default_factory=Counter)
    taken: int = 0
    confusion: Confusion = field(default_factory=lambda: defaultdict(Counter))
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    pairs: list[tuple[Answer, Answer]] = field(default_factory=list)
    waiting: int = 0


def report(answers: Iterable[Answer]) -> dict[str, Any]:
    """Figures of answers that come in order of their anchors.

    An anchor counts once: by its one answer, by two that agree, or by the one that settled them; where two differ and
    nobody has settled them yet, it waits. Shares are of accepted, corrected and rejected anchors; people who could not
    tell, and bad or shifted images, are counted beside them.
    """
    tally = _Tally()
    for members in by_subject(answers):
        _count(tally, members)
    return {
        "inspected": sum(tally.outcomes.values()),
        "outcomes": dict(tally.outcomes),
        "waiting": tally.waiting,
        "acceptance": _accepted(tally.outcomes),
        "by_attribute": [
            {"attribute": name, **asdict(wilson(tally.kept[name], tally.taken))} for name in ATTRIBUTE_NAMES
        ],
        "by_generator": _shares(tally.by_generator, "generator"),
        "by_reviewer": _shares(tally.by_reviewer, "reviewer"),
        "reasons": dict(tally.reasons),
        "agreement": _agreement(tally),
        "confusion": _confusion(tally.confusion),
        "seconds": _times(tally.seconds),
    }


def _count(tally: _Tally, members: Sequence[Answer]) -> None:
    given = [answer for answer in members if answer.stage == REVIEW]
    settled = next((answer for answer in members if answer.stage == ADJUDICATION), None)
    for answer in members:
        tally.by_reviewer[answer.reviewer][answer.decision] += answer.stage == REVIEW
        if answer.seconds is not None:
            tally.seconds[answer.reviewer].append(answer.seconds)
    if len(given) > 1:
        tally.pairs.append((given[0], given[1]))
    found = outcome(given, settled)
    if found is None:
        tally.waiting += 1
        return
    tally.outcomes[found.decision] += 1
    tally.by_generator[_generator(found)][found.decision] += 1
    if found.reason:
        tally.reasons[f"{found.decision}:{found.reason}"] += 1
    if found.decision in TAKES:
        tally.taken += 1
        for name in ATTRIBUTE_NAMES:
            before, after = found.proposed.get(name, ""), found.attributes.get(name, "")
            tally.kept[name] += before == after
            tally.confusion[name][before, after] += 1


def _generator(answer: Answer) -> str:
    return " ".join(part for part in (answer.generator, answer.model, answer.prompt_version) if part)


def _accepted(outcomes: Counter[str]) -> dict[str, Any]:
    return asdict(wilson(outcomes["accept"], sum(outcomes[decision] for decision in ANSWERED)))


def _shares(groups: dict[str, Counter[str]], name: str) -> list[dict[str, Any]]:
    return [
        {name: key, "decisions": {d: n for d, n in sorted(counts.items()) if n}, **_accepted(counts)}
        for key, counts in sorted(groups.items())
        if sum(counts.values())
    ]


def _agreement(tally: _Tally) -> dict[str, Any]:
    """Of subjects with two answers, each as a whole; attributes are compared where both people took the anchor."""
    both = [(first, second) for first, second in tally.pairs if {first.decision, second.decision} <= set(TAKES)]
    by_attribute = []
    for name in ATTRIBUTE_NAMES:
        values = [(first.attributes.get(name, ""), second.attributes.get(name, "")) for first, second in both]
        by_attribute.append({
            "attribute": name,
            **asdict(wilson(sum(first == second for first, second in values), len(values))),
            "kappa": cohen_kappa(values),
            "alpha": krippendorff_alpha(values),
        })  # fmt: skip
    whole = [(said(first), said(second)) for first, second in tally.pairs]
    same = sum(first == second for first, second in whole)
    return {
        "subjects": len(whole),
        "disagreements": len(whole) - same,
        "same": asdict(wilson(same, len(whole))),
        "kappa": cohen_kappa(whole),
        "alpha": krippendorff_alpha(whole),
        "by_attribute": by_attribute,
    }


def _confusion(confusion: Confusion) -> list[dict[str, Any]]:
    return [
        {
            "attribute": name,
            "cells": [
                {"proposed": before, "verified": after, "number": number}
                for (before, after), number in sorted(confusion[name].items(), key=lambda cell: -cell[1])
            ],
        }
        for name in ATTRIBUTE_NAMES
        if confusion.get(name)
    ]


def _times(seconds: dict[str, list[float]]) -> dict[str, Any]:
    everyone = [value for values in seconds.values() for value in values]
    return {
        "all": _time(everyone),
        "by_reviewer": [{"reviewer": name, **_time(values)} for name, values in sorted(seconds.items())],
    }


def _time(values: Sequence[float]) -> dict[str, Any]:
    if not values:
        return {"items": 0, "median": None, "p90": None}
    p90 = quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]
    return {"items": len(values), "median": median(values), "p90": p90}
