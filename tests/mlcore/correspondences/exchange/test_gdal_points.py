"""GDAL reads the control points that were written: through rasterio, and by its own tools where they are installed."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from mlcore.correspondences.exchange import (
    ControlPoints,
    gcp_arguments,
    read_gcps,
    write_gcp_tiff,
    write_gcp_vrt,
)
from mlcore.correspondences.exchange.gdal_points import gcp_text
from mlcore.errors import InvalidInputError
from tests.mlcore.correspondences.exchange.made_points import SIZE, SYSTEMS, control_points, unhurried

PICTURE = np.random.default_rng(0).integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8)
needs_gdal = pytest.mark.skipif(shutil.which("gdaltransform") is None, reason="GDAL's tools are not installed")


def corners(number: int) -> ControlPoints:
    """Four points of a plane of a reference system, one that is off, and a check point."""
    (west, east), (south, north) = SYSTEMS[number]
    image_xy = np.array([[0, 0], [640, 0], [640, 480], [0, 480], [10, 10], [20, 20.0]])
    x, y = west + (east - west) * (0.5 + image_xy[:, 0] / 1e6), south + (north - south) * (0.5 - image_xy[:, 1] / 1e6)
    roles = ["fit"] * 5 + ["check"]
    enabled = [True] * 4 + [False, True]
    return ControlPoints.of(image_xy, np.column_stack([x, y]), CRS.from_epsg(number), enabled=enabled, roles=roles)


def asked_of_gdal(path: Path, *options: str) -> list[float]:
    """Where GDAL's own tool puts the image's pixel (320, 120)."""
    said = subprocess.run(
        ["gdaltransform", *options, str(path)], input="320 120\n", capture_output=True, text=True, check=True
    )
    return [float(word) for word in said.stdout.split()[:2]]


@unhurried
@given(points=control_points())
def test_a_geotiff_carries_the_points_that_are_fitted(
    points: ControlPoints, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("tiff") / "a.tif"
    used = points.only(points.fitted_mask)
    if not len(used):
        with pytest.raises(InvalidInputError, match="no enabled point"):
            write_gcp_tiff(points, PICTURE[:4, :4], path)
        return

    write_gcp_tiff(points, PICTURE[:4, :4], path)

    back = read_gcps(path)
    assert (back.image_xy == used.image_xy).all() and (back.map_xy == used.map_xy).all()
    assert back.enabled.all() and back.crs == points.crs
    with rasterio.open(path) as data:
        assert (data.read() == PICTURE[:4, :4].transpose(2, 0, 1)).all()


@pytest.mark.parametrize("number", SYSTEMS)
def test_a_vrt_shows_the_image_and_carries_the_points(tmp_path: Path, number: int) -> None:
    points, image = corners(number), tmp_path / "image.tif"
    with rasterio.open(image, "w", driver="GTiff", width=640, height=480, count=3, dtype="uint8") as data:
        data.write(PICTURE.transpose(2, 0, 1))
    for path in (tmp_path / "beside.vrt", tmp_path / "elsewhere" / "a.vrt"):
        path.parent.mkdir(exist_ok=True)
        write_gcp_vrt(points, image, path)

        with rasterio.open(path) as data:
            found, crs = data.gcps
            assert (data.read() == PICTURE.transpose(2, 0, 1)).all()
        assert crs == points.crs
        assert [(one.col, one.row) for one in found] == [tuple(xy) for xy in points.image_xy[:4]]
        assert np.array_equal([(one.x, one.y) for one in found], points.map_xy[:4])


@needs_gdal
@pytest.mark.parametrize("number", SYSTEMS)
def test_gdal_s_own_tool_puts_a_pixel_where_the_points_say(tmp_path: Path, number: int) -> None:
    points, image = corners(number), tmp_path / "image.tif"
    write_gcp_tiff(points, PICTURE, image)
    write_gcp_vrt(points, image, tmp_path / "a.vrt")
    asked = shlex.split(gcp_text(points, str(image), str(tmp_path / "by hand.tif")))
    subprocess.run([*asked[:1], "-q", *asked[1:]], check=True)

    middle = points.map_xy[0] * 0.25 + points.map_xy[1] * 0.25
    expected = middle + 0.25 * (points.map_xy[0] + points.map_xy[1]) + 0.25 * (points.map_xy[3] - points.map_xy[0])
    for path in (image, tmp_path / "a.vrt", tmp_path / "by hand.tif"):
        assert np.allclose(asked_of_gdal(path, "-order", "1"), expected, rtol=1e-9)


@needs_gdal
@pytest.mark.parametrize("number", SYSTEMS)
def test_gdal_puts_the_points_at_their_longitude_whatever_order_of_axes_the_system_names(
    tmp_path: Path, number: int
) -> None:
    points, image = corners(number), tmp_path / "image.tif"
    write_gcp_tiff(points, PICTURE, image)
    write_gcp_vrt(points, image, tmp_path / "a.vrt")
    for path in (image, tmp_path / "a.vrt"):
        subprocess.run(
            ["gdalwarp", "-q", "-order", "1", "-t_srs", "EPSG:3857", str(path), str(path.with_suffix(".flat.tif"))],
            check=True,
        )
        with rasterio.open(path.with_suffix(".flat.tif")) as data:
            west, south, east, north = data.bounds
        lonlat = points.lonlat()[:4]
        x = np.radians(lonlat[:, 0]) * 6378137.0
        y = np.log(np.tan(np.pi / 4 + np.radians(lonlat[:, 1]) / 2)) * 6378137.0
        slack = 0.02 * (x.max() - x.min())
        assert np.allclose([west, south, east, north], [x.min(), y.min(), x.max(), y.max()], atol=slack)


def test_the_arguments_name_the_system_by_its_number_and_pixels_first() -> None:
    points = ControlPoints.of(np.array([[1.5, 2]]), np.array([[85.25, 27.5]]), CRS.from_epsg(4326))

    assert gcp_arguments(points) == ["-a_srs", "EPSG:4326", "-gcp", "1.5", "2.0", "85.25", "27.5"]
    assert gcp_arguments(points.only(np.array([False]))) == ["-a_srs", "EPSG:4326"]


def test_a_raster_without_points_or_that_is_none_is_refused(tmp_path: Path) -> None:
    plain = tmp_path / "plain.tif"
    with rasterio.open(plain, "w", driver="GTiff", width=4, height=4, count=1, dtype="uint8") as data:
        data.write(PICTURE[None, :4, :4, 0])
    with pytest.raises(InvalidInputError, match="gdal_translate -gcp"):
        read_gcps(plain)
    (tmp_path / "a.vrt").write_text("<VRTDataset rasterXSize='1' rasterYSize='1'/>")
    with pytest.raises(InvalidInputError, match="convert it"):
        read_gcps(tmp_path / "a.vrt")
    with pytest.raises(InvalidInputError, match="check the path"):
        read_gcps(tmp_path / "none.tif")
    cut = tmp_path / "cut.tif"
    write_gcp_tiff(corners(3857), PICTURE[:4, :4], cut)
    whole = cut.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 60)):
        cut.write_bytes(whole[:length])
        try:
            assert len(read_gcps(cut)) == 4
        except InvalidInputError:
            continue


def test_a_type_that_a_vrt_has_no_name_for_here_is_refused(tmp_path: Path) -> None:
    image = tmp_path / "complex.tif"
    with rasterio.open(image, "w", driver="GTiff", width=4, height=4, count=1, dtype="complex64") as data:
        data.write(np.zeros((1, 4, 4), np.complex64))
    with pytest.raises(InvalidInputError, match="gdal_translate"):
        write_gcp_vrt(corners(3857), image, tmp_path / "a.vrt")


@unhurried
@given(changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_geotiff_is_read_or_refused(
    changes: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "a.tif"
    write_gcp_tiff(corners(32633), PICTURE[:4, :4], path)
    content = bytearray(path.read_bytes())
    for at, value in changes:
        content[at % len(content)] = value
    path.write_bytes(content)
    try:
        points = read_gcps(path)
    except InvalidInputError:
        return
    assert np.isfinite(points.map_xy).all() and len(points) > 0


def test_a_png_with_opacity_keeps_its_bands_in_a_vrt(tmp_path: Path) -> None:
    image = tmp_path / "clear.png"
    with rasterio.open(image, "w", driver="PNG", width=640, height=480, count=4, dtype="uint8") as data:
        data.write(np.concatenate([PICTURE.transpose(2, 0, 1), PICTURE[None, ..., 0]]))

    write_gcp_vrt(corners(3857), image, tmp_path / "a.vrt")

    with rasterio.open(tmp_path / "a.vrt") as data:
        assert [one.name for one in data.colorinterp] == ["red", "green", "blue", "alpha"]
        assert (data.read(4) == PICTURE[..., 0]).all() and len(data.gcps[0]) == 4
