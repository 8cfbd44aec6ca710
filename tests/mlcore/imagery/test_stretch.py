"""Deep values are stretched by what the image holds, wherever in it that lies."""

import numpy as np
import pytest
import rasterio

from mlcore.errors import InvalidInputError
from mlcore.imagery import stretch
from mlcore.ingestion.ingest import ingest_raster
from tests.mlcore.imagery.quarters import PLACE, UTM, assert_quarters_in_place, ingest, quarters, seen_at, write

SIDE, SIZE = 3000, 120
"""Samples of 256 px lie 457 px apart."""


def thin(dtype, nodata, at: int, size: int = SIZE, bands: int = 1) -> np.ndarray:
    """An image of one square of quarters from 4000 to 23000 and nodata all round it."""
    values = np.full((bands, SIDE, SIDE), nodata, dtype)
    values[:, at : at + size, at : at + size] = np.where(quarters(size) > 100, 23_000, 4_000)[:bands].astype(dtype)
    return values


@pytest.mark.parametrize(
    ("dtype", "nodata", "at"), [("uint16", 0, 1180), ("int16", -9999, 300), ("float32", np.nan, 300)]
)
def test_deep_values_between_the_samples_are_found(tmp_path, dtype, nodata, at):
    with rasterio.open(write(tmp_path / "a.tif", thin(dtype, nodata, at), nodata=nodata, compress="lzw")) as data:
        assert stretch.robust_limits(data, (1,)) == [(4000, 23_000)]


def test_a_mosaic_between_the_samples_shows_its_colours(tmp_path):
    source = write(tmp_path / "a.tif", thin("uint16", 0, 300, bands=3), nodata=0, compress="lzw")
    info, reader = ingest(tmp_path, source)
    place = PLACE @ PLACE.translation(300, 300)
    assert "4000..23000, 4000..23000, 4000..23000" in info.notes[0]
    for row, column, colour in ((30, 30, (255, 0, 0)), (30, 90, (0, 255, 0)), (90, 30, (0, 0, 255))):
        seen, valid = seen_at(reader, UTM, place, column, row)
        assert valid
        assert np.abs(seen - colour).max() <= 30


def test_a_sample_of_a_few_pixels_at_the_edge_of_the_image_is_not_enough(tmp_path):
    """The first window meets the darkest corner alone, 8 x 8 pixels of 3,600."""
    with rasterio.open(write(tmp_path / "a.tif", thin("uint16", 0, 248, size=60), nodata=0, compress="lzw")) as data:
        assert stretch.robust_limits(data, (1,)) == [(4000, 23_000)]


def test_values_of_windows_count_by_the_pixels_they_stand_for(tmp_path, monkeypatch):
    monkeypatch.setattr(stretch, "LEAST_SAMPLES", 10**6)
    values = np.full((1, 2100, 2100), 1000, np.uint16)
    values[:, :, 2048:] = 50_000
    values[:, :, 2048 + 15 :] = 9000
    with rasterio.open(write(tmp_path / "a.tif", values, compress="lzw")) as data:
        assert stretch.robust_limits(data, (1,)) == [(1000, 9000)]


def test_a_colour_that_is_all_nodata_stays_black_beside_the_others(tmp_path):
    values = quarters().astype(np.uint16) * 100
    values[2] = 0
    _, reader = ingest(tmp_path, write(tmp_path / "a.tif", values, nodata=0))
    whole = reader.read_window(reader.bounds_mercator, 64, 64)
    assert whole.rgb[..., :2].max() > 200
    assert whole.rgb[..., 2].max() <= 40


def test_deep_nodata_alone_is_refused(tmp_path):
    source = write(tmp_path / "a.tif", np.zeros((3, 300, 300), np.uint16), nodata=0)
    with pytest.raises(InvalidInputError, match="nothing but nodata"):
        ingest_raster(source, tmp_path / "out.tif")


def test_a_dense_image_keeps_its_quarters(tmp_path):
    _, reader = ingest(tmp_path, write(tmp_path / "a.tif", quarters().astype(np.uint16) * 100))
    assert_quarters_in_place(reader, within=50)
