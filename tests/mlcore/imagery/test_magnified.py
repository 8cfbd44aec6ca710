"""Windows finer than the image: bilinear between its pixels, and without a seam where two of them meet."""

from __future__ import annotations

import numpy as np
import pytest

from mlcore.geometry.webmercator import WORLD_M, TileAddress
from mlcore.imagery.raster import open_image
from mlcore.ingestion.ingest import ingest_raster
from tests.mlcore.source_makers import TILE, grid_tiff


@pytest.fixture
def reader(tmp_path):
    ingest_raster(grid_tiff(tmp_path / "source.tif"), tmp_path / "clean.tif")
    return open_image(tmp_path / "clean.tif")


def finer(tile: TileAddress, column: int, row: int) -> TileAddress:
    return TileAddress(tile.z + 1, 2 * tile.x + column, 2 * tile.y + row)


@pytest.mark.parametrize("size", [300, 512, 900])
def test_quarters_side_by_side_are_the_whole_at_twice_the_size(reader, size):
    whole = reader.read_tile(TILE, 2 * size)
    quarters = [[reader.read_tile(finer(TILE, column, row), size) for column in (0, 1)] for row in (0, 1)]
    for name in ("rgb", "valid"):
        joined = np.concatenate([np.concatenate([getattr(q, name) for q in row], axis=1) for row in quarters], axis=0)
        assert np.abs(joined.astype(int) - getattr(whole, name)).max() <= 1


def test_pixels_lie_between_those_of_the_image(reader):
    plain = reader.read_tile(TILE, 512).rgb.astype(float)
    fine = reader.read_tile(TILE, 1024).rgb.astype(float)
    inner = 0.75 * plain[:-1, :-1] + 0.25 * plain[:-1, 1:]
    wanted = 0.75 * inner + 0.25 * (0.75 * plain[1:, :-1] + 0.25 * plain[1:, 1:])
    assert np.abs(fine[1:-1:2, 1:-1:2] - wanted).max() <= 1.0


def test_beyond_the_image_there_is_nothing_however_fine(reader):
    cell = WORLD_M / 2**TILE.z / 512
    west, _, _, north = TILE.bounds_mercator
    window = (west - 4 * cell, north - 4 * cell, west + 4 * cell, north + 4 * cell)
    tile = reader.read_window(window, 64, 64)
    assert tile.valid[32:, 32:].all() and tile.valid.sum() == 32 * 32
    assert not tile.rgb[~tile.valid].any()
