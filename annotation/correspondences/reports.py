"""The report of a batch: what became of its proposals, how far people lie apart, and the errors of what they set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median, quantiles
from typing import Any

from django.conf import settings

from annotation.correspondences import engine
from annotation.correspondences.answers import ADJUDICATION, ANSWERED, REVIEW, Answer, agree, distance_m, outcome
from annotation.review.agreement import wilson


@dataclass
class _Tally:
    """What one pass over the answers keeps; an answer itself is forgotten."""

    outcomes: Counter[str] = field(default_factory=Counter)
    by_reviewer: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    twice: int = 0
    same: int = 0
    waiting: int = 0
    apart_m: list[float] = field(default_factory=list)
    moved_m: list[float] = field(default_factory=list)
    fit_rmse_m: list[float] = field(default_factory=list)
    check_rmse_m: list[float] = field(default_factory=list)


def report(answered: Iterable[Sequence[Answer]]) -> dict[str, Any]:
    """Figures of answers that come together by proposal; metres are on the ground.

    A proposal counts once: by its one answer, by two that agree, or by the one that settled them; where two differ and
    nobody has settled them yet, it waits. The accepted share is of accepted, adjusted and rejected proposals.
    """
    tally = _Tally()
    for members in answered:
        _count(tally, members)
    taken = sum(tally.outcomes[decision] for decision in ANSWERED)
    return {
        "inspected": tally.outcomes.total(),
        "outcomes": dict(tally.outcomes),
        "waiting": tally.waiting,
        "acceptance": asdict(wilson(tally.outcomes["accept"], taken)),
        "agreement": {
            "twice": tally.twice,
            "same": asdict(wilson(tally.same, tally.twice)),
            "agree_m": settings.CORRESPONDENCES_AGREE_M,
            "apart_m": _spread(tally.apart_m),
        },
        "moved_m": _spread(tally.moved_m),
        "fit_rmse_m": _spread(tally.fit_rmse_m),
        "check_rmse_m": _spread(tally.check_rmse_m),
        "reasons": [
            {"decision": decision, "reason": reason, "number": number}
            for (decision, reason), number in sorted(tally.reasons.items())
        ],
        "by_reviewer": [
            {"reviewer": name, "decisions": dict(counts), "seconds": _spread(tally.seconds[name])}
            for name, counts in sorted(tally.by_reviewer.items())
        ],
    }


def _count(tally: _Tally, members: Sequence[Answer]) -> None:
    given = [answer for answer in members if answer.stage == REVIEW]
    for answer in members:
        tally.by_reviewer[answer.reviewer][answer.decision] += 1
        if answer.seconds is not None:
            tally.seconds[answer.reviewer].append(answer.seconds)
    if len(given) > 1:
        tally.twice += 1
        tally.same += agree(given[0], given[1])
        if (apart := distance_m(given[0], given[1])) is not None:
            tally.apart_m.append(apart)
    settled = next((answer for answer in members if answer.stage == ADJUDICATION), None)
    found = settled or outcome(given)
    if found is None:
        tally.waiting += 1
        return
    tally.outcomes[found.decision] += 1
    if found.reason:
        tally.reasons[found.decision, found.reason] += 1
    _measure(tally, found)


def _measure(tally: _Tally, found: Answer) -> None:
    """The errors of the points that somebody set, and how far they moved the proposal."""
    if found.correction is None:
        return
    tally.fit_rmse_m.append(found.correction.fit_rmse_m)
    if found.correction.check_rmse_m is not None:
        tally.check_rmse_m.append(found.correction.check_rmse_m)
    if found.proposed is not None:
        tally.moved_m.append(engine.apart_m(found.proposed, found.correction.transform, found.tile))


def _spread(values: Sequence[float]) -> dict[str, Any]:
    """How many there are, their median and what nine of ten stay below; None where there are none."""
    if not values:
        return {"number": 0, "median": None, "p90": None}
    p90 = quantiles(values, n=10, method="inclusive")[-1] if len(values) > 1 else values[0]
    return {"number": len(values), "median": median(values), "p90": p90}
