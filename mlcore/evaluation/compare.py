"""Two models of a region side by side on one frozen set: figures, intervals, and what can be said of the difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import binomtest
from shapely.geometry.base import BaseGeometry

from mlcore.changes.decisions import Decision
from mlcore.errors import InvalidInputError
from mlcore.evaluation.metrics import Interval, auroc
from mlcore.evaluation.objects import KINDS
from mlcore.evaluation.scored import Scored
from mlcore.geometry.webmercator import TileAddress, tile_at
from mlcore.pairs.splits import geographic_folds
from mlcore.synthetic.edits import EditedMap
from mlcore.synthetic.truth import tile_truth

BLOCKS = 12
FIRST = 40
DRAWS = 1000
LEAST_SAID = 5
"""Fewer accepted or fewer rejected candidates than this say nothing about a model."""
Word = Literal["better", "worse", "unclear", "too_few", "alone"]
Metric = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Figure:
    """One figure of both models.

    Attributes:
        name: tile_auroc, first_precision, recall_add, recall_remove, recall_modify or agreement; of matchers those of
            `compare_matchers`.
        count: how many tiles, errors, decisions or blocks it rests on.
        first, second: each model's value with its interval; None where it has none, or there is no second model.
        difference: first - second on the same draws of blocks.
        word: whether the first model is better; unclear where the interval of the difference holds 0.
    """

    name: str
    count: int
    first: Interval | None
    second: Interval | None
    difference: Interval | None
    word: Word

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Sample:
    """What a figure is computed from: (N,) truth, (N,) scores, (N,) geographic block of each."""

    truth: np.ndarray
    scores: np.ndarray
    blocks: np.ndarray


def compare(
    first: Scored,
    second: Scored | None,
    edited: EditedMap,
    tiles: Sequence[TileAddress],
    decisions: Sequence[Decision],
    *,
    seed: int = 0,
) -> list[Figure]:
    """Every figure of the first model beside the second, both scored on the same set.

    The candidates that people decided about were mostly suggested by the model in use then, and it had to be sure of
    them: "agreement" is read with that in mind.

    Raises:
        InvalidInputError: the two were not scored on this set.
    """
    for scored in (first, second):
        if scored is not None and (len(scored.agreement), len(scored.said)) != (len(tiles), len(decisions)):
            raise InvalidInputError("the models were not scored on this frozen set: score them anew")
    block_of = _blocks(tiles, seed)
    setups = _samples(edited, tiles, decisions, block_of)
    figures = []
    for name, count, metric, sample in setups:
        others = None if second is None else sample(second)
        figures.append(figure_of(name, count, metric, sample(first), others, block_of, seed))
    return figures


def _samples(
    edited: EditedMap, tiles: Sequence[TileAddress], decisions: Sequence[Decision], block_of: np.ndarray
) -> list[tuple[str, int, Metric, Callable[[Scored], Sample]]]:
    truth = tile_truth(edited.edits, tiles)
    changed = np.array([truth[tile] for tile in tiles])
    number = {tile: position for position, tile in enumerate(tiles)}
    zoom = tiles[0].z
    of_edit = np.array([block_of[number.get(_tile_of(edit.geometry, zoom), 0)] for edit in edited.edits])
    kinds = np.array([edit.kind for edit in edited.edits])
    accepted = np.array([one.accepted for one in decisions], bool)
    of_decision = np.array([block_of[number.get(one.tile, 0)] for one in decisions], int)

    def of_tiles(scored: Scored) -> Sample:
        return Sample(changed, 1 - np.array(scored.agreement), block_of)

    def of_queue(scored: Scored) -> Sample:
        rows = scored.candidates
        right, sure = np.array([row[2] for row in rows], bool), np.array([row[1] for row in rows], float)
        return Sample(right, sure, block_of[np.array([row[0] for row in rows], int)])

    def of_kind(kind: str) -> Callable[[Scored], Sample]:
        chosen = kinds == kind
        return lambda scored: Sample(np.array(scored.found, bool)[chosen], np.ones(int(chosen.sum())), of_edit[chosen])

    def of_people(scored: Scored) -> Sample:
        return Sample(accepted, np.array(scored.said, float), of_decision)

    enough = min(int(accepted.sum()), int((~accepted).sum())) >= LEAST_SAID
    return [
        ("tile_auroc", len(tiles), auroc, of_tiles),
        ("first_precision", FIRST, first_precision, of_queue),
        *((f"recall_{kind}", int((kinds == kind).sum()), share_true, of_kind(kind)) for kind in KINDS),
        ("agreement", len(decisions), auroc if enough else _nothing, of_people),
    ]


def first_precision(right: np.ndarray, sure: np.ndarray) -> float:
    """Share of the FIRST surest suggestions that are right, of fewer where there are not so many.

    Raises:
        InvalidInputError: no suggestion.
    """
    if not len(right):
        raise InvalidInputError("no suggestion to count")
    return float(right[np.argsort(-sure, kind="stable")[:FIRST]].mean())


def share_true(truth: np.ndarray, _: np.ndarray) -> float:
    """Share of errors that were found.

    Raises:
        InvalidInputError: no error of the kind.
    """
    if not len(truth):
        raise InvalidInputError("no error of this kind")
    return float(truth.mean())


def _nothing(truth: np.ndarray, scores: np.ndarray) -> float:
    raise InvalidInputError("too few decisions to compare")


def figure_of(
    name: str, count: int, metric: Metric, first: Sample, second: Sample | None, block_of: np.ndarray, seed: int
) -> Figure:
    """One figure of both models, its intervals over draws of blocks.

    Args:
        metric: of (N,) truth and (N,) scores, the higher the better; InvalidInputError where it has no value.
        block_of: (T,) the block of every tile; samples name blocks among these.
    """
    rng = np.random.default_rng([seed, 23])
    total = int(block_of.max()) + 1
    draws = rng.integers(total, size=(DRAWS, total)) if total > 1 else np.zeros((0, total), int)
    one = _draws(metric, first, draws)
    if one is None:
        return Figure(name, count, None, None, None, "too_few")
    shown = _with_chance(metric, first, _interval(*one))
    if second is None:
        return Figure(name, count, shown, None, None, "alone")
    other = _draws(metric, second, draws)
    if other is None:
        return Figure(name, count, shown, None, None, "too_few")
    difference = _interval(one[0] - other[0], one[1] - other[1], -1.0)
    word: Word = "better" if difference.low > 0 else "worse" if difference.high < 0 else "unclear"
    return Figure(name, count, shown, _with_chance(metric, second, _interval(*other)), difference, word)


def _with_chance(metric: Metric, sample: Sample, interval: Interval) -> Interval:
    """Of a share of a few: not narrower than Wilson's interval, since draws of 0 of 3 never give anything but 0."""
    counted = {share_true: len(sample.truth), first_precision: min(FIRST, len(sample.truth))}.get(metric, 0)
    if not counted:
        return interval
    low, high = binomtest(round(interval.value * counted), counted).proportion_ci(method="wilson")
    return Interval(interval.value, min(interval.low, float(low)), max(interval.high, float(high)))


