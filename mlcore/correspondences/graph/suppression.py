"""Adaptive non-maximum suppression: keypoints that are strong and lie all over the picture.

Brown, Szeliski and Winder ("Multi-image matching using multi-scale oriented patches", CVPR 2005) keep the points that
are farthest from any clearly stronger one. Of points that are equally strong, as along the walls of a drawn map, that
leaves heaps. So squares cover the picture here (SSC of Bailo et al., "Efficient adaptive non-maximal suppression
algorithms for homogeneous spatial keypoint distribution", 2018): from the strongest on, a point is kept where no kept
one covers it, and the width of the squares is searched for that leaves as many points as are wanted.
"""

from __future__ import annotations

import numpy as np

from mlcore.errors import InvalidInputError

COVERED_CELLS = 2
"""A kept point covers so many cells on each side of its own: kept points lie more than so many cells apart."""
TOLERANCE = 0.05
"""Up to this share more than wanted is near enough: the weakest of them go."""
SEARCHES = 12


def spread(xy: np.ndarray, score: np.ndarray, count: int) -> np.ndarray:
    """Which `count` points stay.

    Args:
        xy: (N, 2) pixels; score: (N,).

    Returns:
        (min(count, N),) indices, the strongest first.
    """
    if xy.ndim != 2 or xy.shape[1] != 2 or score.shape != xy.shape[:1] or count < 1:
        raise InvalidInputError("points must be (N, 2), their scores (N,), and at least one must stay")
    order = np.argsort(-score, kind="stable")
    if len(order) <= count:
        return order
    placed = xy[order] - xy.min(axis=0)
    low, high = 0.0, float(placed.max()) + 1.0  # cells this small leave all, this large leave one
    stay = np.arange(len(order))
    for _ in range(SEARCHES):
        cell = 0.5 * (low + high)
        kept = covering(placed, cell)
        if len(kept) < count:
            high = cell
            continue
        low, stay = cell, kept
        if len(kept) <= count * (1 + TOLERANCE):
            break
    return order[stay[:count]]


def covering(xy: np.ndarray, cell_px: float) -> np.ndarray:
    """Indices of the points that no earlier kept one covers.

    Args:
        xy: (N, 2) not negative, the strongest first; cell_px: side of a cell, > 0.
    """
    cells = np.floor(xy / cell_px).astype(np.int64) + COVERED_CELLS
    wide, tall = (cells.max(axis=0) + COVERED_CELLS + 1).tolist()
    covered = np.zeros((tall, wide), bool)
    kept, side = [], 2 * COVERED_CELLS + 1
    for number, (right, below) in enumerate(cells.tolist()):
        if not covered[below, right]:
            kept.append(number)
            left, top = right - COVERED_CELLS, below - COVERED_CELLS
            covered[top : top + side, left : left + side] = True
    return np.array(kept, np.int64)
