"""What outcomes come to: recall, agreement of footprints, rejection of foreign queries, honesty, seconds; intervals."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.evaluation.geolocation.outcomes import Outcome
from mlcore.evaluation.metrics import auroc

RANKS = (1, 5, 10)
TURNS_DEG = (0.0, 45.0, 90.0, 135.0, 180.1)
SCALES = (0.5, 0.71, 1.0, 1.41, 2.01)
SURE = 0.5
"""A placement of this probability or more is told; less is "not here"."""
PRECISE = 0.99
NOTHING = -1e9
"""Score of a query that got no answer."""
FOLDS = 5
CURVED = ("r1", "right", "iou", "queries")
Figure = Callable[[Sequence[Outcome]], float]


def figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Everything that is told of one placer; what has no value here is left out.

    - r1, r5, r10: share of the queries with a right answer whose first, first five, first ten answers hold one.
    - iou, iou4: mean over those whose first base is right; iou_all, iou4_all: over all, 0 where it is wrong.
    - right: share whose first base is right and whose footprint agrees by half at least.
    - corner_m: median over those whose first base is right.
    - reject_auroc: chance that a query with a place scores above a foreign one.
    - brier, wrong_sure, coverage, accuracy_at_coverage, coverage_precise: see `honesty`.
    - s_per_query: median; s_per_foreign: of foreign queries alone, which a method may look at for longer;
      cpu_s_per_query: seconds that processors worked, which other work on the machine doesn't change.
    """
    known = [one for one in outcomes if one.relevant]
    found = [one for one in known if one.rank == 1]
    told = {f"r{rank}": _share(one.rank is not None and one.rank <= rank for one in known) for rank in RANKS}
    told["right"] = _share(one.right for one in known)
    for name in ("iou", "iou4"):
        values = [getattr(one, name) for one in found]
        if values and None not in values:
            told[name] = float(np.mean(values))
            told[f"{name}_all"] = float(np.sum(values)) / len(known)
    corners = [one.corner_m for one in found if one.corner_m is not None]
    told["corner_m"] = float(np.median(corners)) if corners else math.nan
    told["reject_auroc"] = reject_auroc(outcomes)
    told |= honesty(outcomes)
    told["s_per_query"] = float(np.median([one.seconds for one in outcomes])) if outcomes else math.nan
    strangers = [one.seconds for one in outcomes if not one.relevant]
    told["s_per_foreign"] = float(np.median(strangers)) if strangers else math.nan
    told["cpu_s_per_query"] = float(np.median([one.cpu_seconds for one in outcomes])) if outcomes else math.nan
    told |= {"queries": float(len(known)), "foreign": float(len(outcomes) - len(known))}
    return {name: value for name, value in told.items() if math.isfinite(value)}


def reject_auroc(outcomes: Sequence[Outcome]) -> float:
    """AUROC of the first answers' scores, queries with a place against foreign ones; NaN without both."""
    try:
        return auroc(np.array([one.relevant for one in outcomes]), scores_of(outcomes))
    except InvalidInputError:
        return math.nan


def scores_of(outcomes: Sequence[Outcome]) -> np.ndarray:
    """(N,) of the first answers; the lowest of all where a query got none."""
    return np.array([NOTHING if one.score is None else max(one.score, NOTHING) for one in outcomes])


