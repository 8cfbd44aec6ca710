"""Which tiles a set of edits (or of a town's changes) makes wrong, under one rule for every method and baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.geometry.webmercator import TileAddress
from mlcore.synthetic.local_frame import LocalFrame

CHANGED_SHARE = 0.02
WHOLE_BUILDING_M2 = 40.0
WHOLE = 0.9


class Difference(Protocol):
    """A SimulatedEdit or a TownChange."""

    @property
    def before(self) -> BaseGeometry | None: ...

    @property
    def after(self) -> BaseGeometry | None: ...


def changed_shares(differences: Sequence[Difference], tiles: Sequence[TileAddress]) -> dict[TileAddress, float]:
    """Share of each tile's area on which map and truth disagree about buildings, 0..1."""
    return {tile: area for tile, (area, _) in _measure(differences, tiles).items()}


def tile_truth(
    differences: Sequence[Difference],
    tiles: Sequence[TileAddress],
    *,
    share: float = CHANGED_SHARE,
    whole_m2: float = WHOLE_BUILDING_M2,
) -> dict[TileAddress, bool]:
    """True for each tile whose map is wrong.

    A tile is wrong where buildings differ on at least `share` of its area, or where a whole building of `whole_m2` or
    more (nine tenths of it inside the tile) is missing or too many. Pass `edited.edits` or `town.changes`.
    """
    measured = _measure(differences, tiles)
    return {tile: area >= share or whole >= whole_m2 for tile, (area, whole) in measured.items()}


def _measure(differences: Sequence[Difference], tiles: Sequence[TileAddress]) -> dict[TileAddress, tuple[float, float]]:
    """Per tile: share of changed area, and the largest whole building that is missing or too many, m2."""
    if not tiles:
        return {}
    frame = LocalFrame.about([tile.polygon_lonlat for tile in tiles])
    squares = np.array([frame.to_metres(tile.polygon_lonlat) for tile in tiles], dtype=object)
    tree = shapely.STRtree(squares)
    changed, whole = np.zeros(len(tiles)), np.zeros(len(tiles))
    for difference in differences:
        before, after = (None if s is None else frame.to_metres(s) for s in (difference.before, difference.after))
        if before is not None and after is not None:
            one_sided, shape = False, before.symmetric_difference(after)
        else:
            one_sided, shape = True, before if before is not None else after
        for i in tree.query(shape, predicate="intersects").tolist():
            inside = shape.intersection(squares[i]).area
            changed[i] += inside
            if one_sided and inside >= WHOLE * shape.area:
                whole[i] = max(whole[i], shape.area)
    shares = changed / shapely.area(squares)
    return {tile: (float(shares[i]), float(whole[i])) for i, tile in enumerate(tiles)}
