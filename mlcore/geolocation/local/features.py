"""Local features of a picture: SIFT's points with root-SIFT words, spread over the picture and its octaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

WORD_SIZE = 128
CONTRAST = 0.02
EDGE_PX = 5
GRID_PX = 128
"""Points compete for a place within squares of this side, among those of their own octave."""
LEAST_PX = 32
FIRST_PX = 0.25
"""From OpenCV's place of a point to the outer corner's: half a pixel, less the quarter by which its enlarging of the
picture moves every point."""
WORD_SCALE = 512.0


@dataclass(frozen=True, eq=False)
class LocalFeatures:
    """Points of a picture and what it looks like around them.

    Attributes:
        xy: (N, 2) float32 pixels from the outer corner; size: (N,) float32, diameters in pixels.
        angle: (N,) float32 radians, clockwise from the right (y points down).
        words: (N, 128) uint8, root-SIFT: 512 times unit vectors.
    """

    xy: np.ndarray
    size: np.ndarray
    angle: np.ndarray
    words: np.ndarray

    def __len__(self) -> int:
        return len(self.xy)

    @property
    def points(self) -> np.ndarray:
        """(N, 4) float32: x, y, size, angle."""
        return np.column_stack([self.xy, self.size, self.angle]).astype(np.float32)

    @classmethod
    def of_points(cls, points: np.ndarray, words: np.ndarray) -> LocalFeatures:
        """From (N, 4) `points` and (N, 128) words."""
        return cls(points[:, :2], points[:, 2], points[:, 3], words)


def none_at_all() -> LocalFeatures:
    """Of a picture that shows nothing to hold on to."""
    return LocalFeatures.of_points(np.zeros((0, 4), np.float32), np.zeros((0, WORD_SIZE), np.uint8))


def local_features(
    rgb: np.ndarray, valid: np.ndarray, most: int, most_px: int, drawn: int | None = None
) -> LocalFeatures:
    """The strongest points of a picture, spread evenly.

    Args:
        rgb: (H, W, 3) uint8; valid: (H, W) bool, nothing is said of what touches the rest.
        most: so many at most; most_px: a picture with a longer side is looked at shrunk to it.
        drawn: only the strongest so many are described at all, before they are spread; None: all.
    """
    factor = min(1.0, most_px / max(rgb.shape[:2]))
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    if factor < 1:
        grey = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        valid = cv2.resize(valid.astype(np.uint8), grey.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    if min(grey.shape) < LEAST_PX:
        return none_at_all()
    make: Callable[..., Any] = vars(cv2)["SIFT_create"]
    detector = make(nfeatures=drawn or 0, contrastThreshold=CONTRAST)
    seen = None if valid.all() else cv2.erode(valid.astype(np.uint8), np.ones((2 * EDGE_PX + 1,) * 2, np.uint8))
    points, words = detector.detectAndCompute(grey, seen)
    if words is None or not len(points):
        return none_at_all()
    rows = np.array([(*point.pt, point.size, point.angle, point.response, point.octave & 255) for point in points])
    kept = _spread(rows, most)
    rows = rows[kept]
    xy = (rows[:, :2] + FIRST_PX) * (np.array(rgb.shape[1::-1]) / np.array(grey.shape[::-1]))
    found = np.column_stack([xy, rows[:, 2] / factor, np.radians(rows[:, 3])]).astype(np.float32)
    return LocalFeatures.of_points(found, root_words(words[kept]))


def root_words(words: np.ndarray) -> np.ndarray:
    """SIFT's (N, 128) as root-SIFT (Arandjelovic and Zisserman 2012): distances of these are Hellinger's."""
    total = np.maximum(words.sum(axis=1, keepdims=True), 1e-6)
    return np.minimum(np.rint(np.sqrt(words / total) * WORD_SCALE), 255).astype(np.uint8)


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """Which points stay: first the strongest of every square and octave, then the second strongest, ..."""
    square = np.floor(rows[:, :2] / GRID_PX).astype(np.int64)
    octave = (rows[:, 5].astype(np.int64) + 1) & 255  # of the enlarged picture 255
    group = (square[:, 0] << 24) | (square[:, 1] << 8) | octave
    order = np.lexsort((-rows[:, 4], group))
    first = np.r_[0, np.flatnonzero(np.diff(group[order])) + 1]
    rank = np.arange(len(rows)) - np.repeat(first, np.diff(np.r_[first, len(rows)]))
    return order[np.lexsort((-rows[order, 4], rank))[:most]]
