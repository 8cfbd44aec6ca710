"""A place's map brought to where its image shows it, so that patches may be learnt from maps of volunteers.

Such maps are a metre or three off, by another way on each tile. A matcher that is right on average moves them tile by
tile, and the next one learns from the moved map (Girard et al. 2019, "Noisy supervision for correcting misaligned
cadaster maps without perfect ground truth data").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import shapely

from mlcore.correspondences.matches import Matcher
from mlcore.correspondences.surroundings import register_tile
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress, lonlat_to_xy, tile_at, xy_to_lonlat
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource


def registered_map(
    matcher: Matcher, source: PairSource, tiles: Sequence[TileAddress]
) -> tuple[MapIndex, list[TileAddress]]:
    """The map with every object moved as its tile is, and the tiles that were registered.

    An object that lies on none of these is moved as the nearest one.

    Args:
        tiles: of one zoom, where the map is complete.
    """
    found = {tile: register_tile(matcher, source, tile).transform for tile in tiles}
    moves = {tile: transform for tile, transform in found.items() if transform is not None}
    if not moves:
        return MapIndex(), []
    places = np.array([(tile.x, tile.y) for tile in moves])
    transforms = list(moves.items())

    def moved(feature: MapFeature) -> MapFeature:
        at = feature.geometry.centroid
        here = tile_at(at.x, at.y, tiles[0].z)
        nearest = int(np.abs(places - (here.x, here.y)).sum(axis=1).argmin())
        geometry = shapely.transform(feature.geometry, _mover(*transforms[nearest]))
        return replace(feature, geometry=geometry, nodes=())

    return MapIndex([moved(feature) for feature in source.index]), list(moves)


def _mover(tile: TileAddress, transform: Transform) -> Callable[[np.ndarray], np.ndarray]:
    return lambda lonlat: xy_to_lonlat(transform.apply(lonlat_to_xy(lonlat, tile)), tile)
