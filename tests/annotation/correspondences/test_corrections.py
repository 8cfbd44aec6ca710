"""Transforms fitted to a person's points, against what is known to be true."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.correspondences import engine
from annotation.correspondences.errors import BadPointsError
from mlcore.geometry.transform import Transform, shift_of
from tests.factories import ORIGIN
from tests.factories_correspondences import PLACES, points_by

HOMOGRAPHY = Transform("homography", np.array([1.02, 0.01, 4, -0.02, 0.99, -3, 1e-5, -2e-5]), np.zeros((8, 8)))
TRUTHS = [
    shift_of(5.0, -3.0),
    Transform("similarity", np.array([0.99, 0.03, -4.0, 6.0]), np.zeros((4, 4))),
    Transform("affine", np.array([1.02, 0.01, 4, -0.02, 0.99, -3]), np.zeros((6, 6))),
    HOMOGRAPHY,
]


@pytest.mark.parametrize("truth", TRUTHS, ids=lambda truth: truth.kind)
def test_exact_points_give_the_transform_they_were_made_by_and_no_error(truth):
    found = engine.correction_of({"transform": truth.kind, "points": points_by(truth, checks=[6])}, ORIGIN)
    assert np.allclose(found.transform.parameters, truth.parameters, atol=1e-6)
    assert found.fit_rmse_m < 1e-6 and found.check_rmse_m < 1e-6
    assert np.abs(found.residual_xy).max() < 1e-5


def test_errors_are_in_metres_on_the_ground_and_check_points_do_not_bend_the_fit():
    rng = np.random.default_rng(0)
    truth, sigma_px = TRUTHS[1], 0.8
    places = [(float(x), float(y)) for x, y in rng.uniform(10, 246, (120, 2))]
    points = points_by(truth, places=places, checks=range(61, 121))
    for point in points:
        point["image_xy"] = [one + float(rng.normal(0, sigma_px)) for one in point["image_xy"]]
    found = engine.correction_of({"transform": "similarity", "points": points}, ORIGIN)
    expected_m = sigma_px * np.sqrt(2) * ORIGIN.resolution_m()
    assert found.fit_rmse_m == pytest.approx(expected_m, rel=0.2)
    assert found.check_rmse_m == pytest.approx(expected_m, rel=0.2)
    assert engine.apart_m(found.transform, truth, ORIGIN) < 0.5 * expected_m
    without = engine.correction_of({"transform": "similarity", "points": points[:60]}, ORIGIN)
    assert without.check_rmse_m is None
    assert np.allclose(without.transform.parameters, found.transform.parameters)


@given(dx=st.floats(-20, 20), dy=st.floats(-20, 20))
def test_two_shifts_are_as_far_apart_as_they_differ(dx: float, dy: float):
    metres = engine.apart_m(shift_of(1.0, 1.0), shift_of(1.0 + dx, 1.0 + dy), ORIGIN)
    assert metres == pytest.approx(np.hypot(dx, dy) * ORIGIN.resolution_m(), abs=1e-9)


def test_the_offset_of_the_middle_is_told_to_the_east_and_to_the_north():
    east_m, north_m = engine.middle_offset_m(shift_of(4.0, -3.0), ORIGIN)
    assert (east_m, north_m) == pytest.approx((4 * ORIGIN.resolution_m(), 3 * ORIGIN.resolution_m()))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 10**400, "1", None, True])
def test_a_place_that_is_no_number_is_refused(number):
    points = points_by(shift_of(0, 0))
    points[2]["image_xy"] = [number, 1.0]
    with pytest.raises(BadPointsError, match="point 3: a place is") as refused:
        engine.correction_of({"transform": "shift", "points": points}, ORIGIN)
    assert refused.value.data == {"point": 3}


def test_points_that_are_all_of_one_place_are_a_typed_error():
    points = points_by(shift_of(0, 0), places=[(10.0, 10.0)] * len(PLACES))
    for kind in ("similarity", "affine", "homography"):
        with pytest.raises(BadPointsError):
            engine.correction_of({"transform": kind, "points": points}, ORIGIN)
