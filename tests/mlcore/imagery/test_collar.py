"""A black collar whose no-data value was lost is no image; what is dark within the image stays image."""

import numpy as np
import pytest
import rasterio
from rasterio.crs import CRS
from rasterio.transform import from_origin
from rasterio.warp import Resampling, reproject

from mlcore.imagery import collar
from mlcore.imagery.collar import find_collar
from tests.mlcore.imagery.quarters import PLACE, UTM, assert_quarters_in_place, ingest, quarters, seen_at, write

SIDE = 400


def bright(dtype="uint8", scale=1) -> np.ndarray:
    return (quarters(SIDE).astype(np.int64) * scale).astype(dtype)


def warped_without_nodata(path, dtype="uint8", scale=1):
    """A UTM image brought into a system turned against it by 3 degrees, its wedges black: valid share about 0.9."""
    turned = CRS.from_string("+proj=omerc +lat_0=60.17 +lonc=24.93 +alpha=3 +gamma=0 +datum=WGS84 +units=m")
    (west, east), (south, north) = rasterio.warp.transform(
        UTM, turned, [PLACE.c, PLACE.c + SIDE * PLACE.a], [PLACE.f + SIDE * PLACE.e, PLACE.f]
    )
    side = 420
    place = from_origin((west + east) / 2 - side / 4, (south + north) / 2 + side / 4, 0.5, 0.5)
    result = np.zeros((3, side, side), dtype)
    reproject(
        bright(dtype, scale), result, src_transform=PLACE, src_crs=UTM, dst_transform=place, dst_crs=turned,
        resampling=Resampling.nearest,
    )  # fmt: skip
    return write(path, result, turned, place), float((result != 0).any(0).mean())


@pytest.mark.parametrize(("dtype", "scale"), [("uint8", 1), ("uint16", 100), ("float32", 0.01)])
def test_wedges_left_by_an_earlier_warping_hold_no_data(tmp_path, dtype, scale):
    source, share = warped_without_nodata(tmp_path / "a.tif", dtype, scale)
    info, reader = ingest(tmp_path, source)
    whole = reader.read_window(reader.bounds_mercator, reader.width, reader.height)
    outline = reader.read_window(reader.bounds_mercator, 64, 64)
    assert not ((whole.rgb.max(axis=2) < 8) & whole.valid).any()
    assert outline.valid.any()
    assert any("collar" in note for note in info.notes)
    assert any(note.startswith(f"{share * 100:.0f}") and "holds data" in note for note in info.notes), info.notes
    assert_quarters_in_place(reader, UTM, PLACE, SIDE, within=25 if dtype == "uint8" else 45)


def test_wedges_of_the_warping_to_the_grid_hold_no_data(tmp_path):
    info, reader = ingest(tmp_path, write(tmp_path / "a.tif", bright()))
    whole = reader.read_window(reader.bounds_mercator, reader.width, reader.height)
    assert not ((whole.rgb.max(axis=2) < 30) & whole.valid).any()
    assert not any("collar" in note or "holds data" in note for note in info.notes)


def dark(kind: str) -> np.ndarray:
    values = bright()
    if kind == "a black lake inside":
        values[:, 100:300, 100:300] = 0
    elif kind == "a black roof at the border":
        values[:, :60, 150:210] = 0
    elif kind == "a black roof in the corner":
        values[:, :60, :60] = 0
    elif kind == "a dark river along the border":
        values[:, :, :50] = np.random.default_rng(0).integers(0, 3, (3, SIDE, 50))
    elif kind == "a line of black pixels broken by light":
        values[:, 0, ::2] = 0
    elif kind == "black in red alone":
        values[0, :50] = 0
    elif kind == "night":
        values[:] = 0
        values[:, 190:210, 190:210] = 200
    return values


@pytest.mark.parametrize(
    "kind",
    [
        "a black lake inside",
        "a black roof at the border",
        "a black roof in the corner",
        "a dark river along the border",
        "a line of black pixels broken by light",
        "black in red alone",
        "night",
    ],
)
def test_what_is_dark_in_the_image_stays_image(tmp_path, kind):
    with rasterio.open(write(tmp_path / "a.tif", dark(kind))) as data:
        assert find_collar(data, (1, 2, 3)) is None


def collared() -> np.ndarray:
    values = bright()
    values[:, :40] = 0
    values[:, 200:240, 200:240] = 0
    return values


