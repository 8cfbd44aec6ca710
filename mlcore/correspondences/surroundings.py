"""A tile as a matcher sees it: with what lies around it, at about the resolution that matchers learnt.

A tile alone shows too few buildings to be told from others. Its surroundings place it; but the tile must agree. Of
two made towns 21 of 32 tiles are found so, alone and at twice the size 5 were; of Banepa 48 of 48, 34 alone (tried by
hand with the weights that ship, kept in no result file).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from mlcore.correspondences.matches import Matcher, Matches
from mlcore.correspondences.robust import AGREE_PX, Registration, register
from mlcore.geometry.chance import GATE, agree_by_chance
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.pairs.source import PairSource

LEARNT_M = 0.3
"""Ground per pixel that matchers know best; a tile is read at the power of two of its pixels that is nearest."""
SMALLEST_PX, LARGEST_PX = 128, 512
"""Of a tile's side: a smaller one would be a blot, a larger one leaves nothing around it to be seen."""
WINDOW_PX = 512
MOST_AROUND = 1.0
"""Tiles that are seen on each side at most: a control point lies on its tile or on a neighbour."""


@dataclass(frozen=True)
class Surrounded:
    """Image and map of a tile and of what lies around it.

    Attributes:
        map, image: (S, S, 3) uint8 RGB each; the image is black where it has no data.
        tile_px: side of the tile in them; margin_px: of what is seen beyond it on each side.
    """

    map: np.ndarray
    image: np.ndarray
    tile_px: int
    margin_px: int

    def in_tile(self, matches: Matches) -> Matches:
        """Matches of these two, in pixels of the tile at TILE_PX."""
        grow = TILE_PX / self.tile_px
        map_xy, image_xy = ((xy - self.margin_px) * grow for xy in (matches.map_xy, matches.image_xy))
        return Matches(map_xy, image_xy, matches.confidence, matches.reach_px2 * grow**2)


def surrounded(source: PairSource, tile: TileAddress) -> Surrounded:
    """The tile in the middle of at most WINDOW_PX a side; a neighbour without image is black."""
    wanted = TILE_PX * tile.resolution_m() / LEARNT_M
    tile_px = int(2 ** np.clip(round(math.log2(wanted)), math.log2(SMALLEST_PX), math.log2(LARGEST_PX)))
    margin_px = min((WINDOW_PX - tile_px) // 2, int(MOST_AROUND * tile_px))
    west, south, east, north = tile.bounds_mercator
    more = (east - west) * margin_px / tile_px
    side = tile_px + 2 * margin_px
    image = source.reader.read_window((west - more, south - more, east + more, north + more), side, side)
    return Surrounded(_drawn(source, tile, tile_px, margin_px), image.rgb, tile_px, margin_px)


def register_tile(matcher: Matcher, source: PairSource, tile: TileAddress) -> Registration:
    """Where the image shows the map of a tile, in pixels of the tile at TILE_PX, or why that can't be told.

    What is found by the surroundings alone is refused: the points on the tile itself must agree, more of them than
    chance would let.
    """
    seen = surrounded(source, tile)
    matches = seen.in_tile(matcher.match(seen.map, seen.image))
    threshold_px = AGREE_PX * TILE_PX / seen.tile_px
    found = register(matches, (TILE_PX, TILE_PX), threshold_px=threshold_px)
    if found.transform is None:
        return found
    on_tile = on_the_tile(matches)
    agree, there = int((found.inliers & on_tile).sum()), int(on_tile.sum())
    if agree_by_chance(there, agree, threshold_px, matches.reach_px2) <= GATE:
        return found
    why = f"{agree} of {there} points on the tile itself agree with its surroundings, as many as chance gives"
    return replace(found, transform=None, inliers=np.zeros(len(matches), bool), refused=why)


def on_the_tile(matches: Matches) -> np.ndarray:
    """(N,) bool: which places of the map lie on the tile; pixels at TILE_PX."""
    return np.asarray(((matches.map_xy >= 0) & (matches.map_xy <= TILE_PX)).all(axis=1))


def _drawn(source: PairSource, tile: TileAddress, tile_px: int, margin_px: int) -> np.ndarray:
    """The map of the tile and of what lies `margin_px` around it; black beyond the grid."""
    reach = 1 if margin_px else 0
    whole = np.zeros(((2 * reach + 1) * tile_px,) * 2 + (3,), np.uint8)
    for one in tile.around(reach):
        row, column = (one.y - tile.y + reach) * tile_px, (one.x - tile.x + reach) * tile_px
        whole[row : row + tile_px, column : column + tile_px] = source.renderer.render(one, source.index, tile_px)
    cut = slice(reach * tile_px - margin_px, (reach + 1) * tile_px + margin_px)
    return whole[cut, cut]
