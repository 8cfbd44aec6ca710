"""Maps that are drawn off by a known offset: what of it registration finds, and what it spares the queue."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
import shapely.affinity
from shapely.geometry.base import BaseGeometry

from mlcore.changes.candidate import Candidate
from mlcore.correspondences.dense.shift import Shift
from mlcore.evaluation.metrics import Interval, block_interval
from mlcore.geometry.webmercator import EARTH_RADIUS_M, TileAddress, lonlat_to_xy, tile_at
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import BUILDINGS

Offset = Callable[[float, float], tuple[float, float]]
"""(longitude, latitude) -> metres to the east and to the north by which the map is drawn off there."""
WAVE_M = 1200.0  # from crest to crest of a smooth field, as hillsides displace
SAME_SHARE = 0.3  # of the smaller of two new buildings that both cover


def one_offset(length_m: float, seed: int) -> Offset:
    """The same everywhere, in a direction drawn by chance."""
    turn = np.random.default_rng([seed, 1]).uniform(0, 2 * np.pi)
    move = float(length_m * np.cos(turn)), float(length_m * np.sin(turn))
    return lambda lon, lat: move


def offset_per_tile(low_m: float, high_m: float, z: int, seed: int) -> Offset:
    """Another length and direction on every tile of the zoom, drawn apart."""

    def drawn(lon: float, lat: float) -> tuple[float, float]:
        tile = tile_at(lon, lat, z)
        rng = np.random.default_rng([seed, 2, tile.x, tile.y])
        length, turn = rng.uniform(low_m, high_m), rng.uniform(0, 2 * np.pi)
        return float(length * np.cos(turn)), float(length * np.sin(turn))

    return drawn


def smooth_offset(low_m: float, high_m: float, seed: int) -> Offset:
    """Length and direction that vary as waves over the place, as relief that is not removed displaces an image."""
    rng = np.random.default_rng([seed, 3])
    turns, phases = rng.uniform(0, 2 * np.pi, 2), rng.uniform(0, 2 * np.pi, 2)

    def drawn(lon: float, lat: float) -> tuple[float, float]:
        east, north = np.radians(lon) * EARTH_RADIUS_M * np.cos(np.radians(lat)), np.radians(lat) * EARTH_RADIUS_M
        along = [np.cos(turn) * east + np.sin(turn) * north for turn in turns]
        waves = [math.sin(2 * math.pi * way / WAVE_M + phase) for way, phase in zip(along, phases, strict=True)]
        length, heading = low_m + (high_m - low_m) * (1 + waves[0]) / 2, turns[0] + 0.7 * waves[1]
        return float(length * np.cos(heading)), float(length * np.sin(heading))

    return drawn


def drawn_off(index: MapIndex, offset: Offset) -> MapIndex:
    """The map with every feature drawn off by the offset at its middle."""
    return MapIndex([replace(one, geometry=moved(one.geometry, offset)) for one in index])


def moved(shape: BaseGeometry, offset: Offset, sign: float = 1.0) -> BaseGeometry:
    """A shape in degrees, moved by the offset at its middle."""
    middle = shape.centroid
    east, north = offset(middle.x, middle.y)
    up = math.degrees(sign * north / EARTH_RADIUS_M)
    across = math.degrees(sign * east / EARTH_RADIUS_M / math.cos(math.radians(middle.y)))
    return shapely.affinity.translate(shape, across, up)


def errors_m(
    index: MapIndex, before: Mapping[TileAddress, Shift], after: Mapping[TileAddress, Shift], offset: Offset
) -> dict[TileAddress, float]:
    """How far the buildings of a tile, drawn off and brought back, lie on the whole from where they do without that.

    The map errs by itself, and nobody knows by how much: what is found of it without the offset counts as right. In
    metres, of the mean of its buildings; of a tile without any, of its middle.
    """
    errors = {}
    for tile, shift in after.items():
        resolution_m = tile.resolution_m()
        middles = [one.geometry.centroid for one in index.query(tile.bounds_lonlat, BUILDINGS)]
        middles = [one for one in middles if tile_at(one.x, one.y, tile.z) == tile] or [tile.polygon_lonlat.centroid]
        drawn_m = np.array([offset(one.x, one.y) for one in middles]) * (1, -1)
        places = lonlat_to_xy(np.array([(one.x, one.y) for one in middles]), tile)
        right = before[tile].as_transform(resolution_m).apply(places)
        found = shift.as_transform(resolution_m).apply(places + drawn_m / resolution_m)
        errors[tile] = float(np.linalg.norm((found - right).mean(axis=0))) * resolution_m
    return errors


@dataclass(frozen=True)
class Suggested:
    """What a map gets suggested on its tiles.

    Attributes:
        candidates: all that count.
        frame: where they lie: by how much this map is drawn off from the one it is compared with.
    """

    candidates: Sequence[Candidate]
    frame: Offset | None = None

    def beyond(self, other: Suggested) -> list[Candidate]:
        """Those that the other map does not get: the offset's own."""
        known = {(one.key, one.kind == "remove") for one in other.candidates if one.key is not None}
        new = [one.geometry for one in other.candidates if one.key is None]
        tree = shapely.STRtree(new)

        def there(one: Candidate) -> bool:
            if one.key is not None:
                return (one.key, one.kind == "remove") in known
            shape = moved(one.geometry, self.frame, -1.0) if self.frame is not None else one.geometry
            near = [new[int(number)] for number in tree.query(shape, predicate="intersects")]
            return any(shape.intersection(far).area >= SAME_SHARE * min(shape.area, far.area) for far in near)

        return [one for one in self.candidates if not there(one)]


def share_within(errors: Sequence[float], blocks: Sequence[int], most_m: float) -> Interval:
    """The share of tiles that are no further off, with its interval over blocks."""
    right = np.array(errors) <= most_m
    return block_interval(lambda positive, _: float(positive.mean()), right, right.astype(float), blocks)


def fewer(left: Collection[int], caused: Collection[int], blocks: int, draws: int = 1000) -> Interval:
    """1 - left / caused, with its interval over geographic blocks.

    Args:
        left, caused: the block of every false change with and without registration.
        blocks: how many there are.
    """
    counts = np.stack([np.bincount(list(one), minlength=blocks) for one in (left, caused)])
    rng = np.random.default_rng(0)
    drawn = counts[:, rng.integers(blocks, size=(draws, blocks))].sum(axis=2)
    drawn = drawn[:, drawn[1] > 0]
    low, high = np.quantile(1 - drawn[0] / drawn[1], (0.025, 0.975))
    return Interval(float(1 - counts[0].sum() / counts[1].sum()), float(low), float(high))