def test_black_that_does_not_reach_the_border_stays_image_beside_a_collar(tmp_path):
    _, reader = ingest(tmp_path, write(tmp_path / "a.tif", collared()))
    assert seen_at(reader, UTM, PLACE, 220, 220)[1]
    assert not seen_at(reader, UTM, PLACE, 220, 20)[1]


@pytest.mark.parametrize(
    "profile",
    [
        {"nodata": 7},
        {"mask": np.full((SIDE, SIDE), 255, np.uint8)},
        {"alpha": "yes", "photometric": "rgb", "opaque": True},
    ],
    ids=["nodata", "mask", "alpha"],
)
def test_an_image_that_says_what_is_no_data_is_taken_at_its_word(tmp_path, profile):
    values = collared()
    if profile.pop("opaque", False):
        values = np.concatenate([values, np.full((1, SIDE, SIDE), 255, np.uint8)])
    _, reader = ingest(tmp_path, write(tmp_path / "a.tif", values, **profile))
    assert seen_at(reader, UTM, PLACE, 220, 20)[1]


def test_a_large_image_is_followed_by_squares_of_pixels_with_the_same_result(tmp_path, monkeypatch):
    source, _ = warped_without_nodata(tmp_path / "a.tif")
    with rasterio.open(source) as data:
        values = data.read()
        window = rasterio.windows.Window(0, 0, data.width, data.height)
        fine = find_collar(data, (1, 2, 3)).covers(window, values)
        monkeypatch.setattr(collar, "CELLS", 100)
        monkeypatch.setattr(collar, "STEP_PX", 64)
        coarse = find_collar(data, (1, 2, 3)).covers(window, values)
    assert (coarse <= fine).all()
    assert coarse.sum() > 0.97 * fine.sum()


def lossy(path, values):
    return write(path, values, compress="jpeg", photometric="ycbcr", tiled=True, jpeg_quality=75)


def test_thin_wedges_spoilt_by_lossy_compression_hold_no_data(tmp_path):
    source, _ = warped_without_nodata(tmp_path / "a.tif")
    with rasterio.open(source) as data:
        values, crs, place = data.read(), data.crs, data.transform
    spoilt = write(tmp_path / "b.tif", values, crs, place, compress="jpeg", photometric="ycbcr", jpeg_quality=75)
    with rasterio.open(spoilt) as data:
        found = find_collar(data, (1, 2, 3)).covers(rasterio.windows.Window(0, 0, data.width, data.height), data.read())
    black = (values == 0).all(axis=0)
    assert (found & black).sum() > 0.95 * black.sum()
    assert (found & ~black).sum() < 0.02 * black.sum()
    _, reader = ingest(tmp_path, spoilt)
    assert_quarters_in_place(reader, UTM, PLACE, SIDE)


def test_dark_water_round_an_island_stays_image_in_a_lossy_file(tmp_path):
    values = np.random.default_rng(0).integers(3, 12, (3, SIDE, SIDE)).astype(np.uint8)
    values[:, 100:300, 100:300] = bright()[:, 100:300, 100:300]
    with rasterio.open(lossy(tmp_path / "a.tif", values)) as data:
        assert find_collar(data, (1, 2, 3)) is None


@pytest.mark.parametrize("kind", ["a dark river along the border", "a black roof in the corner", "a black lake inside"])
def test_what_is_dark_in_a_lossy_image_stays_image(tmp_path, kind):
    with rasterio.open(lossy(tmp_path / "a.tif", dark(kind))) as data:
        assert find_collar(data, (1, 2, 3)) is None


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [
        ("float32", -9999),
        ("float32", np.finfo(np.float32).min),
        ("float64", -9999),
        ("int16", -32768),
        ("uint16", 65535),
    ],
)
def test_a_collar_of_what_programs_write_for_no_data_is_none_and_does_not_spoil_the_colours(tmp_path, dtype, fill):
    values = bright(dtype, 100)
    values[:, :40] = fill
    info, reader = ingest(tmp_path, write(tmp_path / "a.tif", values))
    assert any(note.startswith("no nodata value is set: the collar of") for note in info.notes)
    assert any(note.startswith("90.0 % of the image's area holds data") for note in info.notes)
    assert_quarters_in_place(reader, UTM, PLACE, SIDE, within=45)


def test_such_a_value_within_the_image_alone_makes_no_collar(tmp_path):
    values = bright("uint16", 100)
    values[:, 100:300, 100:300] = 65535
    with rasterio.open(write(tmp_path / "a.tif", values)) as data:
        assert find_collar(data, (1, 2, 3)) is None