def _draws(metric: Metric, sample: Sample, draws: np.ndarray) -> tuple[float, np.ndarray] | None:
    """The figure of the whole sample, and (draws,) of every draw of blocks; NaN where a draw has no value."""
    try:
        value = metric(sample.truth, sample.scores)
    except InvalidInputError:
        return None
    members = [np.flatnonzero(sample.blocks == block) for block in range(draws.shape[1])]
    drawn = np.full(len(draws), np.nan)
    for position, blocks in enumerate(draws):
        rows = np.concatenate([members[block] for block in blocks])
        try:
            drawn[position] = metric(sample.truth[rows], sample.scores[rows])
        except InvalidInputError:
            continue
    return value, drawn


def _interval(value: float, drawn: np.ndarray, least: float = 0.0) -> Interval:
    """With the 95 % interval of the draws; without draws that have a value, anything is possible."""
    kept = drawn[np.isfinite(drawn)]
    if not len(kept):
        return Interval(value, least, 1.0)
    low, high = np.quantile(kept, [0.025, 0.975])
    return Interval(value, float(low), float(high))


def _blocks(tiles: Sequence[TileAddress], seed: int) -> np.ndarray:
    """(T,) geographic block of each tile."""
    folds = geographic_folds(tiles, max(1, min(BLOCKS, len(tiles) // 2)), seed=seed)
    return np.array([folds[tile] for tile in tiles])


def _tile_of(shape: BaseGeometry, zoom: int) -> TileAddress:
    return tile_at(shape.centroid.x, shape.centroid.y, zoom)
