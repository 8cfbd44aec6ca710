"""QGIS's .points: written so that QGIS reads the same, read from every version of QGIS, refused where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from mlcore.correspondences.exchange import ControlPoints, qgis_text, read_qgis_points, write_qgis_points
from mlcore.correspondences.exchange.control_points import MOST_POINTS
from mlcore.correspondences.exchange.qgis import MOST_BYTES
from mlcore.errors import InvalidInputError
from tests.mlcore.correspondences.exchange.made_points import SIZE, control_points, read_as_qgis, unhurried

HEADER = "mapX,mapY,sourceX,sourceY,enable,dX,dY,residual\n"


def read(folder: Path, text: str | bytes, size: tuple[int, int] | None = None) -> ControlPoints:
    path = folder / "made.points"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_qgis_points(path, size)


@unhurried
@given(points=control_points(least=0))
def test_what_is_written_is_read_again(points: ControlPoints, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("points") / "a.points"
    write_qgis_points(points, path)

    back = read_qgis_points(path, SIZE)

    assert (back.image_xy == points.image_xy).all() and (back.map_xy == points.map_xy).all()
    assert (back.enabled == points.fitted_mask).all()
    assert np.array_equal(back.residuals_px, points.residuals_px)
    assert back.crs == points.crs
    assert list(path.parent.iterdir()) == [path]


@unhurried
@given(points=control_points())
def test_qgis_reads_the_same_points_and_fits_only_those_that_are_fitted_here(points: ControlPoints) -> None:
    crs, rows = read_as_qgis(qgis_text(points))

    assert len(rows) == len(points)
    assert (CRS.from_wkt(crs) if crs else None) == points.crs
    assert [row[4] for row in rows] == points.fitted_mask.tolist()
    assert np.array_equal(np.array([row[:2] for row in rows]), points.map_xy)
    assert np.array_equal(np.array([(row[2], -row[3]) for row in rows]), points.image_xy)


def test_the_source_s_rows_are_negative_and_a_point_without_residual_has_zeros() -> None:
    points = ControlPoints.of(np.array([[10.5, 20.25]]), np.array([[85.5, 27.6]]), CRS.from_epsg(4326))

    first, header, row = qgis_text(points).splitlines()

    assert first.startswith('#CRS: GEOGCRS["WGS 84"')
    assert header + "\n" == HEADER
    assert row == "85.5,27.6,10.5,-20.25,1,0.0,0.0,0.0"


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "1.5,2.5,3,-4,1,0,0,0\n10,20,30,-40,0,0.5,0,0.5\n",
        "mapX,mapY,pixelX,pixelY,enable,dX,dY,residual\n1.5,2.5,3,-4,1,0,0,0\n10,20,30,-40,0,0.5,0,0.5\n",
        "mapX,mapY,pixelX,pixelY,enable\n1.5,2.5,3,-4,1\n10,20,30,-40,0\n",
        "pixelX,pixelY,mapX,mapY,enable\r\n3,-4,1.5,2.5,1\r\n30,-40,10,20,0\r\n",
        "mapX\tmapY\tpixelX\tpixelY\tenable\n1.5\t2.5\t3\t-4\t1\n10\t20\t30\t-40\t0\n",
        "1.5,2.5,3,-4,1,0,0,0\n10,20,30,-40,0,0.5,0,0.5",
        "1.5,2.5,3,-4,1\n10,20,30,-40,0\n\n",
        "\ufeff#CRS: EPSG:4326\n" + HEADER + "1.5,2.5,3,-4,1,n/a,n/a,n/a\n10,2e1,30,-40,0,0,0,0\n",
        "#CRS: \n" + HEADER + "1.5,2.5,3,-4,1,0,0,0\n+10,20,30,-40,0,0.5,0,0.5\n",
    ],
    ids=["3.26", "3.24", "five columns", "pixels first", "tabs", "no header", "short", "mark and name", "no system"],
)
def test_every_version_s_columns_say_the_same(tmp_path: Path, text: str) -> None:
    points = read(tmp_path, text, (100, 100))

    assert points.map_xy.tolist() == [[1.5, 2.5], [10, 20]]
    assert points.image_xy.tolist() == [[3, 4], [30, 40]]
    assert points.enabled.tolist() == [True, False]
    assert points.roles == ("fit", "fit")
    assert (points.crs is not None) == ("EPSG" in text)


def test_a_file_of_four_columns_has_all_its_points_on(tmp_path: Path) -> None:
    points = read(tmp_path, "mapX,mapY,pixelX,pixelY\n1,2,3,-4\n")

    assert points.enabled.all() and np.isnan(points.residuals_px).all()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (HEADER + "nan,2,3,-4,1,0,0,0\n", "finite numbers"),
        ("nan,2,3,-4,1\n", "finite numbers"),
        (HEADER + "1,inf,3,-4,1,0,0,0\n", "finite numbers"),
        (HEADER + "1,1e300,3,-4,1,0,0,0\n", "finite numbers"),
        (HEADER + "1,one,3,-4,1,0,0,0\n", "decimal points"),
        (HEADER + "1,1_0,3,-4,1,0,0,0\n", "decimal points"),
        (HEADER + "1,٣,3,-4,1,0,0,0\n", "decimal points"),
        (HEADER + "1,5,2,5,3,0,-4,0,1,0,0,0\n", "decimal points"),
        ("mapX;mapY;sourceX;sourceY\n1,5;2;3;-4\n", "other columns"),
        ("mapX,mapY,mapX,sourceY\n1,2,3,-4\n", "other columns"),
        ("x,y,column,row\n1,2,3,-4\n", "other columns"),
        (HEADER + "1,2,3\n", "3 columns in place of 8"),
        ("1,2,3\n", "3 columns in place of 4"),
        (HEADER + "\n1,2,3,-4,1,0,0,0\n", "columns in place of"),
        (HEADER + "1,2,3,-4,yes,0,0,0\n", "enable"),
        (HEADER + "1,2,3,-4,2,0,0,0\n", "not 0 or 1"),
        (HEADER + "1,2,3,4,1,0,0,0\n", "column and minus row"),
        (HEADER + "1,2,300,-4,1,0,0,0\n", "georeference a copy"),
        (HEADER + "1,2,3,-4,1,0,0," + "0" * 2000 + "\n", "too long"),
        ("#CRS: PROJ4GRIDS\n" + HEADER, "no usable reference system"),
        ("#CRS: /etc/passwd\n" + HEADER, "no usable reference system"),
        ("#CRS: https://example.org/crs\n" + HEADER, "no usable reference system"),
        ("#CRS: +proj=utm +zone=33 +nadgrids=@/etc/passwd\n" + HEADER, "no usable reference system"),
        ('#CRS: GEOGCRS["a",PARAMETERFILE["x","/etc/passwd"]]\n' + HEADER, "no usable reference system"),
        ('#CRS: GEOGCRS["broken\n' + HEADER, "damaged"),
        ("#CRS: EPSG:999999\n" + HEADER, "damaged"),
        ("#CRS: " + "x" * 20_000 + "\n", "too long"),
        (b"\xff\xfe" + HEADER.encode("utf-16-le"), "UTF-8"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "UTF-8"),
        ("\0" * 100, "other columns"),
        (HEADER + "1,2,3,-4,1,0,0,0\n" * (MOST_POINTS + 1), "keep the best"),
        ("1" * (MOST_BYTES + 1), "larger than 4 MB"),
    ],
)
def test_a_hostile_file_is_refused_with_its_remedy(tmp_path: Path, text: str | bytes, why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        read(tmp_path, text, (100, 100))


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="check the path"):
        read_qgis_points(tmp_path / "none.points")


LIKE_POINTS = st.text("0123456789.,-+enaifmpXYxysource#CRS:\t\n ", max_size=300)


@unhurried
@given(content=st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode), LIKE_POINTS.map(str.encode)))
def test_whatever_a_file_holds_it_is_read_or_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any")
    try:
        points = read(folder, content)
    except InvalidInputError:
        return
    assert np.isfinite(points.image_xy).all() and np.isfinite(points.map_xy).all()
