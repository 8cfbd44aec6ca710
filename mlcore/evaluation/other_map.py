"""The easy case: a tile under the map of another tile of the same place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.evaluation.pairs import CHANGED, NOTHING, UNTOUCHED, MapEdition, PairSet, halves
from mlcore.geometry.webmercator import TileAddress, lonlat_to_mercator, mercator_to_lonlat
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.synthetic.edits import EditedMap

HERE = -1


def other_map_set(index: MapIndex, tiles: Sequence[TileAddress], rounds: int, seed: int) -> PairSet:
    """`rounds` editions in which half of the tiles show another tile's map, the next edition the other half."""
    editions = []
    for number, half in enumerate(halves(tiles, rounds, seed + 2)):
        places = [tiles.index(tile) for tile in sorted(half)]
        turn = 1 + (number // 2) % max(1, len(places) - 1)
        taken = np.full(len(tiles), HERE)
        taken[places] = np.roll(places, turn) if len(places) > 1 else (places[0] + 1) % len(tiles)
        editions.append(swapped(index, tiles, taken))
    return PairSet("other-map", tuple(tiles), tuple(editions))


def swapped(index: MapIndex, tiles: Sequence[TileAddress], taken: np.ndarray) -> MapEdition:
    """The map in which tile i shows what the map says of tile `taken[i]`; HERE leaves it as it is.

    A tile whose new map shows buildings on the very same ground (both empty, most often) is no changed pair.
    """
    features = [feature for feature in index if not feature.geometry.is_empty]
    moved: list[MapFeature] = []
    state, share = np.full(len(tiles), UNTOUCHED), np.zeros(len(tiles))
    holes = [tile.polygon_lonlat for i, tile in enumerate(tiles) if taken[i] != HERE]
    for i, tile in enumerate(tiles):
        if taken[i] == HERE:
            continue
        own, other = _cut(index, tile, tile), _cut(index, tiles[int(taken[i])], tile)
        moved += other
        wrong = _buildings(own).symmetric_difference(_buildings(other)).area / tile.polygon_lonlat.area
        share[i] = wrong
        state[i] = CHANGED if wrong > NOTHING else UNTOUCHED
    gone = shapely.union_all(holes, grid_size=1e-9)
    shapely.prepare(gone)
    kept = [part for feature in features if (part := _without(feature, gone)) is not None]
    kind = np.where(state == CHANGED, "other-map", "").astype(object)
    return MapEdition(EditedMap(kept + moved, []), state, share, kind, taken)


def _cut(index: MapIndex, tile: TileAddress, place: TileAddress) -> list[MapFeature]:
    """What the map shows inside `tile`, drawn into `place`; parts are objects of their own, without OSM identity."""
    box = tile.polygon_lonlat
    step = np.array(place.bounds_mercator[:2]) - np.array(tile.bounds_mercator[:2])
    parts = []
    for feature in index.query(tile.bounds_lonlat):
        inside = feature.geometry.intersection(box)
        shape = shapely.transform(inside, lambda xy: mercator_to_lonlat(lonlat_to_mercator(xy) + step))
        parts += [_loose(feature, part) for part in shapely.get_parts(shape) if _fits(part, feature)]
    return parts


def _without(feature: MapFeature, gone: BaseGeometry) -> MapFeature | None:
    """The feature outside of `gone`; the very same object where it lies outside altogether."""
    if not gone.intersects(feature.geometry):
        return feature
    rest = feature.geometry.difference(gone)
    return None if rest.is_empty else _loose(feature, rest)


def _loose(feature: MapFeature, shape: BaseGeometry) -> MapFeature:
    return replace(feature, geometry=shape, osm_type=None, osm_id=None, nodes=(), members=())


def _fits(part: BaseGeometry, feature: MapFeature) -> bool:
    """Not a mere touch: a polygon's part is a polygon, a line's part a line."""
    return not part.is_empty and shapely.get_dimensions(part) == shapely.get_dimensions(feature.geometry)


def _buildings(features: Sequence[MapFeature]) -> BaseGeometry:
    return shapely.union_all([feature.geometry for feature in features if feature.kind == "building"])
