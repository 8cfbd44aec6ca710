"""The evidence of a region is one picture as large as the region, also where that lies across the antimeridian."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceModel
from mlcore.evidence.picture import EvidenceReader
from mlcore.evidence.writing import write_evidence
from mlcore.geometry.webmercator import TILE_PX, WORLD_M, TileAddress
from mlcore.imagery.raster import open_image

ZOOM, ROW, LAST = 17, 61000, 2**17 - 1


@pytest.fixture
def ensemble() -> EvidenceEnsemble:
    return EvidenceEnsemble([EvidenceModel(EvidenceConfig(widths=(8, 8, 12, 16)))]).eval()


def image_of(path: Path, tile: TileAddress, columns: int) -> Path:
    west, _, _, north = tile.bounds_mercator
    cell = WORLD_M / 2**tile.z / TILE_PX
    pixels = np.random.default_rng(tile.x).integers(1, 255, (3, TILE_PX, columns * TILE_PX), dtype=np.uint8)
    with rasterio.open(
        path, "w", driver="GTiff", count=3, dtype="uint8", crs="EPSG:3857", height=TILE_PX, width=columns * TILE_PX,
        transform=rasterio.Affine(cell, 0, west, 0, -cell, north), tiled=True, blockxsize=256, blockysize=256,
    ) as target:  # fmt: skip
        target.write(pixels)
    return path


def test_a_region_on_both_sides_of_the_antimeridian_is_as_wide_as_its_tiles(
    tmp_path: Path, ensemble: EvidenceEnsemble
) -> None:
    tiles = [TileAddress(ZOOM, x, ROW) for x in (LAST - 1, LAST, 0)]
    image = open_image(image_of(tmp_path / "i.tif", tiles[0], 2))

    write_evidence(tmp_path / "both.tif", image, tiles, lambda _: ensemble)
    write_evidence(tmp_path / "west.tif", image, tiles[:2], lambda _: ensemble)

    with rasterio.open(tmp_path / "both.tif") as data:
        assert (data.width, data.height) == (3 * TILE_PX, TILE_PX)
    both, west = (EvidenceReader(tmp_path / f"{name}.tif", ZOOM) for name in ("both", "west"))
    for tile in tiles[:2]:
        ours, alone = both.window(tile, margin_px=64), west.window(tile, margin_px=64)
        assert alone.valid[64:-64, 64:-64].all()
        assert np.array_equal(ours.building, alone.building)
        assert np.array_equal(ours.valid, alone.valid)
    assert not both.window(tiles[2], margin_px=0).valid.any()


def test_what_lies_beyond_the_antimeridian_is_not_seen(tmp_path: Path, ensemble: EvidenceEnsemble) -> None:
    first, last = TileAddress(ZOOM, 0, ROW), TileAddress(ZOOM, LAST, ROW)
    image = open_image(image_of(tmp_path / "i.tif", first, 1))

    write_evidence(tmp_path / "e.tif", image, [last, first], lambda _: ensemble)

    evidence = EvidenceReader(tmp_path / "e.tif", ZOOM)
    assert evidence.window(first, margin_px=0).valid.all()
    assert not evidence.window(last, margin_px=64).valid.any()
    assert not evidence.window(first, margin_px=64).valid[:, :64].any()
