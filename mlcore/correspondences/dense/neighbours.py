"""Which shift a tile's map is moved by: what people stand by, its own, its neighbours' or the region's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from mlcore.correspondences.dense.shift import LEAST_CONFIDENCE, NO_SHIFT, Shift
from mlcore.correspondences.dense.table import ShiftTable
from mlcore.geometry.webmercator import TileAddress

LEAST_AROUND = 3  # of so many sure tiles next to it a tile needs none further away
KEPT_TILES = 16_384  # whose own shift is remembered while their neighbours ask for it


@dataclass(frozen=True)
class Known:
    """What is known of the shifts of a region's tiles besides what dense correlation measures.

    Attributes:
        verified: what people, or the gate that an administrator set, stand by; of any tiles.
        matched: what a matcher proposed and nobody decided; of many tiles in a `ShiftTable`.
    """

    verified: Mapping[TileAddress, Shift] = field(default_factory=dict)
    matched: Mapping[TileAddress, Shift] = field(default_factory=dict)


def shifts_in_use(
    measured: Mapping[TileAddress, Shift], known: Known | None = None, *, agree_px: float = 3.0
) -> dict[TileAddress, Shift]:
    """The shift of every tile that was measured, with its origin.

    What people stand by is taken as it is. Else the surer one of the tile's own measurement and of what a matcher
    proposed; where the tiles around agree on another one more surely than that, theirs; where nothing confident is
    near, the region's, if it has one.

    Args:
        known: of tiles that are not asked for as well: these are neighbours all the same.
        agree_px: shifts that lie so near each other are the same.
    """
    known = known or Known()
    matched = known.matched if isinstance(known.matched, ShiftTable) else ShiftTable(known.matched.items())
    own = _Own(measured, known.verified, matched)
    region = _of_region(own, agree_px)
    return {tile: known.verified.get(tile) or _chosen(tile, own, region, agree_px) for tile in measured}


class _Own:
    """What is known of each tile itself; proposals stay in their table until a tile asks for its own."""

    def __init__(
        self, measured: Mapping[TileAddress, Shift], verified: Mapping[TileAddress, Shift], matched: ShiftTable
    ) -> None:
        self.measured, self.verified, self.matched = measured, verified, matched
        self.of = lru_cache(KEPT_TILES)(self._of)

    def _of(self, tile: TileAddress) -> Shift | None:
        """What people stand by, else the surest that is sure enough to count; of two as sure the measured one."""
        if tile in self.verified:
            return self.verified[tile]
        told = (self.measured.get(tile), self.matched.get(tile))
        sure = [one for one in told if one is not None and one.confidence >= LEAST_CONFIDENCE]
        return max(sure, key=lambda one: one.confidence, default=None)

    def all(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N,) each: dx and dy in pixels and the confidence of all tiles that anything is known of."""
        seen = self.measured.keys() | self.verified.keys()
        told = [one for one in map(self._of, seen) if one is not None]
        rest = self.matched.without(seen) & (self.matched.confidence >= LEAST_CONFIDENCE)
        columns = ([one.dx_px for one in told], [one.dy_px for one in told], [one.confidence for one in told])
        others = (self.matched.dx_px, self.matched.dy_px, self.matched.confidence)
        dx, dy, sure = (np.append(one, more[rest]) for one, more in zip(columns, others, strict=True))
        return dx, dy, sure


def _chosen(tile: TileAddress, own: _Own, region: Shift, agree_px: float) -> Shift:
    mine, around = own.of(tile), _around(tile, own, agree_px)
    if mine is None:
        return around or region
    if around is None or mine.apart_px(around) <= agree_px or mine.confidence >= around.confidence:
        return mine
    return around


def _around(tile: TileAddress, own: _Own, agree_px: float) -> Shift | None:
    """What the nearest sure tiles share, as sure as they agree; None where there is none."""
    near = [one for other in tile.around(1) if (one := own.of(other)) is not None]
    if len(near) < LEAST_AROUND:
        near = [one for other in tile.around(2) if (one := own.of(other)) is not None]
    if not near:
        return None
    middle = median_shift(near)
    weights = np.array([shift.confidence for shift in near])
    agree = np.array([shift.apart_px(middle) <= agree_px for shift in near])
    return replace(middle, confidence=float((weights * agree).sum() / len(near)), origin="neighbours")


def _of_region(own: _Own, agree_px: float) -> Shift:
    """What most sure tiles share; no shift where they are few, or scattered."""
    dx, dy, sure = own.all()
    if len(sure) < LEAST_AROUND:
        return NO_SHIFT
    whole = Shift(weighted_median(dx, sure), weighted_median(dy, sure), float(sure.mean()) / 2, "region")
    return NO_SHIFT if np.median(np.hypot(dx - whole.dx_px, dy - whole.dy_px)) > agree_px else whole


def median_shift(shifts: Sequence[Shift]) -> Shift:
    """The weighted median of shifts; no shift at all where there is none."""
    if not shifts:
        return NO_SHIFT
    weights = np.array([shift.confidence for shift in shifts])
    return Shift(
        weighted_median(np.array([s.dx_px for s in shifts]), weights),
        weighted_median(np.array([s.dy_px for s in shifts]), weights),
        float(weights.mean()),
    )


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value below which half of the weight lies."""
    order = np.argsort(values)
    place = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(values[order][min(int(place), len(values) - 1)])
