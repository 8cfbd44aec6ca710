"""Warps of the protocols: seeded, within their range, and what an answer is off."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.correspondences.warps import (
    FULL,
    WarpRange,
    angle_error_deg,
    corner_error_px,
    random_warp,
    warped,
    working_range,
)
from mlcore.errors import InvalidInputError

SIZE = 512


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 100_000))
def test_a_warp_stays_in_its_range_and_is_the_same_each_time(seed: int) -> None:
    reach = WarpRange(FULL.rotation_deg, FULL.translation, FULL.scale)
    matrix = random_warp(SIZE, reach, seed)

    assert np.array_equal(matrix, random_warp(SIZE, reach, seed))
    scale = math.sqrt(np.linalg.det(matrix[:2, :2]))
    assert FULL.scale[0] <= scale <= FULL.scale[1]
    assert angle_error_deg(matrix, np.eye(3), SIZE) <= FULL.rotation_deg + 1e-9
    middle = (matrix @ [SIZE / 2, SIZE / 2, 1])[:2] - SIZE / 2
    assert np.abs(middle).max() <= FULL.translation * SIZE + 1e-9


def test_the_working_range_is_told_in_metres() -> None:
    reach = working_range(512, 0.3)

    assert reach.translation * 512 * 0.3 == pytest.approx(20)
    assert reach.rotation_deg == 5 and reach.scale == (0.95, 1.05)


def test_what_is_warped_lies_where_the_matrix_says() -> None:
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    picture[100:110, 300:310] = 255
    matrix = random_warp(SIZE, WarpRange(20, 0.05, (0.9, 1.1)), 5)

    there = np.argwhere(warped(picture, matrix, SIZE)[..., 0] > 127).mean(axis=0)[::-1] + 0.5

    true = matrix @ [305, 105, 1]
    assert np.allclose(there, true[:2] / true[2], atol=0.3)


@settings(max_examples=50, deadline=None)
@given(st.floats(-50, 50), st.floats(-50, 50), st.floats(-170, 170))
def test_the_errors_of_an_answer_are_its_distance_and_its_angle(dx: float, dy: float, turn: float) -> None:
    shifted = np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1.0]])
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    turned = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1.0]])

    assert corner_error_px(shifted, np.eye(3), SIZE) == pytest.approx(math.hypot(dx, dy), abs=1e-9)
    assert angle_error_deg(turned, np.eye(3), SIZE) == pytest.approx(abs(turn), abs=1e-6)


def test_no_answer_is_infinitely_wrong() -> None:
    assert corner_error_px(None, np.eye(3), SIZE) == math.inf
    assert angle_error_deg(None, np.eye(3), SIZE) == 180
    beyond = np.array([[1, 0, 0], [0, 1, 0], [-0.01, 0, 1.0]])
    assert corner_error_px(beyond, np.eye(3), SIZE) == math.inf
    with pytest.raises(InvalidInputError, match="two pixels"):
        random_warp(1, FULL, 0)
