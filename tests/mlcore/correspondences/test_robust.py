"""One transform from many matches: found among wrong ones, refused where chance or no map explains it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlcore.correspondences.matches import Matches
from mlcore.correspondences.robust import AGREE_PX, KINDS, Bounds, magsac_homography, register, residuals
from mlcore.correspondences.warps import FULL, angle_error_deg, corner_error_px, random_warp
from mlcore.errors import InvalidInputError
from mlcore.geometry.chance import chance_inliers, log10_nfa
from mlcore.geometry.transform import Transform

SIZE = 512


def matches_of(matrix: np.ndarray, right: int, wrong: int, noise_px: float = 0.3, seed: int = 0) -> Matches:
    """Pairs under a homography, and pairs that mean nothing."""
    rng = np.random.default_rng(seed)
    map_xy = rng.uniform(0, SIZE, (right + wrong, 2))
    there = np.column_stack([map_xy, np.ones(len(map_xy))]) @ matrix.T
    image_xy = there[:, :2] / there[:, 2:] + rng.normal(0, noise_px, map_xy.shape)
    image_xy[right:] = rng.uniform(0, SIZE, (wrong, 2))
    return Matches(map_xy, image_xy, rng.uniform(0, 1, right + wrong), float(SIZE * SIZE))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_warp_of_the_protocol_is_found_among_as_many_wrong_pairs(seed: int) -> None:
    true = random_warp(SIZE, FULL, seed)
    matches = matches_of(true, 60, 60, seed=seed)

    found = register(matches, (SIZE, SIZE))

    assert found.transform is not None
    assert corner_error_px(found.transform.matrix, true, SIZE) < 2 * AGREE_PX  # a simpler model may lie so far off
    assert angle_error_deg(found.transform.matrix, true, SIZE) < 0.5
    assert found.inliers[:60].mean() > 0.8
    assert corner_error_px(magsac_homography(matches), true, SIZE) < 3


@pytest.mark.parametrize("kind", KINDS)
def test_the_simplest_model_that_explains_the_pairs_is_taken(kind: str) -> None:
    matrices = {
        "shift": np.array([[1, 0, 12.0], [0, 1, -7], [0, 0, 1]]),
        "similarity": np.array([[0.9, -0.2, 40], [0.2, 0.9, 10], [0, 0, 1]]),
        "affine": np.array([[1.05, 0.06, 5], [-0.08, 0.92, 20], [0, 0, 1]]),
        "homography": np.array([[1.02, 0.03, 5], [-0.02, 0.97, 8], [2e-4, 1e-4, 1]]),
    }
    found = register(matches_of(matrices[kind], 150, 20, noise_px=0.2), (SIZE, SIZE))

    assert found.transform is not None and found.transform.kind == kind
    assert corner_error_px(found.transform.matrix, matrices[kind], SIZE) < 1
    spread = found.transform.point_covariance(np.array([[0.0, 0.0]]))[0]
    assert 0 < np.sqrt(np.trace(spread)) < 0.5


def test_pairs_that_mean_nothing_are_refused_nearly_always() -> None:
    accepted = sum(
        register(matches_of(np.eye(3), 0, 120, seed=seed), (SIZE, SIZE)).transform is not None for seed in range(60)
    )
    assert accepted <= 1


def test_the_gate_says_how_many_inliers_chance_gives() -> None:
    found = register(matches_of(np.eye(3), 0, 200, seed=3), (SIZE, SIZE))

    assert found.transform is None and found.needed_inliers == chance_inliers(200, 2, AGREE_PX, SIZE * SIZE)
    assert str(found.needed_inliers) in found.refused


@settings(max_examples=50, deadline=None)
@given(st.integers(6, 500), st.integers(2, 4), st.floats(0.5, 5), st.floats(1e3, 1e6))
def test_more_inliers_are_less_likely_by_chance_and_the_needed_number_is_where_the_gate_closes(
    pairs: int, needed: int, threshold: float, area: float
) -> None:
    count = chance_inliers(pairs, needed, threshold, area)

    assert count > needed
    if count <= pairs:
        assert log10_nfa(pairs, count, needed, threshold, area) <= -3
    if needed + 1 < count <= pairs:
        assert log10_nfa(pairs, count - 1, needed, threshold, area) > -3


@pytest.mark.parametrize(
    ("matrix", "word"),
    [
        (np.array([[-1, 0, SIZE], [0, 1, 0], [0, 0, 1.0]]), "mirrors"),
        (np.array([[1.5, 0, 0], [0, 0.9, 0], [0, 0, 1.0]]), "shears"),
        (np.array([[1, 0, 0], [0, 1, 0], [2e-3, 0, 1.0]]), "larger than the other"),
        (np.array([[6.0, 0, 0], [0, 6.0, 0], [0, 0, 1.0]]), "times as large"),
    ],
)
def test_what_no_map_looks_like_is_refused_with_the_reason(matrix: np.ndarray, word: str) -> None:
    found = register(matches_of(matrix, 150, 0, noise_px=0.05), (SIZE, SIZE))

    assert found.transform is None and word in found.refused


def test_wider_bounds_let_it_through() -> None:
    stretched = np.array([[1.5, 0, 0], [0, 0.9, 0], [0, 0, 1.0]])

    found = register(matches_of(stretched, 150, 0, noise_px=0.05), (SIZE, SIZE), bounds=Bounds(shear=2.0))

    assert found.transform is not None and found.transform.kind == "affine"


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_too_few_pairs_are_no_match(count: int) -> None:
    found = register(matches_of(np.eye(3), count, 0), (SIZE, SIZE))

    assert found.transform is None and found.refused and np.isnan(found.rmse_px)


def test_the_rmse_is_what_the_inliers_are_off() -> None:
    found = register(matches_of(np.eye(3), 400, 0, noise_px=0.3), (SIZE, SIZE))

    assert isinstance(found.transform, Transform)
    assert found.rmse_px == pytest.approx(0.3 * np.sqrt(2), rel=0.15)
    assert (residuals(found.transform, found.matches)[found.inliers] <= 1.5).all()


def test_matches_of_unlike_lengths_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="N confidences"):
        Matches(np.zeros((2, 2)), np.zeros((3, 2)), np.zeros(2), 10.0)
    with pytest.raises(InvalidInputError, match="area"):
        Matches(np.zeros((2, 2)), np.zeros((2, 2)), np.zeros(2), 0.0)
