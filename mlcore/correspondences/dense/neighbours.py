"""Which shift a tile's map is moved by: what people stand by, its own, its neighbours' or the region's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mlcore.correspondences.dense.shift import LEAST_CONFIDENCE, NO_SHIFT, Shift
from mlcore.geometry.webmercator import TileAddress

LEAST_AROUND = 3  # of so many sure tiles next to it a tile needs none further away


@dataclass(frozen=True)
class Known:
    """What is known of the shifts of a region's tiles besides what dense correlation measures.

    Attributes:
        verified: what people, or the gate that an administrator set, stand by; of any tiles.
        matched: what a matcher proposed and nobody decided.
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
    own = _surest(measured, known.matched) | dict(known.verified)
    region = _of_region(list(own.values()), agree_px)
    return {tile: own[tile] if tile in known.verified else _chosen(tile, own, region, agree_px) for tile in measured}


def _surest(*sources: Mapping[TileAddress, Shift]) -> dict[TileAddress, Shift]:
    """Of each tile the surest shift that is sure enough to count; of two as sure, that of the first source."""
    best: dict[TileAddress, Shift] = {}
    for source in sources:
        for tile, shift in source.items():
            held = best.get(tile, NO_SHIFT).confidence
            if shift.confidence >= LEAST_CONFIDENCE and shift.confidence > held:
                best[tile] = shift
    return best


def _chosen(tile: TileAddress, own: Mapping[TileAddress, Shift], region: Shift, agree_px: float) -> Shift:
    mine, around = own.get(tile), _around(tile, own, agree_px)
    if mine is None:
        return around or region
    if around is None or mine.apart_px(around) <= agree_px or mine.confidence >= around.confidence:
        return mine
    return around


def _around(tile: TileAddress, own: Mapping[TileAddress, Shift], agree_px: float) -> Shift | None:
    """What the nearest sure tiles share, as sure as they agree; None where there is none."""
    near = [own[other] for other in tile.around(1) if other in own]
    if len(near) < LEAST_AROUND:
        near = [own[other] for other in tile.around(2) if other in own]
    if not near:
        return None
    middle = median_shift(near)
    weights = np.array([shift.confidence for shift in near])
    agree = np.array([shift.apart_px(middle) <= agree_px for shift in near])
    return replace(middle, confidence=float((weights * agree).sum() / len(near)), origin="neighbours")


def _of_region(sure: Sequence[Shift], agree_px: float) -> Shift:
    """What most sure tiles share; no shift where they are few, or scattered."""
    whole = median_shift(sure)
    if len(sure) < LEAST_AROUND or np.median([shift.apart_px(whole) for shift in sure]) > agree_px:
        return NO_SHIFT
    return replace(whole, confidence=whole.confidence / 2, origin="region")


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
