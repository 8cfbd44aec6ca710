"""A photograph is found on the ground at any angle, about a prior or anywhere; on other ground it is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mlcore.correspondences.classical import ClassicalMatcher
from mlcore.correspondences.hybrid.pictures import HALF
from mlcore.correspondences.photos import HeldPicture, Sought, find_photo
from mlcore.errors import StoppedError
from mlcore.progress import SilentProgress
from tests.mlcore.correspondences.hybrid.made import ground

WIDTH, HEIGHT = 360, 270
NEAR = ClassicalMatcher("sift")


def photo(turn_deg: float, scale: float = 0.6, seed: int = 3) -> tuple[HeldPicture, np.ndarray]:
    """A photograph of the middle of the ground, and (3, 3) from its pixels to those of the ground."""
    picture = ground(seed)
    cos, sin = scale * np.cos(np.radians(turn_deg)), scale * np.sin(np.radians(turn_deg))
    matrix = np.array([[cos, -sin, 0], [sin, cos, 0], [2e-5, 0, 1.0]])
    middle = matrix @ [WIDTH / 2, HEIGHT / 2, 1.0]
    off = np.array([520.0, 410.0]) - middle[:2] / middle[2]
    matrix = np.array([[1, 0, off[0]], [0, 1, off[1]], [0, 0, 1.0]]) @ matrix
    inside = np.linalg.inv(HALF) @ matrix @ HALF
    shown = cv2.warpPerspective(picture, inside, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    rgb = np.uint8(np.clip(shown * 0.9 + 12, 0, 255))
    return HeldPicture(rgb, np.ones((HEIGHT, WIDTH), bool)), matrix


def held(seed: int = 3) -> HeldPicture:
    picture = ground(seed)
    return HeldPicture(picture, np.ones(picture.shape[:2], bool))


def off_px(fit, matrix: np.ndarray) -> float:
    corners = np.array([[0, 0], [WIDTH, 0], [WIDTH, HEIGHT], [0, HEIGHT]], np.float64)
    there = np.column_stack([corners, np.ones(4)]) @ matrix.T
    return float(np.linalg.norm(fit.transform.apply(corners) - there[:, :2] / there[:, 2:], axis=1).max())


@pytest.mark.parametrize("turn_deg", [0, 37, 180, -95])
def test_it_is_found_about_a_prior_at_any_angle(turn_deg):
    shown, matrix = photo(turn_deg)
    sought = Sought(np.array([545.0, 395.0]), 60.0, 0.63, (0.3, 1.2))
    fit = find_photo(shown, held(), sought, lambda reach: NEAR, NEAR, SilentProgress())
    assert fit is not None and off_px(fit, matrix) < 1.0 and fit.probability > 0.999
    assert len(fit.photo_xy) == len(fit.ground_xy) == len(fit.confidence) >= fit.needed
    spread = np.linalg.eigvalsh(fit.transform.point_covariance(np.array([[WIDTH / 2, HEIGHT / 2.0]]))[0])
    assert spread.min() > 0 and spread.max() < 1.0


def test_it_is_found_anywhere_and_at_an_unknown_scale():
    shown, matrix = photo(20)
    fit = find_photo(shown, held(), Sought(None, 0.0, None, (0.3, 1.2)), lambda reach: NEAR, NEAR, SilentProgress())
    assert fit is not None and off_px(fit, matrix) < 1.0


def test_other_ground_has_no_place_for_it():
    shown, _ = photo(10, seed=8)
    sought = Sought(None, 0.0, 0.6, (0.3, 1.2), tries=12)
    assert find_photo(shown, held(), sought, lambda reach: NEAR, NEAR, SilentProgress()) is None


def test_it_stops_when_it_is_asked_to():
    class Stopped(SilentProgress):
        def should_stop(self) -> bool:
            return True

    with pytest.raises(StoppedError):
        find_photo(photo(0)[0], held(), Sought(None, 0.0, 0.6, (0.3, 1.2)), lambda reach: NEAR, NEAR, Stopped())
