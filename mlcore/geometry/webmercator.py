"""The XYZ Web-Mercator grid: the shared address of imagery, map, anchors, scores and review.

Frames: `lonlat` is EPSG:4326 in degrees, `mercator` is EPSG:3857 in metres of the projection (not of the ground),
`xy` is pixels from the north-west corner of a tile, x to the east and y to the south.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError

TILE_PX = 256
EARTH_RADIUS_M = 6378137.0
WORLD_M = 2 * math.pi * EARTH_RADIUS_M
MAX_LATITUDE = 85.0511287798066
MAX_ZOOM = 24


@dataclass(frozen=True, order=True)
class TileAddress:
    """One tile of the XYZ grid: zoom `z`, column `x` from the west, row `y` from the north."""

    z: int
    x: int
    y: int

    def __post_init__(self) -> None:
        if not 0 <= self.z <= MAX_ZOOM or not (0 <= self.x < 2**self.z and 0 <= self.y < 2**self.z):
            raise InvalidInputError(
                f"no tile {self.z}/{self.x}/{self.y}: x and y must be in 0..2^z-1, z in 0..{MAX_ZOOM}"
            )

    @property
    def bounds_mercator(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in EPSG:3857."""
        side = WORLD_M / 2**self.z
        west, north = self.x * side - WORLD_M / 2, WORLD_M / 2 - self.y * side
        return west, north - side, west + side, north

    @property
    def bounds_lonlat(self) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees."""
        west, south, east, north = self.bounds_mercator
        (lon0, lat0), (lon1, lat1) = mercator_to_lonlat(np.array([[west, south], [east, north]]))
        return float(lon0), float(lat0), float(lon1), float(lat1)

    def resolution_m(self, size_px: int = TILE_PX) -> float:
        """Metres on the ground per pixel in its middle, drawn at `size_px`."""
        _, south, _, north = self.bounds_lonlat
        return ground_resolution_m(self.z, (south + north) / 2, size_px)

    def around(self, reach: int) -> list[TileAddress]:
        """The tile and those up to `reach` away in every direction, as far as the grid goes."""
        end, steps = 2**self.z, range(-reach, reach + 1)
        places = [(self.x + dx, self.y + dy) for dx in steps for dy in steps]
        return [TileAddress(self.z, x, y) for x, y in places if 0 <= x < end and 0 <= y < end]

    def parent(self, levels: int = 1) -> TileAddress:
        """The tile that holds this one, so many zoom levels up."""
        return TileAddress(self.z - levels, self.x >> levels, self.y >> levels)

    @property
    def polygon_lonlat(self) -> shapely.Polygon:
        return shapely.box(*self.bounds_lonlat)


def lonlat_to_mercator(lonlat: np.ndarray) -> np.ndarray:
    """(..., 2) degrees -> (..., 2) EPSG:3857; latitudes are clipped to the grid's limit."""
    lonlat = np.asarray(lonlat, dtype=np.float64)
    lat = np.radians(np.clip(lonlat[..., 1], -MAX_LATITUDE, MAX_LATITUDE))
    return np.stack(
        [np.radians(lonlat[..., 0]) * EARTH_RADIUS_M, np.log(np.tan(np.pi / 4 + lat / 2)) * EARTH_RADIUS_M], axis=-1
    )


def mercator_to_lonlat(mercator: np.ndarray) -> np.ndarray:
    """(..., 2) EPSG:3857 -> (..., 2) degrees."""
    mercator = np.asarray(mercator, dtype=np.float64)
    lon = np.degrees(mercator[..., 0] / EARTH_RADIUS_M)
    lat = np.degrees(2 * np.arctan(np.exp(mercator[..., 1] / EARTH_RADIUS_M)) - np.pi / 2)
    return np.stack([lon, lat], axis=-1)


def bounds_lonlat_of(addresses: np.ndarray) -> np.ndarray:
    """(N, 3) z, x, y of tiles -> (N, 4) west, south, east, north in degrees, as `TileAddress.bounds_lonlat`."""
    z, x, y = np.asarray(addresses, np.float64).T
    side = WORLD_M / 2**z
    west, north = x * side - WORLD_M / 2, WORLD_M / 2 - y * side
    corners = np.stack([np.stack([west, north - side], axis=-1), np.stack([west + side, north], axis=-1)], axis=1)
    return mercator_to_lonlat(corners).reshape(-1, 4)


def tile_at(lon: float, lat: float, z: int) -> TileAddress:
    """The tile of zoom `z` that holds the point."""
    mx, my = lonlat_to_mercator(np.array([lon, lat]))
    n = 2**z
    x = math.floor((mx / WORLD_M + 0.5) * n)
    y = math.floor((0.5 - my / WORLD_M) * n)
    return TileAddress(z, min(max(x, 0), n - 1), min(max(y, 0), n - 1))


def tiles_covering(area_lonlat: BaseGeometry, z: int) -> Iterator[TileAddress]:
    """Tiles whose interior meets the area, row by row from the north-west."""
    if area_lonlat.is_empty:
        return
    west, south, east, north = area_lonlat.bounds
    first, last = tile_at(west, north, z), tile_at(east, south, z)
    shapely.prepare(area_lonlat)
    for y in range(first.y, last.y + 1):
        for x in range(first.x, last.x + 1):
            tile = TileAddress(z, x, y)
            shrunk = shapely.buffer(tile.polygon_lonlat, -1e-9, join_style="mitre")
            if area_lonlat.intersects(shrunk):
                yield tile


def lonlat_to_xy(lonlat: np.ndarray, tile: TileAddress, size_px: int = TILE_PX) -> np.ndarray:
    """(..., 2) degrees -> (..., 2) pixels of `tile` drawn at `size_px`; outside the tile is allowed."""
    west, _, _, north = tile.bounds_mercator
    scale = size_px * 2**tile.z / WORLD_M
    mercator = lonlat_to_mercator(lonlat)
    return np.stack([(mercator[..., 0] - west) * scale, (north - mercator[..., 1]) * scale], axis=-1)


def xy_to_lonlat(xy: np.ndarray, tile: TileAddress, size_px: int = TILE_PX) -> np.ndarray:
    """(..., 2) pixels of `tile` drawn at `size_px` -> (..., 2) degrees."""
    xy = np.asarray(xy, dtype=np.float64)
    west, _, _, north = tile.bounds_mercator
    scale = WORLD_M / (size_px * 2**tile.z)
    return mercator_to_lonlat(np.stack([west + xy[..., 0] * scale, north - xy[..., 1] * scale], axis=-1))


def ground_resolution_m(z: int, lat: float, size_px: int = TILE_PX) -> float:
    """Metres on the ground per pixel of a tile drawn at `size_px`, at latitude `lat`."""
    return WORLD_M * math.cos(math.radians(lat)) / (2**z * size_px)


def zoom_for_resolution(resolution_m: float, lat: float, size_px: int = TILE_PX) -> int:
    """The zoom whose ground resolution is nearest, in ratio, to `resolution_m`."""
    return round(math.log2(WORLD_M * math.cos(math.radians(lat)) / (resolution_m * size_px)))
