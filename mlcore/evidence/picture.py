"""Evidence of buildings over a region as one picture, read back by windows: where networks are not needed."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import shapely
from rasterio.errors import RasterioError
from rasterio.windows import Window
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TILE_PX, WORLD_M, TileAddress, lonlat_to_xy, xy_to_lonlat
from mlcore.maps.labels import polygons_of, to_xy

LEVELS = 254  # evidence 0..1 is stored as 1..255; 0 is "no data"


@dataclass(frozen=True)
class EvidenceWindow:
    """Evidence of a rectangle of the grid.

    Attributes:
        tile: the tile whose north-west corner is the origin of the rectangle's core.
        margin_px: pixels before that corner.
        building, outline: (H, W) float32 in 0..1, 0 where not valid.
        valid: (H, W) bool.
    """

    tile: TileAddress
    margin_px: int
    building: np.ndarray
    outline: np.ndarray
    valid: np.ndarray

    @property
    def resolution_m(self) -> float:
        """Metres on the ground per pixel."""
        return self.tile.resolution_m()

    def bounds_lonlat(self, pad_px: float = 0.0) -> tuple[float, float, float, float]:
        """(west, south, east, north) in degrees, `pad_px` more on every side; it ends where the grid ends."""
        height, width = self.valid.shape
        core_px = (width - 2 * self.margin_px, height - 2 * self.margin_px)
        return bounds_about(self.tile, core_px, self.margin_px + pad_px)

    def polygons_xy(self, geometry: BaseGeometry) -> list[Polygon]:
        """Lon/lat polygons in pixels of this window."""
        return [_moved(polygon, self.margin_px) for polygon in to_xy(geometry, self.tile)]

    def shapes_xy(self, geometries: Sequence[BaseGeometry]) -> np.ndarray:
        """(N,) lon/lat (multi)polygons in pixels of this window; what touches or crosses itself is mended."""
        moved = shapely.transform(
            np.array(geometries, object), lambda lonlat: lonlat_to_xy(lonlat, self.tile) + self.margin_px
        )
        plain = shapely.is_valid(moved) & (shapely.get_type_id(moved) == shapely.GeometryType.POLYGON)
        for number in np.flatnonzero(~plain):
            moved[number] = shapely.union_all(polygons_of(moved[number]))
        return np.asarray(moved)

    def lonlat(self, polygon_xy: Polygon) -> Polygon:
        """A polygon in pixels of this window, in degrees; it ends at the antimeridian, as shapes of a map do."""
        rings = [
            np.clip(xy_to_lonlat(np.asarray(ring.coords) - self.margin_px, self.tile), (-180, -90), (180, 90))
            for ring in (polygon_xy.exterior, *polygon_xy.interiors)
        ]
        return Polygon(rings[0], rings[1:])

    def tile_of(self, xy: np.ndarray) -> TileAddress:
        """The tile that holds a pixel (x, y) of this window."""
        dx, dy = np.floor((np.asarray(xy) - self.margin_px) / TILE_PX).astype(int)
        return TileAddress(self.tile.z, self.tile.x + int(dx), self.tile.y + int(dy))


def bounds_about(tile: TileAddress, core_px: tuple[int, int], margin_px: float) -> tuple[float, float, float, float]:
    """(west, south, east, north) in degrees of a rectangle of the grid with a margin; it ends where the grid ends.

    Args:
        tile: its north-west corner is that of the rectangle; core_px: its width and height.
    """
    corners = np.array([[-margin_px, -margin_px], np.array(core_px) + margin_px])
    (west, north), (east, south) = xy_to_lonlat(corners, tile)
    return max(float(west), -180.0), float(south), min(float(east), 180.0), float(north)


def _moved(polygon: Polygon, by: float) -> Polygon:
    return Polygon(
        np.asarray(polygon.exterior.coords) + by, [np.asarray(hole.coords) + by for hole in polygon.interiors]
    )


class EvidenceReader:
    """Reads windows of what `mlcore.evidence.writing` wrote; it pickles to its path."""

    def __init__(self, path: Path, z: int) -> None:
        self.path, self.z, self.cell = Path(path), z, WORLD_M / 2**z / TILE_PX
        self._local = threading.local()
        data = self._dataset()
        self.bounds, self.count = data.bounds, data.count

    def __reduce__(self) -> tuple[type[EvidenceReader], tuple[Path, int]]:
        return EvidenceReader, (self.path, self.z)

    def window(self, tile: TileAddress, columns: int = 1, rows: int = 1, margin_px: int = 128) -> EvidenceWindow:
        """Evidence of `columns` x `rows` tiles from `tile` on, with a margin; outside the picture is not valid.

        Nor is what lies beyond the antimeridian: a map's shapes end there.
        """
        width, height = columns * TILE_PX + 2 * margin_px, rows * TILE_PX + 2 * margin_px
        west, _, _, north = tile.bounds_mercator
        around = 2**self.z * TILE_PX
        east_of = round((west - self.bounds.left) / self.cell)  # or west of it, whichever way round is shorter
        left = (east_of + around // 2) % around - around // 2 - margin_px
        top = round((self.bounds.top - north) / self.cell) - margin_px
        raw = self._read(left, top, width, height)
        place = tile.x * TILE_PX - margin_px + np.arange(width)
        raw[:, :, (place < 0) | (place >= around)] = 0
        values = np.maximum(raw.astype(np.float32) - 1, 0) / LEVELS
        return EvidenceWindow(tile, margin_px, values[0], values[1], raw[0] > 0)

    def _read(self, left: int, top: int, width: int, height: int) -> np.ndarray:
        """(2, height, width) uint8 of the picture, 0 outside it."""
        raw, data = np.zeros((2, height, width), np.uint8), self._dataset()
        first, last = (max(0, left), max(0, top)), (min(left + width, data.width), min(top + height, data.height))
        if first[0] < last[0] and first[1] < last[1]:
            inside = Window(*first, last[0] - first[0], last[1] - first[1])
            place = np.s_[:, first[1] - top : last[1] - top, first[0] - left : last[0] - left]
            raw[place] = data.read((1, 2), window=inside)
        return raw

    def _dataset(self) -> rasterio.DatasetReader:
        """The picture, opened once by each thread: GDAL keeps blocks that neighbouring windows share."""
        if not hasattr(self._local, "dataset"):
            try:
                self._local.dataset = rasterio.open(self.path, driver="GTiff")
            except RasterioError as error:
                raise InvalidInputError(f"{self.path} is no evidence picture: scan the region again") from error
        return self._local.dataset
