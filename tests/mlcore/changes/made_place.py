"""A made place: rectangular houses on a grid of tiles, their image, and their evidence as a perfect network sees it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import rasterio
import shapely
import shapely.affinity

from mlcore.evidence.picture import LEVELS
from mlcore.geometry.webmercator import TILE_PX, WORLD_M, TileAddress, xy_to_lonlat
from mlcore.maps.features import MapFeature
from mlcore.maps.labels import draw_ids, outlines_of, to_xy

CORNER = TileAddress(19, 386690, 220241)


def tiles_of(columns: int, rows: int) -> list[TileAddress]:
    return [TileAddress(CORNER.z, CORNER.x + x, CORNER.y + y) for y in range(rows) for x in range(columns)]


def houses(columns: int, rows: int, seed: int = 0) -> list[MapFeature]:
    """About a dozen turned houses of 60-150 m2 per tile, never touching."""
    rng = np.random.default_rng(seed)
    features = []
    for y in range(32, rows * TILE_PX - 31, 64):
        for x in range(32, columns * TILE_PX - 31, 64):
            if rng.random() < 0.2:
                continue
            width, height = rng.uniform(24, 42, 2)
            shape = shapely.affinity.rotate(
                shapely.box(x - width / 2, y - height / 2, x + width / 2, y + height / 2), rng.uniform(0, 90)
            )
            ring = xy_to_lonlat(np.asarray(shape.exterior.coords), CORNER)
            features.append(
                MapFeature("building", shapely.Polygon(ring), {"building": "yes"}, "way", len(features) + 1, 1)
            )
    return features


def truth_ids(features: list[MapFeature], columns: int, rows: int, corner: TileAddress = CORNER) -> np.ndarray:
    shapes = [(number, part) for number, f in enumerate(features, 1) for part in to_xy(f.geometry, corner)]
    return draw_ids(shapes, rows * TILE_PX, columns * TILE_PX)


def write_image(
    path: Path, features: list[MapFeature], columns: int, rows: int, blank: tuple[int, int] | None = None
) -> Path:
    """Bright roofs on dark ground; the tile `blank` (column, row) has no data."""
    ids = truth_ids(features, columns, rows)
    rng = np.random.default_rng(1)
    image = np.where(ids[..., None] > 0, (190, 170, 160), (60, 85, 55)) + rng.normal(0, 8, (*ids.shape, 3))
    mask = np.full(ids.shape, 255, np.uint8)
    if blank is not None:
        x, y = (number * TILE_PX for number in blank)
        mask[y : y + TILE_PX, x : x + TILE_PX] = 0
    with rasterio.open(path, "w", count=3, dtype="uint8", **_grid(ids.shape)) as target:
        target.write(np.clip(image, 0, 255).astype(np.uint8).transpose(2, 0, 1))
        target.write_mask(mask)
    return path


def write_perfect_evidence(
    path: Path, features: list[MapFeature], columns: int, rows: int, corner: TileAddress = CORNER
) -> Path:
    """Evidence with soft walls and a little noise."""
    ids = truth_ids(features, columns, rows, corner)
    rng = np.random.default_rng(2)
    building = cv2.GaussianBlur((ids > 0).astype(np.float32), (0, 0), 1.5)
    building = np.clip(building * 0.9 + 0.05 + rng.normal(0, 0.03, ids.shape), 0, 1)
    outline = cv2.GaussianBlur(outlines_of(ids).astype(np.float32), (0, 0), 1.0)
    with rasterio.open(path, "w", count=2, dtype="uint8", nodata=0, **_grid(ids.shape, corner)) as target:
        target.write((np.stack([building, np.clip(outline, 0, 1)]) * LEVELS + 1).astype(np.uint8))
    return path


def _grid(shape: tuple[int, int], corner: TileAddress = CORNER) -> dict[str, object]:
    west, _, _, north = corner.bounds_mercator
    cell = WORLD_M / 2**corner.z / TILE_PX
    return {
        "driver": "GTiff", "height": shape[0], "width": shape[1], "crs": "EPSG:3857",
        "transform": rasterio.Affine(cell, 0, west, 0, -cell, north), "tiled": True, "blockxsize": 256,
        "blockysize": 256,
    }  # fmt: skip
