"""World files, GeoJSON and IIIF's annotations: their published rules, and the readers of others."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from mlcore.correspondences.exchange import (
    ControlPoints,
    annotation_of,
    geojson_of,
    world_file_text,
    write_annotation,
    write_geojson,
    write_world_file,
)
from mlcore.errors import InvalidInputError
from mlcore.imagery.side_files import projection_file, world_file
from tests.mlcore.correspondences.exchange.made_points import SIZE, control_points, placed, unhurried

SERVICE = "https://iiif.example.org/image/1"
SQUARE = np.array([[0, 0], [640, 0], [640, 480], [0, 480]], np.float64)


def with_transform(kind: str, parameters: list[float]) -> ControlPoints:
    one = placed(kind, parameters)
    drawn = one.transform.inverse().apply(SQUARE)
    map_xy = drawn @ one.map_grid[:, :2].T + one.map_grid[:, 2]
    return ControlPoints.of(SQUARE, map_xy, CRS.from_epsg(32633), placed=one)


@unhurried
@given(
    kind=st.sampled_from(["shift", "similarity", "affine"]),
    numbers=st.lists(st.floats(-200, 200), min_size=6, max_size=6),
)
def test_a_world_file_puts_the_corners_where_the_transform_does(
    kind: str, numbers: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    dx, dy, a, b, c, d = numbers
    one = 1 + abs(a) / 100  # neither flat nor mirrored
    tilt = [b / 1000, c / 1000, d / 1000]
    parameters = {
        "shift": [dx, dy],
        "similarity": [one, tilt[0], dx, dy],
        "affine": [one, tilt[0], dx, tilt[1], 1 + tilt[2], dy],
    }[kind]
    points = with_transform(kind, parameters)
    image = tmp_path_factory.mktemp("world") / "image.png"

    written = write_world_file(points, image)

    assert [path.name for path in written] == ["image.pgw", "image.prj"]
    affine = world_file(image)
    assert np.allclose([affine @ tuple(xy) for xy in points.image_xy], points.map_xy, atol=1e-5)
    assert projection_file(image).to_epsg(confidence_threshold=20) == 32633


def test_gdal_takes_the_world_file_as_it_is(tmp_path: Path) -> None:
    points, image = with_transform("similarity", [1.2, 0.1, 30, -20]), tmp_path / "image.tif"
    with rasterio.open(image, "w", driver="GTiff", width=640, height=480, count=1, dtype="uint8") as data:
        data.write(np.zeros((1, 480, 640), np.uint8))
    write_world_file(points, image)

    with rasterio.open(image) as data:
        assert np.allclose([data.transform @ tuple(xy) for xy in SQUARE], points.map_xy, atol=1e-6)


def test_what_six_numbers_can_t_say_is_refused_with_the_remedy() -> None:
    with pytest.raises(InvalidInputError, match="gdalwarp -tps"):
        world_file_text(with_transform("homography", [1, 0, 0, 0, 1, 0, 1e-4, 0]))
    with pytest.raises(InvalidInputError, match="fit one to the points first"):
        world_file_text(ControlPoints.of(SQUARE, SQUARE))


def test_without_a_reference_system_there_is_no_prj(tmp_path: Path) -> None:
    one = placed("shift", [1, 2])
    points = ControlPoints.of(SQUARE, SQUARE, placed=one)

    assert [path.name for path in write_world_file(points, tmp_path / "a.bmp")] == ["a.wld"]


@unhurried
@given(points=control_points(systems=(4326, 3857, 32633, 2953)))
def test_geojson_keeps_every_point_with_all_that_is_known(
    points: ControlPoints, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("geojson") / "a.geojson"
    write_geojson(points, path)

    features = json.loads(path.read_text())["features"]

    assert np.array_equal([one["geometry"]["coordinates"] for one in features], points.lonlat())
    said = [one["properties"] for one in features]
    assert np.array_equal([(one["image_x"], one["image_y"]) for one in said], points.image_xy)
    assert [(one["enabled"], one["role"]) for one in said] == list(
        zip(points.enabled.tolist(), points.roles, strict=True)
    )
    assert np.array_equal([(one["residual_x_px"], one["residual_y_px"]) for one in said], points.residuals_px)


def test_geojson_says_null_for_what_nobody_measured_and_refuses_points_without_a_place() -> None:
    points = ControlPoints.of(SQUARE, SQUARE / 10, CRS.from_epsg(4326))

    assert geojson_of(points)["features"][0]["properties"]["residual_x_px"] is None
    with pytest.raises(InvalidInputError, match="georeference the map"):
        geojson_of(ControlPoints.of(SQUARE, SQUARE))


@unhurried
@given(points=control_points(least=3, systems=(4326, 3857)))
def test_an_annotation_follows_the_extension_and_holds_the_fitted_points_alone(
    points: ControlPoints, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("iiif") / "a.json"
    used = points.only(points.fitted_mask)
    if len(used) < 3:
        with pytest.raises(InvalidInputError, match="too few for an annotation"):
            write_annotation(points, path, SERVICE, *SIZE)
        return
    write_annotation(points, path, SERVICE, *SIZE)

    said = json.loads(path.read_text())

    assert said["motivation"] == "georeferencing" and said["type"] == "Annotation"
    assert said["@context"][0] == "http://iiif.io/api/extension/georef/1/context.json"  # before the Presentation API's
    source, selector = said["target"]["source"], said["target"]["selector"]
    assert source == {"id": SERVICE, "type": "ImageService3", "width": SIZE[0], "height": SIZE[1]}
    assert re.fullmatch(
        r'<svg width="640" height="480"><polygon points="(\d+,\d+ ){3}\d+,\d+" /></svg>', selector["value"]
    )
    assert said["body"]["type"] == "FeatureCollection" and "transformation" not in said["body"]
    features = said["body"]["features"]
    assert np.array_equal([one["properties"]["resourceCoords"] for one in features], used.image_xy)
    assert np.array_equal([one["geometry"]["coordinates"] for one in features], used.lonlat())


def test_an_annotation_asks_for_what_the_transform_is() -> None:
    plane = annotation_of(with_transform("affine", [1, 0, 3, 0, 1, 4]), SERVICE, *SIZE)
    bent = annotation_of(with_transform("homography", [1, 0, 0, 0, 1, 0, 1e-4, 0]), SERVICE, *SIZE)

    assert plane["body"]["transformation"] == {"type": "polynomial", "options": {"order": 1}}
    assert bent["body"]["transformation"] == {"type": "thinPlateSpline"}


@pytest.mark.parametrize("address", ["image.tif", "/etc/passwd", "https://a b", 'https://a"/><script>', "ftp://a/b"])
def test_an_annotation_needs_the_address_of_an_image_service(address: str) -> None:
    with pytest.raises(InvalidInputError, match="IIIF server"):
        annotation_of(with_transform("shift", [1, 2]), address, *SIZE)
    with pytest.raises(InvalidInputError, match="size"):
        annotation_of(with_transform("shift", [1, 2]), SERVICE, 0, 480)
