import math

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mlcore.geolocation import placing
from mlcore.geolocation.coarse import CoarseMatches
from mlcore.geolocation.config import GeolocationConfig
from mlcore.geolocation.model import LocatorModel
from mlcore.geolocation.placing import not_sane, place
from mlcore.geolocation.rough import rough_nfa, rough_similarity

SIDE = 384


class PixelModel(LocatorModel):
    """A locator whose features are the pixels themselves: of 24 px around a cell at 1/16, of 8 px at 1/4."""

    def dense(self, images, *, window=True):
        return self.patches(F.avg_pool2d(images, 4), 6, 4), self.patches(F.avg_pool2d(images, 2), 4, 2)

    def patches(self, images, side, step):
        cells = F.unfold(images, side, padding=1, stride=step)
        shape = images.shape[2] // step, images.shape[3] // step
        return F.normalize(cells - cells.mean(dim=1, keepdim=True), dim=1).unflatten(2, shape)


@pytest.fixture(scope="module")
def model() -> LocatorModel:
    made = PixelModel(GeolocationConfig.preset("tiny", align_px=384)).eval()
    with torch.no_grad():
        made.window_scale.fill_(math.log(30))
        made.fine_scale.fill_(math.log(60))
    return made


def ground(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    picture = sum(
        cv2.resize(rng.random((side, side, 3)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        for side in (12, 24, 48, 96)
    )
    return ((picture - picture.min()) / np.ptp(picture) * 255).astype(np.uint8)


def view(rgb: np.ndarray, angle: float, scale: float, side: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture cut from the ground's middle, and (3, 3) from its pixels to the ground's."""
    cos, sin = scale * math.cos(angle), scale * math.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    matrix = np.vstack([np.column_stack([linear, side / 2 - linear @ [SIDE / 2 + 9, SIDE / 2 - 6]]), [0, 0, 1]])
    matrix[2, :2] = 2e-5, -3e-5
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
    return cv2.warpPerspective(rgb, np.linalg.inv(half) @ matrix @ half, (side, side)), np.linalg.inv(matrix)


def coarse(matrix: np.ndarray, side: int, wrong: int = 4, seed: int = 0) -> CoarseMatches:
    """Matches as coarse as cells are, some of them wrong."""
    rng = np.random.default_rng(seed)
    query = rng.uniform(20, side - 20, (16, 2))
    there = np.column_stack([query, np.ones(16)]) @ matrix.T
    base = there[:, :2] / there[:, 2:] + rng.uniform(-8, 8, (16, 2))
    base[:wrong] = rng.uniform(0, SIDE, (wrong, 2))
    return CoarseMatches(query, base, np.full(16, 5.0), 80.0, (32.0, 32.0))


def corner_error(found: np.ndarray, true: np.ndarray, side: int) -> float:
    corners = np.array([[0, 0, 1], [side, 0, 1], [side, side, 1], [0, side, 1.0]])
    ours, theirs = corners @ found.T, corners @ true.T
    return float(np.linalg.norm(ours[:, :2] / ours[:, 2:] - theirs[:, :2] / theirs[:, 2:], axis=1).mean())


@pytest.mark.parametrize("angle, scale", [(0.0, 1.0), (2.0, 1.0), (-1.1, 1.3), (0.5, 0.8)])
def test_a_turned_and_scaled_query_is_placed_to_a_pixel(model, angle, scale):
    base = ground()
    query, true = view(base, angle, scale, 192)
    found = place(model, query, None, base, None, coarse(true, 192))
    assert found is not None and corner_error(found.homography, true, 192) < 1.5
    assert found.homography[2, 2] == 1 and found.log10_nfa < -10
    assert found.covariance.shape == (8, 8) and (np.linalg.eigvalsh(found.covariance) > -1e-9).all()
    assert len(found.points_query) == len(found.points_base) == len(found.confidence) >= 12


def test_another_ground_gets_no_place(model):
    query, true = view(ground(1), 0.3, 1.0, 192)
    assert place(model, query, None, ground(2), None, coarse(true, 192)) is None


def test_matches_that_do_not_agree_get_no_place(model):
    query, true = view(ground(), 0.3, 1.0, 192)
    assert place(model, query, None, ground(), None, coarse(true, 192, wrong=16)) is None
    few = CoarseMatches(np.zeros((2, 2)), np.zeros((2, 2)), np.ones(2), 2.0)
    assert place(model, query, None, ground(), None, few) is None


def test_a_black_query_gets_no_place(model):
    _, true = view(ground(), 0.3, 1.0, 192)
    black = np.zeros((192, 192, 3), np.uint8)
    assert place(model, black, np.zeros((192, 192), bool), ground(), None, coarse(true, 192)) is None


def test_the_rough_similarity_is_what_most_matches_agree_on():
    _, true = view(ground(), 2.5, 1.2, 192)
    found = rough_similarity(coarse(true, 192, wrong=6))
    assert found is not None and corner_error(found, true, 192) < 16


def test_of_very_many_matches_the_surest_pairs_are_asked():
    _, true = view(ground(), 2.5, 1.2, 192)
    parts = [coarse(true, 192, wrong=16 if number % 2 else 2, seed=number) for number in range(16)]
    weights = np.concatenate([np.full(16, 1.0 if number % 2 else 5.0) for number in range(16)])
    both = [np.concatenate([getattr(one, name) for one in parts]) for name in ("query_xy", "base_xy")]
    many = CoarseMatches(*both, weights, 80.0, (32.0, 32.0))
    found = rough_similarity(many)
    assert found is not None and corner_error(found, true, 192) < 16
    assert rough_nfa(many, found, SIDE**2) < -40 < 0 < rough_nfa(coarse(true, 192, wrong=16), found, SIDE**2)


def points(matrix: np.ndarray, side: int, off: float = 0.3, seed: int = 0) -> CoarseMatches:
    """Matches of points, known to a few pixels."""
    rng = np.random.default_rng(seed)
    query = rng.uniform(5, side - 5, (40, 2))
    there = np.column_stack([query, np.ones(40)]) @ matrix.T
    return CoarseMatches(
        query, there[:, :2] / there[:, 2:] + rng.normal(0, off, (40, 2)), np.ones(40), 40.0, (4.0, 4.0)
    )


def test_matches_of_points_are_refined_without_being_brought_near(model, monkeypatch):
    query, true = view(ground(), 1.3, 1.1, 192)
    monkeypatch.setattr(placing, "_brought_near", None)
    found = place(model, query, None, ground(), None, points(true, 192, 1.0))
    assert found is not None and corner_error(found.homography, true, 192) < 1.0 and len(found.points_query) > 40


def test_where_fine_matching_sees_nothing_points_are_the_place(model):
    _, true = view(ground(), 1.3, 1.1, 192)
    other, _ = view(ground(3), 1.3, 1.1, 192)
    found = place(model, other, None, ground(), None, points(true, 192))
    assert found is not None and corner_error(found.homography, true, 192) < 1.0 and len(found.points_query) <= 40


def test_no_camera_mirrors_folds_or_shears():
    upright = np.diag([1.2, 1.2, 1.0])
    assert not_sane(upright, (100, 80)) == ""
    assert "mirrored" in not_sane(np.diag([-1.0, 1.0, 1.0]), (100, 80))
    assert "times as long" in not_sane(np.diag([3.0, 1.0, 1.0]), (100, 80))
    assert "times as large" in not_sane(np.diag([9.0, 9.0, 1.0]), (100, 80))
    tilted = np.eye(3)
    tilted[2, 0] = 0.02
    assert "much larger" in not_sane(tilted, (100, 80))
