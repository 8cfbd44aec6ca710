"""Evidence of ground on which nothing stands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio

from mlcore.evidence.picture import LEVELS
from mlcore.geometry.webmercator import TILE_PX, WORLD_M, TileAddress


def empty_ground(path: Path, tile: TileAddress) -> Path:
    """The evidence of one tile: no building, no outline, everything seen."""
    west, _, _, north = tile.bounds_mercator
    cell = WORLD_M / 2**tile.z / TILE_PX
    grid = rasterio.Affine(cell, 0, west, 0, -cell, north)
    with rasterio.open(
        path, "w", driver="GTiff", height=TILE_PX, width=TILE_PX, count=2, dtype="uint8", nodata=0, crs="EPSG:3857",
        transform=grid,
    ) as target:  # fmt: skip
        target.write(np.full((2, TILE_PX, TILE_PX), 0.05 * LEVELS + 1, np.uint8))
    return path
