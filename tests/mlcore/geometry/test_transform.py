"""Transforms: they fit what made the points, against OpenCV where it has the same fit, and say how sure they are."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.errors import InvalidInputError
from mlcore.geometry.transform import PARAMETERS, Transform, TransformKind, fit, shift_of

KINDS: list[TransformKind] = ["shift", "similarity", "affine", "homography"]


def made(kind: TransformKind, seed: int) -> Transform:
    """A transform such as a tile's map may need: some degrees, some per cent, some pixels."""
    rng = np.random.default_rng(seed)
    turn, grow = np.radians(rng.uniform(-30, 30)), rng.uniform(0.8, 1.25)
    tx, ty = rng.uniform(-40, 40, 2)
    a, b = grow * np.cos(turn), grow * np.sin(turn)
    values = {
        "shift": [tx, ty],
        "similarity": [a, b, tx, ty],
        "affine": [a, -b + rng.uniform(-0.05, 0.05), tx, b, a * rng.uniform(0.95, 1.05), ty],
        "homography": [a, -b, tx, b, a, ty, *rng.uniform(-2e-4, 2e-4, 2)],
    }[kind]
    return Transform(kind, np.array(values), np.zeros((len(values), len(values))))


def scattered(count: int, seed: int, size: float = 512.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, size, (count, 2))


@pytest.mark.parametrize("kind", KINDS)
def test_in_another_frame_it_moves_the_same_places_and_is_as_sure_of_them(kind: TransformKind) -> None:
    plain = made(kind, 5)
    spread = np.random.default_rng(6).normal(0, 1e-3, (len(plain.parameters), len(plain.parameters)))
    if kind == "homography":
        spread[6:] *= 1e-4
    sure = Transform(kind, plain.parameters, spread @ spread.T)
    frame = np.array([[0.4, 0, -30], [0, 0.4, 12], [0, 0, 1.0]])
    points = scattered(20, 7)
    seen = points * 0.4 + [-30, 12]
    there = sure.reframed(frame)
    assert there.kind == kind
    np.testing.assert_allclose(there.apply(seen), sure.apply(points) * 0.4 + [-30, 12], atol=1e-6)
    np.testing.assert_allclose(there.point_covariance(seen), sure.point_covariance(points) * 0.16, rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 10**6), extra=st.integers(0, 30))
