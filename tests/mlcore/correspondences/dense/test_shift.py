"""A shift says as a transform what it says as a number: where to, and how surely."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore.correspondences.dense.shift import RIGHT_M, Shift, confidence_of, shift_by
from mlcore.geometry.transform import Transform, shift_of


@given(st.floats(0.05, 0.99), st.floats(0.1, 2.0))
def test_a_transform_is_as_sure_as_its_shift(confidence: float, resolution_m: float) -> None:
    transform = Shift(3.0, -1.0, confidence).as_transform(resolution_m)
    errors = np.random.default_rng(0).multivariate_normal([0, 0], transform.covariance, 40_000) * resolution_m
    assert np.mean(np.hypot(*errors.T) < RIGHT_M) == pytest.approx(confidence, abs=0.02)
    assert transform.parameters.tolist() == [3.0, -1.0]
    assert confidence_of(transform, resolution_m) == pytest.approx(confidence, abs=1e-6)


def test_a_known_transform_is_as_sure_as_can_be() -> None:
    assert confidence_of(shift_of(3.0, 4.0), 0.3) == 1.0


def test_a_turn_is_kept_with_the_shift_of_the_tiles_middle() -> None:
    turn = Transform("similarity", np.array([1.0, 0.05, 10.0, -3.0]), np.zeros((4, 4)))

    shift = shift_by(turn, 0.9, "verified")

    assert (shift.dx_px, shift.dy_px) == (pytest.approx(10 - 0.05 * 128), pytest.approx(-3 + 0.05 * 128))
    assert shift.as_transform(0.3) is turn
