"""Evidence of buildings over a region: predicted with context, written as one picture, read back by windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import rasterio
import shapely
import torch
from rasterio.errors import RasterioError
from rasterio.windows import Window
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.inference import ready
from mlcore.files import whole_file
from mlcore.geometry.webmercator import TILE_PX, WORLD_M, TileAddress, lonlat_to_xy, xy_to_lonlat
from mlcore.imagery.raster import ImageReader, ImageTile
from mlcore.maps.labels import polygons_of, to_xy
from mlcore.pairs.prefetch import prefetched
from mlcore.progress import Progress, SilentProgress, stop_if_asked

CONTEXT_PX = 32  # read beyond a tile on every side, so that buildings on a border are seen whole
BATCH = 8
LEVELS = 254  # evidence 0..1 is stored as 1..255; 0 is "no data"


def predict(ensemble: EvidenceEnsemble, images: np.ndarray, flips: int = 1) -> np.ndarray:
    """Evidence of building and outline.

    Args:
        images: (B, H, W, 3) uint8, sides multiples of 16.
        flips: 1, 2 or 4 mirrored views that are averaged.

    Returns:
        (B, 2, H, W) float32 in 0..1.
    """
    device = ensemble.device
    batch = torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2).float() / 255  # channels last
    views: list[list[int]] = [[], [3], [2], [2, 3]]
    total = torch.zeros(batch.shape[0], 2, *batch.shape[2:], device=device)
    with torch.inference_mode():
        for axes in views[:flips]:
            said = ensemble(batch.flip(axes) if axes else batch)
            total += said.flip(axes) if axes else said
    return (total / len(views[:flips])).cpu().numpy()


def write_evidence(
    path: Path,
    reader: ImageReader,
    tiles: Sequence[TileAddress],
    ensemble_of: Callable[[TileAddress], EvidenceEnsemble],
    *,
    flips: int = 1,
    progress: Progress | None = None,
) -> None:
    """Predict every tile and write one uint8 GeoTIFF in EPSG:3857 (band 1 building, band 2 outline, 0 = no data).

    The file appears under its name only when it is whole; memory holds a batch of tiles, never the region.
    """
    progress = progress or SilentProgress()
    if not tiles:
        raise InvalidInputError("no tile to look at: choose an area that the image covers")
    order = sorted(tiles, key=lambda tile: (id(ensemble_of(tile)), tile.y, tile.x))
    west, north = _first_column(tiles), min(tile.y for tile in tiles)
    prepared, fast = None, ensemble_of(order[0])
    try:
        windows = prefetched(lambda tile: with_context(reader, tile), order)
        with whole_file(path) as scratch, rasterio.open(scratch, "w", **_profile(tiles)) as target:
            start = 0
            while start < len(order):
                stop_if_asked(progress)
                ensemble = ensemble_of(order[start])
                fast = fast if ensemble is prepared else ready(ensemble)
                prepared = ensemble
                part = [t for t in order[start : start + BATCH] if ensemble_of(t) is ensemble]
                seen = list(islice(windows, len(part)))
                for tile, values in zip(part, _predict_windows(seen, fast, flips), strict=True):
                    place = Window((tile.x - west) % 2**tile.z * TILE_PX, (tile.y - north) * TILE_PX, TILE_PX, TILE_PX)
                    target.write(values, window=place)
                start += len(part)
                progress.report(start / len(order), f"evidence: {start} of {len(order)} tiles")
    except (OSError, RasterioError) as error:
        raise InvalidInputError(f"can't write the evidence to {path}: {error}; free some space") from error


def _profile(tiles: Sequence[TileAddress]) -> dict[str, object]:
    first, ys = _first_column(tiles), [tile.y for tile in tiles]
    columns = max((tile.x - first) % 2**tile.z for tile in tiles) + 1
    west, _, _, north = TileAddress(tiles[0].z, first, min(ys)).bounds_mercator
    cell = WORLD_M / 2 ** tiles[0].z / TILE_PX
    return {
        "driver": "GTiff", "dtype": "uint8", "count": 2, "nodata": 0, "crs": "EPSG:3857",
        "width": columns * TILE_PX, "height": (max(ys) - min(ys) + 1) * TILE_PX,
        "transform": rasterio.Affine(cell, 0, west, 0, -cell, north), "tiled": True, "blockxsize": TILE_PX,
        "blockysize": TILE_PX, "compress": "deflate", "sparse_ok": True, "bigtiff": "if_safer",
    }  # fmt: skip


def _first_column(tiles: Sequence[TileAddress]) -> int:
    """The column that the picture starts with: after the widest gap round the world, which a region may lie across."""
    columns, around = sorted({tile.x for tile in tiles}), 2 ** tiles[0].z
    gaps = [(column - columns[number - 1]) % around for number, column in enumerate(columns)]
    return columns[int(np.argmax(gaps))]


def with_context(reader: ImageReader, tile: TileAddress) -> ImageTile:
    """What the network sees of a tile: CONTEXT_PX more on every side."""
    west, south, east, north = tile.bounds_mercator
    pad, side = (east - west) * CONTEXT_PX / TILE_PX, TILE_PX + 2 * CONTEXT_PX
    return reader.read_window((west - pad, south - pad, east + pad, north + pad), side, side)


def _predict_windows(windows: Sequence[ImageTile], ensemble: EvidenceEnsemble, flips: int) -> list[np.ndarray]:
    inner = slice(CONTEXT_PX, -CONTEXT_PX)
    values = predict(ensemble, np.stack([window.rgb for window in windows]), flips)[:, :, inner, inner]
    seen = np.stack([window.valid for window in windows])[:, None, inner, inner]
    return list(np.where(seen, np.round(values * LEVELS) + 1, 0).astype(np.uint8))


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
        low, high = -self.margin_px - pad_px, np.array([width, height]) - self.margin_px + pad_px
        (west, north), (east, south) = xy_to_lonlat(np.array([[low, low], high]), self.tile)
        return max(float(west), -180.0), float(south), min(float(east), 180.0), float(north)

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


def _moved(polygon: Polygon, by: float) -> Polygon:
    return Polygon(
        np.asarray(polygon.exterior.coords) + by, [np.asarray(hole.coords) + by for hole in polygon.interiors]
    )


class EvidenceReader:
    """Reads windows of what `write_evidence` wrote."""

    def __init__(self, path: Path, z: int) -> None:
        try:
            with rasterio.open(path, driver="GTiff") as data:
                self.bounds, self.count = data.bounds, data.count
        except RasterioError as error:
            raise InvalidInputError(f"{path} is no evidence picture: scan the region again") from error
        self.path, self.z, self.cell = Path(path), z, WORLD_M / 2**z / TILE_PX

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
        raw = np.zeros((2, height, width), np.uint8)
        with rasterio.open(self.path, driver="GTiff") as data:
            first, last = (max(0, left), max(0, top)), (min(left + width, data.width), min(top + height, data.height))
            if first[0] < last[0] and first[1] < last[1]:
                inside = Window(*first, last[0] - first[0], last[1] - first[1])
                place = np.s_[:, first[1] - top : last[1] - top, first[0] - left : last[0] - left]
                raw[place] = data.read((1, 2), window=inside)
        return raw