@settings(max_examples=40, deadline=None)
def test_exact_points_give_back_the_transform_that_moved_them(kind: TransformKind, seed: int, extra: int) -> None:
    true = made(kind, seed)
    points = np.concatenate([[[3, 5], [500, 20], [480, 490], [15, 470]], scattered(extra, seed)])
    found = fit(kind, points, true.apply(points), sigma_px=0.5)
    assert found.apply(points) == pytest.approx(true.apply(points), abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_the_inverse_brings_points_back(kind: TransformKind, seed: int) -> None:
    true = made(kind, seed)
    points = scattered(12, seed)
    assert true.inverse().apply(true.apply(points)) == pytest.approx(points, abs=1e-6)
    assert true.inverse().inverse().parameters == pytest.approx(true.parameters, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_covariance_says_how_far_repeated_fits_scatter(kind: TransformKind) -> None:
    true, rng = made(kind, 4), np.random.default_rng(9)
    points, corners = scattered(25, 1), np.array([[0, 0], [512, 0], [512, 512], [256, 256.0]])
    exact, sigma = true.apply(points), rng.uniform(0.3, 1.5, 25)
    fits = [
        fit(kind, points, exact + rng.normal(size=(25, 2)) * sigma[:, None], sigma_px=sigma).apply(corners)
        for _ in range(600)
    ]
    told = fit(kind, points, exact, sigma_px=sigma).point_covariance(corners)
    seen = np.stack([np.cov(np.stack(fits)[:, i].T) for i in range(len(corners))])
    assert np.trace(seen, axis1=1, axis2=2) == pytest.approx(np.trace(told, axis1=1, axis2=2), rel=0.25)


@pytest.mark.parametrize("kind", KINDS)
def test_the_inverse_is_as_sure_as_a_fit_the_other_way_round(kind: TransformKind) -> None:
    true = made(kind, 2)
    points = scattered(40, 3)
    found = fit(kind, points, true.apply(points), sigma_px=1.0)
    moves = found.inverse().point_covariance(true.apply(points))
    local = np.stack([_slope(found, one) for one in points])
    back = np.linalg.inv(local) @ found.point_covariance(points) @ np.linalg.inv(local).transpose(0, 2, 1)
    assert moves == pytest.approx(back, rel=1e-3, abs=1e-6)


def _slope(transform: Transform, point: np.ndarray) -> np.ndarray:
    """(2, 2): how the moved point answers to the point."""
    step = np.array([[1e-3, 0], [0, 1e-3]])
    ahead, behind = transform.apply(point + step), transform.apply(point - step)
    return ((ahead - behind) / 2e-3).T


def test_without_a_word_on_exactness_it_is_estimated_from_what_the_fit_leaves_over() -> None:
    rng = np.random.default_rng(0)
    points = scattered(400, 5)
    found = fit("affine", points, points + rng.normal(0, 0.7, points.shape))
    told = fit("affine", points, points, sigma_px=0.7)
    assert np.diag(found.covariance) == pytest.approx(np.diag(told.covariance), rel=0.15)


def test_a_homography_is_no_worse_than_opencvs() -> None:
    rng = np.random.default_rng(1)
    true, points = made("homography", 8), scattered(60, 8)
    seen = true.apply(points) + rng.normal(0, 0.5, points.shape)
    theirs, _ = cv2.findHomography(points, seen, 0)
    other = cv2.perspectiveTransform(points[None], theirs)[0]
    ours = fit("homography", points, seen).apply(points)
    assert ((ours - seen) ** 2).sum() <= ((other - seen) ** 2).sum() * (1 + 1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_tile_drawn_larger_is_moved_in_proportion(kind: TransformKind) -> None:
    points = scattered(30, 6)
    small = fit(kind, points, made(kind, 6).apply(points), sigma_px=1.0)
    large = small.scaled(4.0)
    assert large.apply(points * 4) == pytest.approx(small.apply(points) * 4, rel=1e-9)
    assert large.point_covariance(points * 4) == pytest.approx(small.point_covariance(points) * 16, rel=1e-4, abs=1e-6)


def test_a_simpler_transform_is_one_of_every_freer_kind() -> None:
    points = scattered(10, 7)
    shift = shift_of(3.0, -2.0, 0.25)
    for kind in KINDS:
        assert shift.as_kind(kind).apply(points) == pytest.approx(points + np.array([3, -2]))
        assert shift.as_kind(kind).point_covariance(points) == pytest.approx(np.tile(np.eye(2) * 0.25, (10, 1, 1)))
    with pytest.raises(InvalidInputError, match="fit a shift"):
        made("affine", 0).as_kind("shift")


@pytest.mark.parametrize("kind", KINDS)
def test_too_few_points_are_refused_with_the_number_needed(kind: TransformKind) -> None:
    least = PARAMETERS[kind] // 2
    points = scattered(least, 2)
    with pytest.raises(InvalidInputError, match=f"{least} pairs"):
        fit(kind, points[:-1], points[:-1], sigma_px=1.0)
    with pytest.raises(InvalidInputError, match="add a pair"):
        fit(kind, points, points)


@pytest.mark.parametrize("kind", ["similarity", "affine", "homography"])
def test_points_that_leave_the_transform_open_are_refused(kind: TransformKind) -> None:
    in_line = np.stack([np.arange(6.0), np.arange(6.0) * 2], 1)
    points = np.zeros((6, 2)) if kind == "similarity" else in_line
    with pytest.raises(InvalidInputError, match="leave a"):
        fit(kind, points, points, sigma_px=1.0)


def test_what_is_no_set_of_points_is_refused() -> None:
    for wrong in (np.zeros(2), np.zeros((3, 3)), np.array([[np.nan, 1.0]])):
        with pytest.raises(InvalidInputError, match="points must be"):
            shift_of(1, 1).apply(wrong)
    with pytest.raises(InvalidInputError, match="horizon"):
        Transform("homography", np.array([1, 0, 0, 0, 1, 0, -0.01, 0]), np.zeros((8, 8))).apply(np.array([[200.0, 0]]))
    with pytest.raises(InvalidInputError, match="flattens"):
        Transform("affine", np.zeros(6), np.zeros((6, 6))).inverse()
    with pytest.raises(InvalidInputError, match="has 4 parameters"):
        Transform("similarity", np.zeros(3), np.zeros((3, 3)))
