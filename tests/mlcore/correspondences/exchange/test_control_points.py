"""Control points themselves: what they must be, their transform, and where they lie on the ground."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from mlcore.correspondences.exchange import (
    ControlPoints,
    PlacedTransform,
    crs_of_text,
    fitted,
    points_of_registration,
    tile_grid,
)
from mlcore.correspondences.exchange.control_points import MOST_POINTS
from mlcore.correspondences.matches import Matches
from mlcore.correspondences.robust import register
from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress, lonlat_to_xy
from tests.mlcore.correspondences.exchange.made_points import control_points, placed, unhurried

TILE = TileAddress(19, 386_690, 220_240)


@unhurried
@given(points=control_points(systems=(4326, 3857, 32633, 2953)))
def test_longitudes_come_first_in_every_reference_system(points: ControlPoints) -> None:
    lonlat = points.lonlat()

    assert (np.abs(lonlat) <= (180.0, 90.0)).all()
    if points.crs == CRS.from_epsg(4326):
        assert np.allclose(lonlat, points.map_xy)
    if points.crs == CRS.from_epsg(2953):
        assert ((lonlat > (-71, 43)) & (lonlat < (-62, 50))).all()


def test_the_grid_of_a_tile_lies_where_the_tile_does() -> None:
    pixels = np.array([[0, 0], [512, 512], [100.5, 7.25]])
    grid = tile_grid(TILE, 512)

    points = ControlPoints.of(pixels, pixels @ grid[:, :2].T + grid[:, 2], CRS.from_epsg(3857))

    assert np.allclose(lonlat_to_xy(points.lonlat(), TILE, 512), pixels, atol=1e-5)


@unhurried
@given(
    kind=st.sampled_from(["similarity", "affine", "homography"]),
    turn=st.floats(-3, 3),
    scale=st.floats(0.2, 5),
    shift=st.tuples(st.floats(-100, 100), st.floats(-100, 100)),
)
def test_a_fit_finds_the_transform_that_made_the_points(
    kind: str, turn: float, scale: float, shift: tuple[float, float]
) -> None:
    a, b = scale * np.cos(turn), scale * np.sin(turn)
    tilt = 1e-4 if kind == "homography" else 0
    shear = 0.1 if kind != "similarity" else 0
    parameters = {
        "similarity": [a, b, *shift],
        "affine": [a, shear - b, shift[0], b, a, shift[1]],
        "homography": [a, shear - b, shift[0], b, a, shift[1], tilt, -tilt],
    }[kind]
    true = placed(kind, parameters)
    drawn = np.array([[x, y] for x in (0, 170, 400) for y in (0, 130, 390)], np.float64)
    map_xy = drawn @ true.map_grid[:, :2].T + true.map_grid[:, 2]
    image_xy = true.transform.apply(drawn)
    wrong = image_xy.copy()
    wrong[0] += 40
    roles = ["check"] + ["fit"] * 8

    found = fitted(ControlPoints.of(wrong, map_xy, CRS.from_epsg(32645), roles=roles), kind)

    assert np.allclose(found.placed.image_of(map_xy), image_xy, atol=1e-4)
    assert np.allclose(found.residuals_px[0], -40, atol=1e-4) and np.allclose(found.residuals_px[1:], 0, atol=1e-4)
    assert found.rmse_px("fit") < 1e-3 and found.rmse_px("check") == pytest.approx(40 * 2**0.5, rel=1e-4)
    back = np.column_stack([image_xy, np.ones(9)]) @ found.placed.image_to_map.T
    assert np.allclose(back[:, :2] / back[:, 2:], map_xy, atol=1e-2)


def test_points_that_just_determine_a_transform_are_fitted_by_it() -> None:
    points = ControlPoints.of(np.array([[0, 0], [10, 0], [0, 10]]), np.array([[0, 0], [20, 0], [0, -20]]))

    found = fitted(points, "affine")

    assert np.allclose(found.residuals_px, 0, atol=1e-9)


@pytest.mark.parametrize(
    ("points", "kind", "why"),
    [
        (([[0, 0], [1, 1]], [[0, 0], [1, 1]]), "shift", "similarity"),
        (([[0, 0]], [[0, 0]]), "affine", "too few"),
        (([[0, 0], [1, 1], [2, 2]], [[0, 0], [1, 1], [2, 2]]), "affine", "one line"),
        (([[0, 0], [1, 1], [2, 0]], [[5, 5], [5, 5], [5, 5]]), "affine", "one place"),
    ],
)
def test_points_that_say_too_little_are_refused(points: tuple, kind: str, why: str) -> None:
    with pytest.raises(InvalidInputError, match=why):
        fitted(ControlPoints.of(np.array(points[0]), np.array(points[1])), kind)


def test_a_similarity_of_degrees_is_refused() -> None:
    points = ControlPoints.of(np.eye(2), np.eye(2), CRS.from_epsg(4326))
    with pytest.raises(InvalidInputError, match="fit an affine"):
        fitted(points, "similarity")


def test_a_registration_gives_its_inliers_with_what_they_are_off() -> None:
    rng = np.random.default_rng(0)
    map_xy = rng.uniform(0, 256, (60, 2))
    image_xy = map_xy + np.array([12.5, -3.25]) + rng.normal(0, 0.2, (60, 2))
    image_xy[:10] = rng.uniform(0, 256, (10, 2))
    found = register(Matches(map_xy, image_xy, np.full(60, 0.9), 256.0**2), (256, 256))

    points = points_of_registration(found, tile_grid(TILE, 256), CRS.from_epsg(3857))

    assert len(points) == found.inliers.sum() >= 45
    assert points.rmse_px("fit") == pytest.approx(found.rmse_px)
    off = points.placed.image_of(points.map_xy) - points.image_xy
    assert np.allclose(off, points.residuals_px, atol=1e-4)
    none = register(Matches(map_xy[:3], image_xy[:3], np.full(3, 0.9), 256.0**2), (256, 256))
    with pytest.raises(InvalidInputError, match="no transform to write"):
        points_of_registration(none)


def test_what_is_no_control_point_is_refused() -> None:
    one = np.array([[1.0, 2.0]])
    with pytest.raises(InvalidInputError, match="finite"):
        ControlPoints.of(one, np.array([[np.nan, 0]]))
    with pytest.raises(InvalidInputError, match="on both sides"):
        ControlPoints.of(one, np.zeros((2, 2)))
    with pytest.raises(InvalidInputError, match="fit or check"):
        ControlPoints.of(one, one, roles=["guess"])
    with pytest.raises(InvalidInputError, match="too many"):
        ControlPoints.of(np.zeros((MOST_POINTS + 1, 2)), np.zeros((MOST_POINTS + 1, 2)))
    with pytest.raises(InvalidInputError, match="name no reference system"):
        ControlPoints.of(one, one).lonlat()
    with pytest.raises(InvalidInputError, match="outside"):
        ControlPoints.of(one, np.array([[1e11, 1e11]]), CRS.from_epsg(32633)).lonlat()
    with pytest.raises(InvalidInputError, match="flattens"):
        PlacedTransform(Transform("shift", np.zeros(2), np.zeros((2, 2))), np.zeros((2, 3)))
    assert np.isnan(ControlPoints.of(one, one).rmse_px("fit"))


def test_heights_of_a_reference_system_are_left_out() -> None:
    compound = CRS.from_user_input("EPSG:9518").to_wkt(version="WKT1_GDAL")

    assert crs_of_text(compound, "a file") == CRS.from_epsg(4326)
    assert crs_of_text("  ", "a file") is None
