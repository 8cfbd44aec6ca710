"""Rasters of many kinds become clean COGs on the XYZ grid, or are refused with the reason."""

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points

from mlcore.errors import InvalidInputError
from mlcore.geometry.polygons import area_m2
from mlcore.geometry.webmercator import WORLD_M, TileAddress
from mlcore.imagery.raster import open_image
from mlcore.ingestion.ingest import ingest_raster
from mlcore.ingestion.sandbox import run_ingest
from mlcore.limits import RasterLimits
from tests.mlcore.source_makers import TILE, grid_tiff, photo, real_data, write_tiff

UTM = ("EPSG:32645", 355_000.0, 3_057_000.0)
CHILD = TileAddress(20, TILE.x * 2, TILE.y * 2)


def ingested(tmp_path, source, **limits):
    info = ingest_raster(source, tmp_path / "out.tif", limits=RasterLimits(**limits))
    return info, open_image(tmp_path / "out.tif")


def test_an_image_on_the_grid_keeps_its_pixels(tmp_path):
    info, reader = ingested(tmp_path, grid_tiff(tmp_path / "a.tif", 2))
    tile = reader.read_tile(CHILD)
    assert np.abs(tile.rgb.astype(int) - photo(512, 512)[:, :256, :256].transpose(1, 2, 0)).max() <= 8
    assert tile.valid.all()
    assert "pixels kept as they are" in info.notes
    assert (info.width, info.height, info.bit_depth, info.crs) == (512, 512, 8, "EPSG:3857")


def test_an_image_on_the_grid_but_off_the_tiles_is_padded_not_resampled(tmp_path):
    cell = WORLD_M / 2**20 / 256
    west, _, _, north = TILE.bounds_mercator
    source = write_tiff(tmp_path / "a.tif", photo(300, 300), "EPSG:3857", west + 40 * cell, north - 8 * cell, cell)
    info, reader = ingested(tmp_path, source)
    tile = reader.read_tile(CHILD)
    assert "pixels kept as they are" in info.notes
    assert not tile.valid[:8].any()
    assert not tile.valid[:, :40].any()
    assert tile.valid[8:, 40:].all()
    assert np.abs(tile.rgb[8:, 40:].astype(int) - photo(300, 300)[:, :248, :216].transpose(1, 2, 0)).mean() < 2


def test_a_utm_image_is_warped_to_where_it_lies(tmp_path):
    values = np.zeros((3, 800, 800), np.uint8)
    values[:, 300:340, 500:540] = 255
    info, reader = ingested(tmp_path, write_tiff(tmp_path / "a.tif", values, *UTM, 0.2))
    (x,), (y,) = transform_points(
        CRS.from_string(UTM[0]), CRS.from_epsg(3857), [UTM[1] + 520 * 0.2], [UTM[2] - 320 * 0.2]
    )
    centre = reader.read_window((x - 2, y - 2, x + 2, y + 2), 16, 16)
    aside = reader.read_window((x + 10, y - 2, x + 14, y + 2), 16, 16)
    assert centre.rgb.min() > 200
    assert aside.rgb.max() < 30
    assert info.crs == "EPSG:32645"
    assert area_m2(info.footprint_lonlat) == pytest.approx(160**2, rel=0.03)


@pytest.mark.parametrize("dtype", ["uint16", "float32", "int16"])
def test_deep_values_are_scaled_by_robust_percentiles_and_recorded(tmp_path, dtype):
    values = (photo(600, 600).astype(np.float64) * 20 + 300).astype(dtype)
    values[:, 0, 0] = 32000
    info, reader = ingested(tmp_path, write_tiff(tmp_path / "a.tif", values, *UTM, 0.2))
    tile = reader.read_window(reader.bounds_mercator, 300, 300)
    assert info.bit_depth == (32 if dtype == "float32" else 16)
    assert "scaled to 8 bits from 1-99 %" in info.notes[0]
    assert np.ptp(tile.rgb[tile.valid]) > 200


def test_a_grey_image_becomes_grey_rgb(tmp_path):
    _, reader = ingested(tmp_path, write_tiff(tmp_path / "a.tif", photo(600, 600)[:1], *UTM, 0.2))
    tile = reader.read_window(reader.bounds_mercator, 200, 200)
    spread = np.ptp(tile.rgb[tile.valid].astype(int), axis=1)
    assert spread.max() <= 6


def hole(kind: str, path):
    values = photo(600, 600)
    if kind == "mask":
        mask = np.full((600, 600), 255, np.uint8)
        mask[200:400, 200:400] = 0
        return write_tiff(path, values, *UTM, 0.2, mask=mask)
    if kind == "alpha":
        alpha = np.full((1, 600, 600), 255, np.uint8)
        alpha[:, 200:400, 200:400] = 0
        return write_tiff(path, np.concatenate([values, alpha]), *UTM, 0.2, photometric="rgb", alpha="yes")
    if kind == "nan":
        deep = values.astype(np.float32)
        deep[:, 200:400, 200:400] = np.nan
        return write_tiff(path, deep, *UTM, 0.2)
    values[:, 200:400, 200:400] = 0
    return write_tiff(path, values, *UTM, 0.2, nodata=0)