def honesty(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """What a method's own probabilities are worth; empty where it says none.

    - brier: of the answers "there" (with the probability p) and "not here" (with 1 - p) against what is true, 0..1:
      (1 - p)^2 of a right placement, p^2 of a foreign query, 1 - p + p^2 of a wrong placement. Proper, so that no
      method gains by saying another probability than it believes.
    - wrong_sure: share of all queries that are placed wrongly with SURE or more.
    - coverage: share of all queries placed with SURE or more; accuracy_at_coverage: share of these that are right.
    - coverage_precise: the largest share that can be placed, the surest first, with PRECISE of them right.
    """
    if not outcomes or any(one.score is not None and one.probability is None for one in outcomes):
        return {}
    p = np.array([one.probability or 0.0 for one in outcomes])
    right = np.array([one.right for one in outcomes])
    relevant = np.array([one.relevant for one in outcomes])
    brier = np.where(right, (1 - p) ** 2, np.where(relevant, 1 - p + p**2, p**2))
    sure = p >= SURE
    order = np.argsort(-p, kind="stable")
    shares = np.cumsum(right[order]) / np.arange(1, len(p) + 1)
    last = np.append(p[order][1:] < p[order][:-1], True)  # equal probabilities are placed together
    precise = np.flatnonzero((shares >= PRECISE) & last & (p[order] > 0))
    return {
        "brier": float(brier.mean()),
        "wrong_sure": float((sure & ~right).mean()),
        "coverage": float(sure.mean()),
        "accuracy_at_coverage": float(right[sure].mean()) if sure.any() else math.nan,
        "coverage_precise": float((precise[-1] + 1) / len(p)) if len(precise) else 0.0,
    }


def with_probabilities(outcomes: Sequence[Outcome], seed: int = 0) -> list[Outcome]:
    """The same with probabilities that a logistic of the score's logarithm gives, learnt on the other folds' queries:
    what a method's score is worth, whatever probability it says itself."""
    from sklearn.linear_model import LogisticRegression

    scores = scores_of(outcomes)
    signed = np.where(scores == NOTHING, 0.0, np.sign(scores) * np.log1p(np.abs(scores)))[:, None]
    right = np.array([one.right for one in outcomes])
    fold = np.random.default_rng(seed).permutation(len(outcomes)) % FOLDS
    said = np.full(len(outcomes), right.mean() if len(right) else 0.0)
    for number in range(FOLDS):
        rest, here = fold != number, fold == number
        if not here.any() or not rest.any():
            continue
        if right[rest].all() or not right[rest].any():
            said[here] = right[rest].mean()
            continue
        spread = signed[rest].std() or 1.0
        model = LogisticRegression().fit(signed[rest] / spread, right[rest])
        said[here] = model.predict_proba(signed[here] / spread)[:, 1]
    return [
        replace(one, probability=0.0 if one.score is None else float(value))
        for one, value in zip(outcomes, said, strict=True)
    ]


@dataclass(frozen=True)
class Span:
    """A 95 % interval."""

    low: float
    high: float


def intervals(outcomes: Sequence[Outcome], draws: int = 1000, seed: int = 0) -> dict[str, Span]:
    """95 % intervals of r1, r5, r10, right, iou, iou4 and reject_auroc, by drawing queries with replacement, those with
    a place and foreign ones apart."""
    rng = np.random.default_rng(seed)
    groups = [np.array(group) for group in _groups(outcomes) if group]
    values: dict[str, list[float]] = {}
    arrays = _arrays(outcomes)
    for _ in range(draws):
        drawn = np.concatenate([group[rng.integers(len(group), size=len(group))] for group in groups])
        for name, value in _quick(arrays, drawn).items():
            if math.isfinite(value):
                values.setdefault(name, []).append(value)
    return {name: Span(*np.quantile(found, [0.025, 0.975]).tolist()) for name, found in values.items()}


def curve(outcomes: Sequence[Outcome], by: str, edges: Sequence[float]) -> list[dict[str, float]]:
    """r1, right and iou of the queries with a place between each two edges.

    Args:
        by: "turned_deg", taken without its sign, or "scale".
    """
    rows = []
    for low, high in pairwise(edges):
        part = [one for one in outcomes if one.relevant and low <= abs(getattr(one, by)) < high]
        if part:
            told = {name: value for name, value in figures(part).items() if name in CURVED}
            rows.append({"from": low, "to": high} | told)
    return rows


def _share(flags: object) -> float:
    values = list(flags)  # type: ignore[call-overload]
    return float(np.mean(values)) if values else math.nan


def _groups(outcomes: Sequence[Outcome]) -> tuple[list[int], list[int]]:
    known = [number for number, one in enumerate(outcomes) if one.relevant]
    return known, [number for number, one in enumerate(outcomes) if not one.relevant]


def _arrays(outcomes: Sequence[Outcome]) -> dict[str, np.ndarray]:
    return {
        "relevant": np.array([one.relevant for one in outcomes]),
        "rank": np.array([math.inf if one.rank is None else one.rank for one in outcomes]),
        "right": np.array([one.right for one in outcomes], float),
        "iou": np.array([math.nan if one.iou is None else one.iou for one in outcomes]),
        "iou4": np.array([math.nan if one.iou4 is None else one.iou4 for one in outcomes]),
        "score": scores_of(outcomes),
    }


def _quick(arrays: dict[str, np.ndarray], drawn: np.ndarray) -> dict[str, float]:
    relevant, rank = arrays["relevant"][drawn], arrays["rank"][drawn]
    told: dict[str, float] = {}
    if relevant.any():
        told |= {f"r{limit}": float((rank[relevant] <= limit).mean()) for limit in RANKS}
        told["right"] = float(arrays["right"][drawn][relevant].mean())
        for name in ("iou", "iou4"):
            values = arrays[name][drawn][rank == 1]
            told[name] = float(values.mean()) if len(values) else math.nan
        if not relevant.all():
            told["reject_auroc"] = auroc(relevant, arrays["score"][drawn])
    return told
