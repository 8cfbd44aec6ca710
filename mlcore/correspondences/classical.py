"""Matchers of OpenCV behind the same interface: the floor that every other is held against.

OpenCV 5 has no AKAZE in its main modules any more (4 has); it is offered where the installed one does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from mlcore.correspondences.matches import Matches, checked_picture, no_matches
from mlcore.errors import InvalidInputError

MOST_KEYPOINTS = 2048
RATIO = 0.85  # of the nearest to the second nearest descriptor (Lowe 2004)
MAKERS: dict[str, tuple[str, int]] = {
    "sift": ("SIFT_create", cv2.NORM_L2),
    "orb": ("ORB_create", cv2.NORM_HAMMING),
    "akaze": ("AKAZE_create", cv2.NORM_HAMMING),
}


class ClassicalMatcher:
    """Keypoints and descriptors of OpenCV, mutual nearest neighbours with the ratio test."""

    def __init__(self, name: str) -> None:
        make: Callable[[], Any] | None = getattr(cv2, MAKERS[name][0], None) if name in MAKERS else None
        if make is None:
            raise InvalidInputError(f"this OpenCV has no matcher {name!r}: choose from {', '.join(classical_names())}")
        self.name, self.detector = name, make()
        self.matcher = cv2.BFMatcher(MAKERS[name][1])

    def match(self, map_rgb: np.ndarray, image_rgb: np.ndarray) -> Matches:
        """Pairs of points; at most MOST_KEYPOINTS of each picture are looked at."""
        area = float(image_rgb.shape[0] * image_rgb.shape[1])
        sides = [self._described(checked_picture(rgb, what)) for rgb, what in ((map_rgb, "map"), (image_rgb, "image"))]
        (map_xy, map_words), (image_xy, image_words) = sides
        if map_words is None or image_words is None or len(image_xy) < 2 or len(map_xy) < 2:
            return no_matches(area)
        there, back = self._nearest(map_words, image_words), self._nearest(image_words, map_words)
        pairs = [(one, other, sure) for one, (other, sure) in there.items() if back.get(other, (-1, 0))[0] == one]
        if not pairs:
            return no_matches(area)
        first, second, sure = (np.array(column) for column in zip(*pairs, strict=True))
        return Matches(map_xy[first], image_xy[second], sure.astype(np.float64), area)

    def _described(self, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        points, words = self.detector.detectAndCompute(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), None)
        order = np.argsort([-point.response for point in points], kind="stable")[:MOST_KEYPOINTS]
        xy = np.array([points[int(number)].pt for number in order], np.float64).reshape(-1, 2) + 0.5
        return xy, None if words is None else words[order]

    def _nearest(self, ours: np.ndarray, theirs: np.ndarray) -> dict[int, tuple[int, float]]:
        """The nearest of theirs to each of ours that passes the ratio test, with 1 - ratio as its confidence."""
        found = {}
        for near in self.matcher.knnMatch(ours, theirs, k=2):
            if len(near) == 2 and near[0].distance < RATIO * near[1].distance:
                found[near[0].queryIdx] = (near[0].trainIdx, 1 - near[0].distance / max(near[1].distance, 1e-9))
        return found


def classical_names() -> list[str]:
    """Those that the installed OpenCV has."""
    return [name for name, (make, _) in MAKERS.items() if hasattr(cv2, make)]
