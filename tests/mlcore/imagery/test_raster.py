"""What an ingested image says of itself."""

import numpy as np
import pytest

from mlcore.geometry.polygons import area_m2
from tests.mlcore.imagery.quarters import ingest, quarters, write


@pytest.mark.parametrize("at", [1200, 1303, 2955])
def test_a_single_pixel_in_a_large_image_is_its_footprint(tmp_path, at):
    values = np.zeros((3, 200, 6000), np.uint8)
    values[:, 90, at] = 200
    info, reader = ingest(tmp_path, write(tmp_path / "a.tif", values, nodata=0, compress="lzw"))
    lon, lat = info.footprint_lonlat.centroid.coords[0]
    west, south, east, north = reader.bounds_lonlat
    assert 0 < area_m2(info.footprint_lonlat) < 60
    assert west < lon < east and south < lat < north


def test_a_full_image_is_its_own_footprint(tmp_path):
    info, _ = ingest(tmp_path, write(tmp_path / "a.tif", quarters()))
    assert area_m2(info.footprint_lonlat) == pytest.approx(60**2, rel=0.03)
