"""Tiles of a server become one picture, and what is none is refused in a child process."""

from __future__ import annotations

import io

import numpy as np
import pytest
import rasterio
from PIL import Image

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TileAddress
from mlcore.ingestion.apart import ApartLimits
from mlcore.ingestion.mosaic import mosaic_apart

FIRST = TileAddress(18, 193341, 110117)


def write(path, pixels, form="PNG"):
    Image.fromarray(pixels).save(path, form)
    return str(path)


def test_tiles_lie_where_they_belong_and_where_none_is_there_is_no_data(tmp_path):
    rng = np.random.default_rng(1)
    whole, fine = (rng.integers(0, 255, (side, side, 3), dtype=np.uint8) for side in (256, 512))
    pieces = [(0, 0, write(tmp_path / "a", whole)), (1, 1, write(tmp_path / "b", fine, "WEBP"))]
    mosaic_apart(FIRST, (2, 2), pieces, tmp_path / "made.tif")
    with rasterio.open(tmp_path / "made.tif") as data:
        assert (data.width, data.height, data.crs.to_epsg()) == (512, 512, 3857)
        west, _, _, north = FIRST.bounds_mercator
        assert np.allclose([data.transform.c, data.transform.f], [west, north])
        rgb, valid = data.read([1, 2, 3]).transpose(1, 2, 0), data.dataset_mask() > 0
    assert (rgb[:256, :256] == whole).all() and valid[:256, :256].all() and valid[256:, 256:].all()
    assert not valid[:256, 256:].any() and not valid[256:, :256].any()


def bomb() -> bytes:
    content = io.BytesIO()
    Image.new("L", (20_000, 20_000)).save(content, "PNG")
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"<html>no tile</html>", b"", b"GIF89a" + bytes(100), bomb()],
    ids=["html", "empty", "another format", "a bomb"],
)
def test_what_is_no_tile_is_refused_and_nothing_is_left(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"tile 18/193341/110117|took more"):
        mosaic_apart(FIRST, (1, 1), [(0, 0, str(tmp_path / "a"))], tmp_path / "made.tif")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_picture_of_another_size_is_refused(tmp_path):
    piece = (0, 0, write(tmp_path / "a", np.zeros((300, 200, 3), np.uint8)))
    with pytest.raises(InvalidInputError, match="200 x 300 px: tiles of 256 or 512"):
        mosaic_apart(FIRST, (1, 1), [piece], tmp_path / "made.tif")


def test_a_child_over_its_limits_is_refused(tmp_path):
    piece = (0, 0, write(tmp_path / "a", np.zeros((256, 256, 3), np.uint8)))
    limits = ApartLimits(memory_bytes=4 * 1024**3, cpu_s=60, wall_s=0)
    with pytest.raises(InvalidInputError, match="took more than pictures may"):
        mosaic_apart(FIRST, (1, 1), [piece], tmp_path / "made.tif", limits=limits)
