"""The similarity that most coarse matches agree on: every pair of matches says one."""

from __future__ import annotations

import numpy as np

from mlcore.geolocation.coarse import CoarseMatches
from mlcore.geometry.chance import log10_nfa

NEAR_CELLS = 1.0
"""How near a match agrees, in cells of the base: both of its points are known to half a cell."""
LEAST_CELLS = 1.9
"""Pairs nearer than this say too little of turn and scale."""
LEAST_AGREE = 3
MOST_SCALE = 6.0
MOST_PAIRS = 4096
"""Of more pairs the surest are asked: what few of these agree on, many don't."""


def rough_similarity(matches: CoarseMatches) -> np.ndarray | None:
    """(3, 3) from pixels of the query to the base's, None where fewer than three matches agree on any.

    Each agreeing match counts by its confidence. The best similarity is fitted again to all that agree, twice.
    """
    if len(matches.query_xy) < LEAST_AGREE:
        return None
    source, target = (xy[:, 0] + 1j * xy[:, 1] for xy in (matches.query_xy, matches.base_xy))
    weights = np.maximum(matches.confidence.astype(np.float64), 1e-6)
    near = NEAR_CELLS * matches.cell_px[1]
    first, second = np.triu_indices(len(source), 1)
    apart = np.abs(source[second] - source[first]) >= LEAST_CELLS * matches.cell_px[0]
    first, second = first[apart], second[apart]
    if not len(first):
        return None
    factor = (target[second] - target[first]) / (source[second] - source[first])
    sane = (np.abs(factor) <= MOST_SCALE) & (np.abs(factor) >= 1 / MOST_SCALE)
    factor, first, second = factor[sane], first[sane], second[sane]
    if not len(factor):
        return None
    if len(factor) > MOST_PAIRS:
        surest = np.argpartition(-weights[first] * weights[second], MOST_PAIRS)[:MOST_PAIRS]
        factor, first = factor[surest], first[surest]
    offset = target[first] - factor * source[first]
    agree = np.abs(factor[:, None] * source + offset[:, None] - target) <= near
    best = int((agree * weights).sum(axis=1).argmax())
    one, two = factor[best], offset[best]
    for _ in range(2):
        chosen = np.abs(one * source + two - target) <= near
        if chosen.sum() < LEAST_AGREE:
            return None
        one, two = _fitted(source[chosen], target[chosen], weights[chosen])
    return np.array([[one.real, -one.imag, two.real], [one.imag, one.real, two.imag], [0, 0, 1.0]])


def _fitted(source: np.ndarray, target: np.ndarray, weights: np.ndarray) -> tuple[complex, complex]:
    """The weighted least squares of target = one * source + two, in complex numbers."""
    weights = weights / weights.sum()
    middle, there = (weights * source).sum(), (weights * target).sum()
    spread = (weights * np.abs(source - middle) ** 2).sum()
    one = (weights * np.conj(source - middle) * (target - there)).sum() / max(spread, 1e-12)
    return complex(one), complex(there - one * middle)


def rough_nfa(matches: CoarseMatches, rough: np.ndarray, area_px2: float) -> float:
    """log10 of the similarities that chance would give on which as many of these matches agree.

    Args:
        area_px2: of the base, in which each match was looked for.
    """
    there = np.column_stack([matches.query_xy, np.ones(len(matches))]) @ rough.T
    near = NEAR_CELLS * matches.cell_px[1]
    agree = np.linalg.norm(there[:, :2] - matches.base_xy, axis=1) <= near
    return log10_nfa(len(matches), int(agree.sum()), 2, near, max(area_px2, 4 * near**2))
