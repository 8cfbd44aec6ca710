"""Pictures of any depth read whole, with where they lie."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from mlcore.errors import InvalidInputError
from mlcore.imagery.picture import read_picture

RGB = np.random.default_rng(0).integers(1, 255, (40, 60, 3), np.uint8)


def test_a_palette_opacity_and_grey_become_red_green_and_blue(tmp_path: Path) -> None:
    few = (RGB // 64 * 64 + 1).astype(np.uint8)
    Image.fromarray(few).quantize(256).save(tmp_path / "palette.png")
    clear = np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)])
    clear[:10, :, 3] = 0
    Image.fromarray(clear).save(tmp_path / "clear.png")
    cv2.imwrite(str(tmp_path / "grey.png"), RGB[..., 0])

    assert np.abs(read_picture(tmp_path / "palette.png", 10_000).rgb.astype(int) - few).max() <= 8
    seen = read_picture(tmp_path / "clear.png", 10_000).rgb
    assert (seen[:10] == 0).all() and (seen[10:] == RGB[10:]).all()
    assert (read_picture(tmp_path / "grey.png", 10_000).rgb == RGB[..., :1]).all()


def test_a_georeference_comes_along_and_deep_values_are_stretched(tmp_path: Path) -> None:
    path = tmp_path / "deep.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=60, height=40, count=3, dtype="uint16", crs="EPSG:32645",
        transform=Affine(0.5, 0, 500, 0, -0.5, 900),
    ) as data:  # fmt: skip
        data.write(RGB.astype(np.uint16).transpose(2, 0, 1) * 40)

    picture = read_picture(path, 10_000)

    assert picture.crs.to_epsg() == 32645 and picture.grid.tolist() == [[0.5, 0, 500], [0, -0.5, 900]]
    assert picture.rgb.shape == RGB.shape and picture.rgb.min() < 20 and picture.rgb.max() > 235


def test_a_picture_that_is_too_large_or_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), RGB)
    with pytest.raises(InvalidInputError, match="cut it with gdal_translate"):
        read_picture(path, 2399)
    whole = path.read_bytes()
    for length in (8, 40, len(whole) // 2):
        path.write_bytes(whole[:length])
        with pytest.raises(InvalidInputError):
            read_picture(path, 10_000)


@pytest.mark.parametrize("name", ["none.png", "a" * 300 + ".png", "a\0b.png", "none/none.png"])
def test_a_name_that_no_picture_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match="check the path"):
        read_picture(tmp_path / name, 10_000)
