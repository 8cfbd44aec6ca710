"""A query's points matched with one base's, about what the votes say, and the homography on which most agree."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mlcore.geolocation.local.features import LocalFeatures
from mlcore.geolocation.local.index import unit
from mlcore.geolocation.local.votes import Cell
from mlcore.geometry.chance import log10_nfa

RATIO = 0.9
MOST_TURN, MOST_SCALE = math.radians(35.0), 0.8
"""By how much a pair may be off what the votes say, of a turn and of log2 of a scale."""
NEAR_PX, TRIALS, SURE = 3.0, 2000, 0.999
LEAST = 6


@dataclass(frozen=True, eq=False)
class LocalMatch:
    """A base that local features propose.

    Attributes:
        number: the base's; weight: of its votes.
        matrix: (3, 3) from the query's pixels to the base's.
        query_xy, base_xy: (K, 2) float64 of the points that agree with it.
        log10_nfa: of agreements by chance as good, in all bases together.
    """

    number: int
    weight: float
    matrix: np.ndarray
    query_xy: np.ndarray
    base_xy: np.ndarray
    log10_nfa: float


def matched(query: LocalFeatures, base: LocalFeatures, cell: Cell, area_px2: float, tests: int) -> LocalMatch | None:
    """The homography of a query on a base, or None where too few points agree on any.

    Args:
        area_px2: of the base, in which each point was looked for.
        tests: bases that were looked at, one way or another.
    """
    if len(query) < LEAST or len(base) < LEAST:
        return None
    ours, theirs = _pairs(query, base, cell)
    if len(ours) < LEAST:
        return None
    query_xy, base_xy = (each.astype(np.float64) for each in (query.xy[ours], base.xy[theirs]))
    near = NEAR_PX * max(1.0, 2**cell.scale)
    cv2.setRNGSeed(0)
    try:
        matrix, _ = cv2.findHomography(
            query_xy, base_xy, cv2.USAC_MAGSAC, near, maxIters=TRIALS, confidence=SURE
        )  # fmt: skip
    except cv2.error:
        return None
    if matrix is None or not np.isfinite(matrix).all():
        return None
    there = np.column_stack([query_xy, np.ones(len(query_xy))]) @ matrix.T
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.linalg.norm(there[:, :2] / there[:, 2:] - base_xy, axis=1)
    agree = np.nan_to_num(off, nan=np.inf) <= near
    if agree.sum() < LEAST:
        return None
    nfa = log10_nfa(len(agree), int(agree.sum()), 4, near, max(area_px2, 4 * near**2)) + math.log10(max(tests, 1))
    return LocalMatch(
        cell.number, cell.weight, np.asarray(matrix, np.float64), query_xy[agree], base_xy[agree], nfa
    )  # fmt: skip


def _pairs(query: LocalFeatures, base: LocalFeatures, cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """Which points are most like each other, of those that turn and scale about as the votes say."""
    alike = unit(query.words) @ unit(base.words).T
    turn = base.angle[None] - query.angle[:, None] - cell.turn
    scale = np.log2(base.size)[None] - np.log2(query.size)[:, None] - cell.scale
    fits = (np.cos(turn) >= math.cos(MOST_TURN)) & (np.abs(scale) <= MOST_SCALE)
    alike = np.where(fits, alike, -1.0)
    best = alike.argmax(axis=1)
    rows = np.arange(len(alike))
    top = alike[rows, best]
    alike[rows, best] = -1.0
    second = alike.max(axis=1)
    passed = np.flatnonzero((top > 0) & (2 - 2 * top < RATIO**2 * (2 - 2 * second)))
    surest = passed[np.argsort(-top[passed], kind="stable")]
    theirs, first = np.unique(best[surest], return_index=True)
    return surest[first], theirs