@pytest.mark.parametrize("kind", ["mask", "alpha", "nodata", "nan"])
def test_a_hole_in_the_image_stays_a_hole(tmp_path, kind):
    info, reader = ingested(tmp_path, hole(kind, tmp_path / "a.tif"))
    assert area_m2(info.footprint_lonlat) == pytest.approx(120**2 - 40**2, rel=0.05)
    whole = reader.read_window(reader.bounds_mercator, 100, 100)
    assert not whole.rgb[~whole.valid].any()


def test_an_infrared_fourth_band_is_not_taken_for_alpha(tmp_path):
    values = np.concatenate([photo(300, 300), np.zeros((1, 300, 300), np.uint8)])
    source = write_tiff(tmp_path / "a.tif", values, *UTM, 0.2, photometric="rgb", alpha="unspecified")
    info, _ = ingested(tmp_path, source)
    assert area_m2(info.footprint_lonlat) == pytest.approx(60**2, rel=0.05)


def test_an_image_finer_than_needed_is_down_sampled_and_says_so(tmp_path):
    info, reader = ingested(tmp_path, write_tiff(tmp_path / "a.tif", photo(800, 800), *UTM, 0.02))
    assert 0.07 <= reader.resolution_m <= 0.14
    assert any("down-sampled" in note for note in info.notes)


@pytest.mark.parametrize(
    ("crs", "west", "north", "cell", "reason"),
    [
        (*UTM, 5.0, "sharper image"),
        ("EPSG:4326", 10.0, 79.0, 2e-5, "sharper image"),
        ("EPSG:4326", 10.0, 81.0, 2e-6, "latitude"),
        ("EPSG:4326", 179.9999, 1.0, 2e-6, "180th meridian"),
        ("EPSG:3832", -1000.0 + 3339584.72, 100.0, 0.5, None),
    ],
)
def test_places_and_resolutions_out_of_range_are_refused_with_the_reason(tmp_path, crs, west, north, cell, reason):
    source = write_tiff(tmp_path / "a.tif", photo(256, 256), crs, west, north, cell)
    if reason is None:
        info, _ = ingested(tmp_path, source)
        assert not info.footprint_lonlat.is_empty
        return
    with pytest.raises(InvalidInputError, match=reason):
        ingested(tmp_path, source)


def test_a_utm_image_across_the_180th_meridian_is_refused(tmp_path):
    (x,), (y,) = transform_points(CRS.from_epsg(4326), CRS.from_epsg(32660), [179.9995], [-17.0])
    source = write_tiff(tmp_path / "a.tif", photo(600, 600), "EPSG:32660", x, y, 0.3)
    with pytest.raises(InvalidInputError, match="180th meridian"):
        ingested(tmp_path, source)


@pytest.mark.parametrize("driver", ["PNG", "JPEG", "GTiff"])
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_an_image_without_georeference_is_refused_with_the_remedy(tmp_path, driver):
    path = tmp_path / "a.bin"
    with rasterio.open(path, "w", driver=driver, width=64, height=64, count=3, dtype="uint8") as data:
        data.write(photo(64, 64))
    with pytest.raises(InvalidInputError, match="no georeference"):
        ingested(tmp_path, path)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_a_png_with_a_world_file_and_a_projection_is_placed(tmp_path):
    with rasterio.open(tmp_path / "a.png", "w", driver="PNG", width=300, height=300, count=3, dtype="uint8") as data:
        data.write(photo(300, 300))
    (tmp_path / "a.pgw").write_text(f"0.2\n0\n0\n-0.2\n{UTM[1] + 0.1}\n{UTM[2] - 0.1}\n")
    (tmp_path / "a.prj").write_text(CRS.from_string(UTM[0]).to_wkt(version="WKT1_ESRI"))
    info, _ = ingested(tmp_path, tmp_path / "a.png")
    assert area_m2(info.footprint_lonlat) == pytest.approx(60**2, rel=0.05)


def test_an_image_of_nothing_but_nodata_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="nodata"):
        ingested(tmp_path, write_tiff(tmp_path / "a.tif", np.zeros((3, 64, 64), np.uint8), *UTM, 0.2, nodata=0))
    assert not (tmp_path / "out.tif").exists()


def test_the_same_source_gives_the_same_digest_in_the_sandbox(tmp_path):
    source = write_tiff(tmp_path / "a.tif", photo(400, 400), *UTM, 0.2)
    first = ingest_raster(source, tmp_path / "1.tif")
    second = run_ingest("raster", source, tmp_path / "2.tif")
    assert first.sha256 == second.sha256
    assert shapely.equals_exact(first.footprint_lonlat, second.footprint_lonlat)
    assert second.notes == first.notes


def test_the_result_has_overviews_that_agree_with_the_image(tmp_path):
    values = np.tile(photo(512, 512), (1, 4, 4))
    cell = WORLD_M / 2**20 / 256
    west, _, _, north = TILE.bounds_mercator
    _, reader = ingested(tmp_path, write_tiff(tmp_path / "a.tif", values, "EPSG:3857", west, north, cell))
    with rasterio.open(tmp_path / "out.tif") as data:
        assert data.overviews(1)
    halved = reader.read_tile(TILE).rgb
    exact = values[:, :512, :512].reshape(3, 256, 2, 256, 2).mean((2, 4)).transpose(1, 2, 0)
    assert np.abs(halved - exact).mean() < 3


def test_real_imagery_is_read_on_its_grid():
    reader = open_image(real_data("nairobi/nairobi_1.tif"))
    assert reader.resolution_m == pytest.approx(0.149, abs=0.002)
    assert not reader.footprint_lonlat.is_empty
