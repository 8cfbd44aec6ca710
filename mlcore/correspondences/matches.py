"""What every matcher gives: pairs of points of a map and an image, and how sure it is of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mlcore.errors import InvalidInputError

MOST_PIXELS = 40_000_000
"""Of a picture that is matched whole; a larger one is cut into tiles first."""


@dataclass(frozen=True)
class Matches:
    """Pairs of points in pixels, (0, 0) the corner of the first pixel, so that its centre is (0.5, 0.5).

    Attributes:
        map_xy, image_xy: (N, 2) float64 each, pair by pair, x to the right and y down.
        confidence: (N,) float64 in 0..1.
        reach_px2: the area of the image in which each pair was looked for: what a wrong pair could lie anywhere in.
    """

    map_xy: np.ndarray
    image_xy: np.ndarray
    confidence: np.ndarray
    reach_px2: float

    def __post_init__(self) -> None:
        count = len(self.confidence)
        if self.map_xy.shape != (count, 2) or self.image_xy.shape != (count, 2):
            raise InvalidInputError("matches need (N, 2) points on both sides and N confidences")
        if not self.reach_px2 > 0:
            raise InvalidInputError("matches need the area, in square pixels, in which they were looked for")

    def __len__(self) -> int:
        return len(self.confidence)

    def best(self, count: int) -> Matches:
        """The `count` surest ones, in their order."""
        if len(self) <= count:
            return self
        chosen = np.sort(np.argsort(-self.confidence, kind="stable")[:count])
        return self.only(chosen)

    def only(self, chosen: np.ndarray) -> Matches:
        """Those of an index or a mask."""
        return Matches(self.map_xy[chosen], self.image_xy[chosen], self.confidence[chosen], self.reach_px2)


def no_matches(reach_px2: float) -> Matches:
    """None at all."""
    return Matches(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), reach_px2)


class Matcher(Protocol):
    """Finds pairs of points of two pictures of any size."""

    name: str

    def match(self, map_rgb: np.ndarray, image_rgb: np.ndarray) -> Matches:
        """Pairs of points.

        Args:
            map_rgb, image_rgb: (H, W, 3) uint8 each, of sizes of their own.
        """


def checked_picture(rgb: np.ndarray, what: str) -> np.ndarray:
    """The picture as it may be matched.

    Raises:
        InvalidInputError: not (H, W, 3) uint8, empty, or too large to be matched whole.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or rgb.size == 0:
        raise InvalidInputError(f"the {what} must be an (H, W, 3) picture of bytes that is not empty")
    if rgb.shape[0] * rgb.shape[1] > MOST_PIXELS:
        raise InvalidInputError(f"the {what} has over {MOST_PIXELS:,} pixels: cut it into tiles first")
    return rgb
