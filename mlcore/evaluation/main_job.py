"""The figures of the main job: a region with simulated map edits, its tile probabilities and its queue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mlcore.changes.candidate import Candidate
from mlcore.evaluation.metrics import Interval, all_positive_f1, auroc, block_interval, calibration_error, prevalence
from mlcore.evaluation.objects import first_true, score_objects
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.splits import geographic_folds
from mlcore.synthetic.edits import SimulatedEdit
from mlcore.synthetic.truth import tile_truth

BLOCKS = 12  # of the bootstrap
FIRST = 40


def score_main_job(
    probabilities: Mapping[TileAddress, float],
    candidates: Sequence[Candidate],
    edits: Sequence[SimulatedEdit],
    *,
    others: Mapping[str, Mapping[TileAddress, float]] | None = None,
    seed: int = 0,
) -> dict[str, float]:
    """Tile and object figures against simulated edits of the map.

    Args:
        probabilities: calibrated probability that image and map agree, for every scanned tile.
        candidates: the queue.
        edits: what was put into the map.
        others: further scores of tiles, higher = agrees, whose AUROC is given beside (such as U-CSA alone).

    Returns:
        Figures by name: tile_auroc with its 95 % interval over blocks, prevalence, first40_true, precision, recall and
        boundary distance per kind at confidence 0.5.

    Raises:
        InvalidInputError: no tile, or all tiles changed or all unchanged.
    """
    tiles = sorted(probabilities)
    truth = tile_truth(edits, tiles)
    changed = np.array([truth[tile] for tile in tiles])
    doubt = np.array([1 - probabilities[tile] for tile in tiles])
    interval = _interval(tiles, changed, doubt, seed)
    figures = {
        "tile_auroc": interval.value,
        "tile_auroc_low": interval.low,
        "tile_auroc_high": interval.high,
        "tile_calibration_error": calibration_error(changed, doubt),
        "tiles": float(len(tiles)),
        "prevalence": prevalence(changed),
        "all_positive_f1": all_positive_f1(changed),
        "edits": float(len(edits)),
        "candidates": float(len(candidates)),
        "first40_true": float(first_true(candidates, edits, FIRST)),
        "first50_precision": first_true(candidates, edits, 50) / 50,
    }
    for name, scores in (others or {}).items():
        figures[f"tile_auroc_{name}"] = auroc(changed, np.array([-scores[tile] for tile in tiles]))
    for kind, score in score_objects(candidates, edits).items():
        figures |= {
            f"{kind}_precision": score.precision,
            f"{kind}_recall": score.recall,
            f"{kind}_f1": score.f1,
            f"{kind}_boundary_m": score.boundary_m,
        }
    return figures


def _interval(tiles: Sequence[TileAddress], changed: np.ndarray, doubt: np.ndarray, seed: int) -> Interval:
    """AUROC with its interval over blocks; a region too small for blocks has the figure alone."""
    count = min(BLOCKS, len(tiles) // 2)
    if count < 2:
        value = auroc(changed, doubt)
        return Interval(value, value, value)
    blocks = geographic_folds(tiles, count, seed=seed)
    return block_interval(auroc, changed, doubt, [blocks[tile] for tile in tiles], seed=seed)
