"""A photograph becomes a clean, upright copy; what shows nothing or costs too much is said before it is read."""

from __future__ import annotations

import datetime as dt
import io
import struct
import time
import zlib

import numpy as np
import pytest
import rasterio
from PIL import Image, ImageOps

from mlcore.errors import InvalidInputError
from mlcore.imagery.photo import prepare_photo, read_copy, upright
from mlcore.ingestion.apart import ApartLimits
from mlcore.ingestion.photos import photo_apart
from tests.mlcore.imagery.photos import dji_xmp, gps, texture, write_photo
from tests.mlcore.source_makers import real_data

NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def quarters() -> np.ndarray:
    """(96, 160, 3): red, green, blue and white quarters with noise."""
    picture = np.repeat(np.repeat(np.array([[[200, 0, 0], [0, 200, 0]], [[0, 0, 200], [200, 200, 200]]]), 48, 0), 80, 1)
    return np.uint8(np.clip(picture + np.random.default_rng(1).integers(-30, 30, picture.shape), 0, 255))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_copy_is_upright_as_every_viewer_shows_it(tmp_path, suffix, orientation):
    path = write_photo(tmp_path / f"a{suffix}", quarters(), tags={274: orientation})
    with Image.open(path) as image:
        shown = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    made = prepare_photo(path, tmp_path / "copy.tif", tmp_path / "small.webp", NOW)
    rgb, valid, shrink = read_copy(tmp_path / "copy.tif")
    assert rgb.shape == shown.shape == (made.metadata.height, made.metadata.width, 3) and shrink == 1
    assert np.abs(rgb.astype(int) - shown).mean() < 12  # decoders differ in colour
    assert valid.all()
    assert Image.open(tmp_path / "small.webp").size == (made.metadata.width, made.metadata.height)


def test_the_copy_keeps_nothing_of_the_metadata(tmp_path):
    path = write_photo(tmp_path / "a.jpg", texture(), position=gps(85.5, 27.6), xmp=dji_xmp(DroneSerialNumber="SECRET"))
    prepare_photo(path, tmp_path / "copy.tif", tmp_path / "small.webp", NOW)
    for name in ("copy.tif", "small.webp"):
        content = (tmp_path / name).read_bytes()
        assert b"SECRET" not in content and b"drone-dji" not in content and b"Exif" not in content


@pytest.mark.parametrize(("picture", "words"), [
    (np.full((90, 140, 3), 4, np.uint8), "black"),
    (np.full((90, 140, 3), 130, np.uint8), "one even tone"),
    (np.uint8(np.linspace(60, 190, 140))[None, :, None].repeat(90, 0).repeat(3, 2), "one even tone"),
    (texture(), ""),
])  # fmt: skip
def test_what_shows_nothing_is_said(tmp_path, picture, words):
    path = write_photo(tmp_path / "a.png", np.ascontiguousarray(picture))
    assert words in prepare_photo(path, tmp_path / "copy.tif", tmp_path / "small.webp", NOW).nothing


def test_empty_alpha_is_no_picture(tmp_path):
    rgba = np.dstack([texture(), np.zeros((90, 140), np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert "no data" in prepare_photo(tmp_path / "a.png", tmp_path / "c.tif", tmp_path / "s.webp", NOW).nothing


def test_a_picture_that_says_where_it_lies_is_told(tmp_path):
    path = tmp_path / "a.tif"
    place = {"crs": "EPSG:32645", "transform": rasterio.Affine(0.3, 0, 350_000, 0, -0.3, 3_056_000)}
    how = {"width": 140, "height": 90, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", driver="GTiff", **how, **place) as data:
        data.write(texture().transpose(2, 0, 1))
    assert prepare_photo(path, tmp_path / "c.tif", tmp_path / "s.webp", NOW).placed


def png_bomb(side: int) -> bytes:
    """A PNG of one colour whose header declares side x side pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    row = b"\0" + bytes((side + 7) // 8)
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    squeezed = zlib.compress(row * min(side, 2000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", squeezed) + chunk(b"IEND", b"")


def sparse_tiff(path, side: int = 400_000):
    how = {"width": side, "height": side, "count": 3, "dtype": "uint8", "tiled": True, "sparse_ok": True}
    with rasterio.open(path, "w", driver="GTiff", bigtiff="yes", compress="deflate", **how):
        pass
    return path


def jpeg_bomb() -> bytes:
    """A JPEG of 64 x 64 whose header declares 65,000 a side."""
    kept = io.BytesIO()
    Image.fromarray(texture(64, 64)).save(kept, "JPEG")
    content = bytearray(kept.getvalue())
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", 65_000, 65_000)
    return bytes(content)


@pytest.mark.parametrize("kind", ["sparse.tif", "bomb.png", "bomb.jpg"])
def test_i3_a_bomb_is_refused_unread(tmp_path, kind):
    """I3: sparse TIFF, PNG bomb: refused in seconds, whatever the header declares."""
    path = tmp_path / kind
    if kind == "sparse.tif":
        sparse_tiff(path)
    else:
        path.write_bytes(png_bomb(50_000) if kind.endswith("png") else jpeg_bomb())
    assert path.stat().st_size < 60 * 2**20
    began = time.monotonic()
    lean = ApartLimits(memory_bytes=1024**3, cpu_s=5, wall_s=60, file_bytes=2**20)
    with pytest.raises(InvalidInputError, match="my holiday"):
        photo_apart(path, tmp_path / "c.tif", tmp_path / "s.webp", NOW, name="my holiday", limits=lean)
    assert time.monotonic() - began < 60
    assert [one.name for one in tmp_path.iterdir()] == [kind]


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"%PDF-1.7", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"II*\0\x08\0\0\0"]
)
def test_what_is_no_picture_is_refused(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"a\.jpg"):
        photo_apart(tmp_path / "a.jpg", tmp_path / "c.tif", tmp_path / "s.webp", NOW)


def test_a_cut_off_photo_and_a_tiny_one_are_refused(tmp_path):
    whole = write_photo(tmp_path / "a.png", texture(200, 300)).read_bytes()
    (tmp_path / "b.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InvalidInputError, match="damaged"):
        prepare_photo(tmp_path / "b.png", tmp_path / "c.tif", tmp_path / "s.webp", NOW)
    write_photo(tmp_path / "t.png", texture(40, 300))
    with pytest.raises(InvalidInputError, match="64 px a side"):
        prepare_photo(tmp_path / "t.png", tmp_path / "c.tif", tmp_path / "s.webp", NOW)


def test_a_real_photo_is_copied_apart(tmp_path):
    source = real_data("photos/dji_duluth_DJI_0025.JPG")
    made = photo_apart(source, tmp_path / "c.tif", tmp_path / "s.webp", NOW)
    assert (made.metadata.width, made.metadata.height, made.nothing, made.placed) == (4000, 2250, "", False)
    assert read_copy(tmp_path / "c.tif", 1000)[0].shape == (562, 1000, 3)


def test_every_orientation_of_a_small_array():
    picture = np.arange(6).reshape(2, 3, 1)
    assert upright(picture, 6)[..., 0].tolist() == [[3, 0], [4, 1], [5, 2]]
    assert upright(picture, 2)[..., 0].tolist() == [[2, 1, 0], [5, 4, 3]]
