"""Known transforms to be found again: how the protocols warp one side of an aligned pair, and what an answer is off.

The same group's later benchmark warps by a random homography with rotation +-108 degrees, translation +-30 % and scale
0.7 to 1.3, seeded by the sample's number; the corner error is the mean distance of the four corners.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from mlcore.errors import InvalidInputError


@dataclass(frozen=True)
class WarpRange:
    """How far a warp may go.

    Attributes:
        rotation_deg: in +-.
        translation: in +- shares of the side.
        scale: from, to; drawn evenly in its logarithm.
        perspective: how much larger one side may be drawn than the other, in +- shares.
    """

    rotation_deg: float
    translation: float
    scale: tuple[float, float]
    perspective: float = 0.0


FULL = WarpRange(108.0, 0.3, (0.7, 1.3), 0.05)
"""The published protocol; the perspective makes it a homography, of which it does not say how far it goes."""


def working_range(size_px: int, resolution_m: float) -> WarpRange:
    """What the product meets: shift to 20 m, rotation to 5 degrees, scale 0.95 to 1.05."""
    return WarpRange(5.0, 20.0 / (size_px * resolution_m), (0.95, 1.05))


def random_warp(size_px: int, reach: WarpRange, seed: int) -> np.ndarray:
    """(3, 3) a homography of a square picture about its middle.

    Args:
        seed: the sample's number: a sample has the same warp in every run.
    """
    if size_px < 2:
        raise InvalidInputError("a picture to be warped needs two pixels a side")
    rng = np.random.default_rng(seed)
    turn = math.radians(rng.uniform(-reach.rotation_deg, reach.rotation_deg))
    scale = math.exp(rng.uniform(math.log(reach.scale[0]), math.log(reach.scale[1])))
    shift = rng.uniform(-reach.translation, reach.translation, 2) * size_px
    tilt = rng.uniform(-reach.perspective, reach.perspective, 2) / size_px
    middle = np.array([[1, 0, -size_px / 2], [0, 1, -size_px / 2], [0, 0, 1.0]])
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    turned = np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]], [0, 0, 1.0]])
    perspective = np.array([[1, 0, 0], [0, 1, 0], [tilt[0], tilt[1], 1.0]])
    matrix = np.linalg.inv(middle) @ turned @ perspective @ middle
    return np.asarray(matrix / matrix[2, 2])


def warped(picture: np.ndarray, matrix: np.ndarray, size_px: int) -> np.ndarray:
    """The picture under a homography of corner-based pixels, (size_px, size_px, ...); black where it has nothing."""
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])  # OpenCV puts 0 at a pixel's centre
    return np.asarray(cv2.warpPerspective(picture, np.linalg.inv(half) @ matrix @ half, (size_px, size_px)))


def corner_error_px(found: np.ndarray | None, true: np.ndarray, size_px: int) -> float:
    """Mean distance of the four corners of the picture under both homographies; infinite without one."""
    if found is None:
        return math.inf
    corners = np.array([[0, 0, 1], [size_px, 0, 1], [size_px, size_px, 1], [0, size_px, 1.0]])
    ours, theirs = corners @ found.T, corners @ true.T
    if (ours[:, 2] <= 0).any():
        return math.inf
    return float(np.linalg.norm(ours[:, :2] / ours[:, 2:] - theirs[:, :2] / theirs[:, 2:], axis=1).mean())


def middle_error_px(found: np.ndarray | None, true: np.ndarray, size_px: int) -> float:
    """Distance of the picture's middle under both homographies: of the error, what no turn or scale explains."""
    if found is None:
        return math.inf
    middle = np.array([size_px / 2, size_px / 2, 1.0])
    ours, theirs = found @ middle, true @ middle
    if ours[2] <= 0:
        return math.inf
    return float(np.linalg.norm(ours[:2] / ours[2] - theirs[:2] / theirs[2]))


def angle_error_deg(found: np.ndarray | None, true: np.ndarray, size_px: int) -> float:
    """How far the direction of the picture's middle row is off, 0..180 degrees; 180 without an answer."""
    if found is None:
        return 180.0
    off = _heading(found, size_px) - _heading(true, size_px)
    return abs((math.degrees(off) + 180) % 360 - 180)


def _heading(matrix: np.ndarray, size_px: int) -> float:
    row = np.array([[0, size_px / 2, 1], [size_px, size_px / 2, 1.0]]) @ matrix.T
    (left_x, left_y), (right_x, right_y) = row[:, :2] / row[:, 2:]
    return math.atan2(right_y - left_y, right_x - left_x)
