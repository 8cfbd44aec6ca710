"""Lists of -gcp arguments are read again, and rasters' points in a process of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given

from mlcore.correspondences.exchange import (
    ControlPoints,
    read_gcp_list,
    read_gcps_apart,
    write_gcp_tiff,
)
from mlcore.correspondences.exchange.gdal_points import gcp_text
from mlcore.errors import InvalidInputError
from tests.mlcore.correspondences.exchange.made_points import control_points, unhurried


@unhurried
@given(points=control_points())
def test_a_line_of_gdal_translate_is_read_again(
    points: ControlPoints, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("list") / "a b.txt"
    path.write_text(gcp_text(points, "my image.png", "it's.tif"), encoding="utf-8")
    used = points.only(points.fitted_mask)
    if not len(used):
        with pytest.raises(InvalidInputError, match="no -gcp"):
            read_gcp_list(path)
        return

    back = read_gcp_list(path)

    assert (back.image_xy == used.image_xy).all() and (back.map_xy == used.map_xy).all()
    assert back.crs == points.crs and back.fitted_mask.all()


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("-gcp 1 2 3 4\n-gcp 5 6 -7 8 9.5", [[1, 2, 3, 4], [5, 6, -7, 8]]),
        ("gdal_translate -of VRT \\\n  -gcp 1 2 3e2 4 \\\n a.png b.vrt  # by hand", [[1, 2, 300, 4]]),
    ],
)
def test_elevations_other_options_and_broken_lines_are_passed_over(tmp_path: Path, text: str, rows: list) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text)
    back = read_gcp_list(path)
    assert np.column_stack([back.image_xy, back.map_xy]).tolist() == rows


@pytest.mark.parametrize("text", ["", "-gcp", "-gcp 1 2 3", "-gcp 1 2 3 nan", "-gcp 1 2 3 1e13", "-gcp 1 2 3 4 'x"])
def test_what_is_no_list_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=r"a\.txt"):
        read_gcp_list(path)


def test_a_geotiff_is_read_in_another_process_and_its_errors_come_back_under_its_person_s_name(tmp_path: Path) -> None:
    picture = np.zeros((8, 16, 3), np.uint8)
    points = ControlPoints.of(
        np.array([[1.5, 2], [9, 7]]), np.array([[1e6, 2e6], [3, 4.25]]), rasterio.CRS.from_epsg(3857)
    )
    path = tmp_path / "upload.tif"
    write_gcp_tiff(points, picture, path)

    back, size = read_gcps_apart(path)

    assert size == (16, 8) and back.crs == points.crs
    assert (back.image_xy == points.image_xy).all() and (back.map_xy == points.map_xy).all()
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(InvalidInputError, match=r"mine\.tif"):
        read_gcps_apart(path, "mine.tif")
