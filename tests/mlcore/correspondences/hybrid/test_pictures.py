"""Large pictures are read in parts: rasters of any kind through a copy, maps drawn where they are looked at."""

from __future__ import annotations

import json
import resource
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
import rasterio
import shapely

from mlcore.correspondences.hybrid import pictures
from mlcore.correspondences.hybrid.pictures import DrawnPicture, RasterPicture, prepared, seen_through
from mlcore.correspondences.hybrid.sources import Sources, drawn_map, side_of
from mlcore.errors import InvalidInputError, NoSpaceError, StoppedError
from mlcore.geometry.webmercator import TileAddress, mercator_to_lonlat
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.render import MapRenderer
from mlcore.progress import SilentProgress
from tests.mlcore.correspondences.hybrid.made import HALF, NORTH, WEST, ground, write_png, write_tiff

TILE = TileAddress(18, 190_000, 110_000)


def smooth(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return cv2.resize(
        rng.integers(1, 255, (12, 16, 3)).astype(np.uint8), (width, height), interpolation=cv2.INTER_CUBIC
    )


@pytest.mark.parametrize("shrink", [0.4, 1.0, 1.7])
def test_a_part_through_a_matrix_is_what_opencv_makes_of_the_whole(tmp_path: Path, shrink: float) -> None:
    picture = smooth(900, 1200)
    cos, sin = shrink * np.cos(0.4), shrink * np.sin(0.4)
    matrix = np.array([[cos, -sin, -100.0], [sin, cos, -200.0], [1e-5, 0, 1.0]])

    rgb, valid = seen_through(prepared(write_png(tmp_path / "a.png", picture), tmp_path / "copy.tif"), matrix, 300)

    inside = np.linalg.inv(HALF) @ matrix @ HALF
    whole = cv2.warpPerspective(picture, inside, (300, 300), flags=cv2.INTER_AREA)
    there = cv2.warpPerspective(np.full(picture.shape[:2], 255, np.uint8), inside, (300, 300)) == 255
    assert there.mean() > 0.3
    sure = cv2.erode(there.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert valid[sure].all() and not valid[cv2.dilate(there.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0].any()
    assert np.abs(rgb[sure].astype(int) - whole[sure]).mean() < 2


def test_a_copy_keeps_place_and_mask_and_scales_deep_values(tmp_path: Path) -> None:
    picture = smooth(300, 500)
    picture[:100] = 0
    copy = prepared(write_tiff(tmp_path / "placed.tif", picture, step=0.5, nodata=0), tmp_path / "copy.tif")
    assert (copy.width, copy.height) == (500, 300)
    assert np.allclose(copy.to_mercator(np.array([[0, 0], [10, 20]])), [[WEST, NORTH], [WEST + 5, NORTH - 10]])
    rgb, valid = copy.read((0, 50, 500, 150), 500, 100)
    assert not valid[:50].any() and valid[50:].all() and (rgb[50:] == picture[100:150]).all()
    deep = tmp_path / "deep.tif"
    with rasterio.open(deep, "w", driver="GTiff", width=64, height=64, count=1, dtype="uint16") as data:
        data.write(np.arange(64 * 64, dtype=np.uint16).reshape(1, 64, 64) * 9 + 7)
    plain = prepared(deep, tmp_path / "deep copy.tif")
    rgb, valid = plain.read((0, 0, 64, 64), 64, 64)
    assert plain.to_mercator is None and valid.all() and rgb[0, 0, 0] < 5 and rgb[-1, -1, 0] > 250


def held_for(folder: Path, height: int) -> int:
    """Bytes that making and reading a copy of a picture of this height takes at most."""
    path = folder / f"{height}.tif"
    with rasterio.open(path, "w", driver="GTiff", width=1000, height=height, count=3, dtype="uint8") as data:
        for top in range(0, height, 1000):
            part = np.full((3, 1000, 1000), 33 + top // 100, np.uint8)
            data.write(part, window=rasterio.windows.Window(0, top, 1000, 1000))
    tracemalloc.start()
    copy = prepared(path, folder / f"copy of {height}.tif")
    rgb, _ = seen_through(copy, np.diag([64 / height, 64 / height, 1.0]), 64)
    held = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert abs(int(rgb[63, 3, 0]) - (33 + (height - 1000) // 100)) <= 1
    return held


def test_memory_does_not_grow_with_the_picture(tmp_path: Path) -> None:
    assert held_for(tmp_path, 9000) < 1.5 * held_for(tmp_path, 2000)


def test_a_copy_that_is_stopped_or_of_something_else_leaves_nothing(tmp_path: Path) -> None:
    class Stop(SilentProgress):
        def should_stop(self) -> bool:
            return True

    source = write_png(tmp_path / "a.png", smooth(64, 64))
    with pytest.raises(StoppedError):
        prepared(source, tmp_path / "copy.tif", Stop())
    (tmp_path / "b.png").write_bytes(source.read_bytes()[:200])
    with pytest.raises(InvalidInputError, match=r"b\.png"):
        prepared(tmp_path / "b.png", tmp_path / "copy.tif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Files of this process end at `size` bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.66, 0.7, 0.9, 0.999])
def test_f6_a_copy_that_finds_the_disk_full_says_so_and_leaves_nothing(tmp_path: Path, share: float) -> None:
    """At two thirds the pixels are there and the smaller copies are not, which GDAL passes over."""
    noise = np.random.default_rng(0).integers(1, 255, (700, 700, 3), np.uint8)
    source = write_tiff(tmp_path / "a.tif", noise, step=0.5)
    prepared(source, tmp_path / "whole.tif")
    size = (tmp_path / "whole.tif").stat().st_size
    with room_for(int(share * size)), pytest.raises(NoSpaceError, match=r"a\.tif can't be written .*: free \d+ MB"):
        prepared(source, tmp_path / "copy.tif")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tif", "whole.tif"]
    with room_for(size):
        prepared(source, tmp_path / "copy.tif")
    assert (tmp_path / "copy.tif").read_bytes() == (tmp_path / "whole.tif").read_bytes()


def test_f6_a_copy_that_the_disk_has_no_room_for_is_not_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write_png(tmp_path / "a.png", smooth(64, 64))
    monkeypatch.setattr(pictures, "BYTES_PER_PX", 2**50)  # a picture that needs more than any disk has
    with pytest.raises(NoSpaceError, match=r"copy\.tif needs \d+ MB free: make room there"):
        prepared(source, tmp_path / "copy.tif")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_copy_of_nothing_but_nodata_is_whole(tmp_path: Path) -> None:
    source = write_tiff(tmp_path / "a.tif", np.zeros((700, 1300, 3), np.uint8), step=0.5, nodata=0)
    assert not prepared(source, tmp_path / "copy.tif").read((0, 0, 1300, 700), 130, 70)[1].any()


def square(x: float, y: float, size: float) -> MapFeature:
    """A building that far into TILE, in shares of its side."""
    west, _, _, north = TILE.bounds_mercator
    step = TILE.bounds_mercator[2] - west
    corners = [(x, y), (x + size, y), (x + size, y + size), (x, y + size)]
    lonlat = mercator_to_lonlat(np.array([(west + u * step, north - v * step) for u, v in corners]))
    return MapFeature("building", shapely.Polygon(lonlat), {"building": "yes"})


def test_a_drawn_map_is_what_the_renderer_draws_wherever_and_however_large_it_is_looked_at() -> None:
    index = MapIndex([square(0.3, 0.4, 0.2), square(0.9, 0.8, 0.3), square(1.5, 1.1, 0.4)])
    drawn = DrawnPicture(index, TILE, TileAddress(TILE.z, TILE.x + 1, TILE.y + 1))
    assert (drawn.width, drawn.height) == (1024, 1024)
    rgb, valid = drawn.read((512, 512, 1024, 1024), 512, 512)
    assert valid.all()
    assert (rgb == MapRenderer().render(TileAddress(TILE.z, TILE.x + 1, TILE.y + 1), index, 512)).all()
    small, _ = drawn.read((0, 0, 1024, 1024), 256, 256)
    whole, _ = drawn.read((0, 0, 1024, 1024), 1024, 1024)
    assert np.abs(small.astype(int) - cv2.resize(whole, (256, 256), interpolation=cv2.INTER_AREA)).mean() < 4
    assert np.allclose(drawn.to_mercator(np.array([[512, 0]])), [[TILE.bounds_mercator[2], TILE.bounds_mercator[3]]])


def test_a_vector_map_is_drawn_where_the_image_lies_as_fine_as_the_image(tmp_path: Path) -> None:
    image = prepared(write_tiff(tmp_path / "a.tif", ground()[:600, :800], step=0.5), tmp_path / "copy.tif")
    vectors = tmp_path / "map.geojson"
    lonlat = mercator_to_lonlat(image.to_mercator(np.array([[100, 100], [200, 100], [200, 180], [100, 180.0]])))
    ring = [*lonlat.tolist(), lonlat[0].tolist()]
    feature = {
        "type": "Feature",
        "properties": {"building": "yes"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    vectors.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))

    drawn = drawn_map(Sources(tmp_path / "a.tif", vectors), image, tmp_path / "unused.tif", SilentProgress())

    step = np.linalg.norm(drawn.to_mercator(np.array([[1.0, 0]])) - drawn.to_mercator(np.array([[0.0, 0]])))
    assert 0.5 / 1.5 < step < 0.5 * 1.5
    assert side_of(tmp_path / "a.tif") == 352
    assert side_of(write_png(tmp_path / "b.png", smooth(64, 64))) == 512


def test_a_picture_is_what_it_was_when_it_is_opened_again(tmp_path: Path) -> None:
    source = write_png(tmp_path / "a.png", smooth(64, 96))
    first = prepared(source, tmp_path / "copy.tif").read((0, 0, 96, 64), 96, 64)[0]
    source.unlink()
    assert (RasterPicture(tmp_path / "copy.tif").read((0, 0, 96, 64), 96, 64)[0] == first).all()
