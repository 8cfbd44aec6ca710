"""Figures of one method on one set of pairs, over seeds: how well low agreement tells changed tiles from untouched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.evaluation.calibration import fit_calibration
from mlcore.evaluation.metrics import (
    all_positive_f1,
    auroc,
    average_precision,
    best_f1,
    block_interval,
    calibration_error,
    f1_at,
    prevalence,
)
from mlcore.evaluation.pairs import CHANGED, UNTOUCHED, PairSet
from mlcore.evaluation.same_tile import same_tile_auroc
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.splits import geographic_folds
from mlcore.synthetic.truth import CHANGED_SHARE

BLOCKS = 12  # of the bootstrap
PARTS = 4  # a threshold is chosen on three quarters of the blocks and used on the fourth
DRAWS = 1000
SIZES = ((0.0, CHANGED_SHARE), (CHANGED_SHARE, 0.04), (0.04, 0.08), (0.08, 1.01))


@dataclass(frozen=True)
class Rows:
    """Pairs as arrays (N,).

    Attributes:
        state, share, kind: as in MapEdition.
        block: geographic block of the pair's tile, for the bootstrap.
        part: which quarter of the place it lies in; what is chosen on data is chosen on the other quarters.
        tile: number of its tile.
    """

    state: np.ndarray
    share: np.ndarray
    kind: np.ndarray
    block: np.ndarray
    part: np.ndarray
    tile: np.ndarray

    @classmethod
    def of(cls, pairs: PairSet) -> Rows:
        blocks, parts = blocks_of(pairs.tiles)
        count = len(pairs.editions)
        places = [np.tile(one, count) for one in (blocks, parts, np.arange(len(pairs.tiles)))]
        return cls(pairs.state, pairs.share, pairs.kind, *places)

    def take(self, kept: np.ndarray) -> Rows:
        return Rows(*(getattr(self, one.name)[kept] for one in fields(self)))


def blocks_of(tiles: Sequence[TileAddress]) -> tuple[np.ndarray, np.ndarray]:
    """Block and part of every tile: parts are neighbouring blocks, so that no block is cut by a part's border."""
    count = max(1, min(BLOCKS, len(tiles) // 2))
    block_of = geographic_folds(tiles, count)
    centres = [_centre([tile for tile in tiles if block_of[tile] == block], tiles[0].z) for block in range(count)]
    # Blocks are spread over parts as tiles are over folds: by place, through the tile at their middle.
    parts = geographic_folds(set(centres), min(PARTS, len(set(centres))))
    blocks = np.array([block_of[tile] for tile in tiles])
    return blocks, np.array([parts[centres[block]] for block in blocks])


def summary(
    rows: Rows, agreement: np.ndarray, *, probability: bool = False, draws: int = DRAWS, seed: int = 0
) -> dict[str, Any]:
    """Every figure of one method.

    Args:
        agreement: (S, N) scores of S seeds, higher = image and map agree.
        probability: the scores are calibrated probabilities, whose own calibration error is told as well.
        draws: of the bootstrap.

    Returns:
        Plain values: figures that can't be had (one class alone) are None.
    """
    agreement = np.atleast_2d(np.asarray(agreement, float))
    if agreement.shape[1] != len(rows.state) or not np.isfinite(agreement).all():
        raise InvalidInputError("a method must give one finite score for every pair: score the missing pairs first")
    decided = rows.state != -1
    kept, doubt = rows.take(decided), -agreement[:, decided]
    changed = kept.state == CHANGED
    figures: dict[str, Any] = {"auroc_seeds": [_try(auroc, changed, one) for one in doubt]}
    figures |= _spread("auroc", figures["auroc_seeds"])
    figures |= _interval("auroc", kept, doubt, draws, seed)
    figures |= _spread("average_precision", [_try(average_precision, changed, one) for one in doubt])
    figures |= _spread("f1", [_try(lambda y, s: f1_elsewhere(y, s, kept.part), changed, one) for one in doubt])
    calibrated = [probabilities_elsewhere(changed, one, kept.part) for one in doubt]
    figures |= _spread("calibration_error", [None if p is None else calibration_error(changed, p) for p in calibrated])
    if probability:
        chances = np.clip(1 + doubt, 0, 1)
        figures |= _spread("own_calibration_error", [calibration_error(changed, one) for one in chances])
    large = kept.share >= CHANGED_SHARE
    wanted = large | (kept.state == UNTOUCHED)
    figures |= _spread("auroc_2_percent", [_try(auroc, large[wanted], one[wanted]) for one in doubt])
    figures |= _interval("auroc_2_percent", kept.take(wanted), doubt[:, wanted], draws, seed)
    figures |= _same_tile("same_tile_auroc", kept, doubt, draws, seed)
    figures |= _same_tile("same_tile_auroc_2_percent", kept.take(wanted), doubt[:, wanted], draws, seed)
    figures["by_size"] = _by_size(rows, -agreement)
    figures["by_kind"] = {kind: _against(rows, -agreement, rows.kind == kind) for kind in sorted(set(rows.kind) - {""})}
    return figures


def base_figures(rows: Rows) -> dict[str, float]:
    """What holds for every method: counts, prevalence and the F1 of calling everything changed."""
    changed = rows.state[rows.state != -1] == CHANGED
    return {
        "pairs": float(len(changed)),
        "changed": float(changed.sum()),
        "undecided": float((rows.state == -1).sum()),
        "changed_2_percent": float(((rows.state == CHANGED) & (rows.share >= CHANGED_SHARE)).sum()),
        "blocks": float(len(np.unique(rows.block))),
        "prevalence": prevalence(changed),
        "all_positive_f1": all_positive_f1(changed),
    }


def truth_figures(rows: Rows, wrong_before: np.ndarray) -> dict[str, float | None]:
    """AUROC of a judge who knows the truth: it doubts a tile that was edited or that was wrong before, and no other.

    The pairs call a tile untouched that was not edited, and whoever sees what was wrong with it before is marked down.
    A method that comes out above the truth ranks simulated errors above real ones.

    Args:
        wrong_before: (N,) bool, the tile's map was read by eye and found wrong without any edit.
    """
    decided = rows.state != -1
    changed, large = rows.state == CHANGED, rows.share >= CHANGED_SHARE
    doubt = (changed | wrong_before).astype(float)
    wanted = decided & ~(changed & ~large)
    return {
        "truth_auroc": _try(auroc, changed[decided], doubt[decided]),
        "truth_auroc_2_percent": _try(auroc, changed[wanted], doubt[wanted]),
    }


def f1_elsewhere(changed: np.ndarray, doubt: np.ndarray, part: np.ndarray) -> float:
    """F1 over all pairs, each called by the threshold that is best on the other parts of the place."""
    return f1_at(changed, called_elsewhere(changed, doubt, part).astype(float), 0.5)


def called_elsewhere(changed: np.ndarray, doubt: np.ndarray, part: np.ndarray) -> np.ndarray:
    """(N,) bool, which pairs are called changed by the threshold that is best on the other parts of the place.

    Raises:
        InvalidInputError: fewer than two parts, or parts that hold one class alone.
    """
    called = np.zeros(len(changed), bool)
    for one in np.unique(part):
        here = part == one
        _, threshold = best_f1(changed[~here], doubt[~here])
        called[here] = doubt[here] >= threshold
    return called


def probabilities_elsewhere(changed: np.ndarray, doubt: np.ndarray, part: np.ndarray) -> np.ndarray | None:
    """Probability of a change for every pair, by logistic regression on the other parts; None with one class alone."""
    found = np.zeros(len(changed))
    for one in np.unique(part):
        here = part == one
        try:
            found[here] = fit_calibration(changed[~here], doubt[~here]).probability(doubt[here])
        except InvalidInputError:
            return None
    return found


def _centre(members: Sequence[TileAddress], z: int) -> TileAddress:
    middle = np.mean([(tile.x, tile.y) for tile in members], axis=0)
    return TileAddress(z, round(float(middle[0])), round(float(middle[1])))


def _by_size(rows: Rows, doubt: np.ndarray) -> list[dict[str, Any]]:
    """Changes of each size against untouched tiles; those below the truth rule are counted here as well."""
    found = []
    for low, high in SIZES:
        inside = (rows.state != UNTOUCHED) & (rows.share > 0) & (rows.share >= low) & (rows.share < high)
        found.append({"from": low, "to": min(high, 1.0)} | _against(rows, doubt, inside))
    return found


def _against(rows: Rows, doubt: np.ndarray, those: np.ndarray) -> dict[str, Any]:
    """AUROC of some pairs against all untouched ones."""
    wanted = those | (rows.state == UNTOUCHED)
    values = [_try(auroc, those[wanted], one[wanted]) for one in doubt]
    return {"pairs": int(those.sum())} | _spread("auroc", values)


def _interval(name: str, rows: Rows, doubt: np.ndarray, draws: int, seed: int) -> dict[str, float | None]:
    """95 % bootstrap interval over blocks, of the mean over seeds."""
    positive = rows.state == CHANGED

    def mean_auroc(drawn: np.ndarray, which: np.ndarray) -> float:
        return float(np.mean([auroc(drawn, one[which.astype(int)]) for one in doubt]))

    try:
        found = block_interval(mean_auroc, positive, np.arange(len(positive)), rows.block, draws=draws, seed=seed)
    except InvalidInputError:
        return {f"{name}_low": None, f"{name}_high": None}
    return {f"{name}_low": found.low, f"{name}_high": found.high}


def _same_tile(name: str, rows: Rows, doubt: np.ndarray, draws: int, seed: int) -> dict[str, float | None]:
    try:
        found = same_tile_auroc(rows.state == CHANGED, list(doubt), rows.tile, rows.block, draws=draws, seed=seed)
    except InvalidInputError:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}


def _spread(name: str, values: Sequence[float | None]) -> dict[str, float | None]:
    known = [value for value in values if value is not None]
    if not known:
        return {name: None, f"{name}_sd": None}
    return {name: float(np.mean(known)), f"{name}_sd": float(np.std(known, ddof=1)) if len(known) > 1 else None}


def _try(metric: Callable[[np.ndarray, np.ndarray], float], positive: np.ndarray, scores: np.ndarray) -> float | None:
    try:
        return metric(positive, scores)
    except InvalidInputError:
        return None
