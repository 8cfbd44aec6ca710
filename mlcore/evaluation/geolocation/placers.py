"""What every method and baseline is to the protocol: a placer of pictures, and perhaps a matcher of one pair."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np

from mlcore.evaluation.geolocation.planes import warp, warp_valid

MARGIN = 0.1
"""Of a crop about a placed footprint, on each side, in shares of the query."""
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray | None]


@dataclass(frozen=True)
class Ranked:
    """One answer to a query.

    Attributes:
        base: its name.
        homography: (3, 3) from the query's pixels to the base's; None where the method finds none.
        score: higher is surer, and comparable between queries.
        probability: that it is right, where the method says one.
    """

    base: str
    homography: np.ndarray | None
    score: float
    probability: float | None = None


class Placer(Protocol):
    """Finds the bases that a picture shows a part of."""

    name: str

    def place(self, rgb: np.ndarray, valid: np.ndarray) -> Sequence[Ranked]:
        """Answers, the best first; none says "not here".

        Args:
            rgb: (H, W, 3) uint8.
            valid: (H, W) bool.
        """


@runtime_checkable
class PairPlacer(Protocol):
    """A placer that can match a query to one picture again."""

    def fit(
        self, query_rgb: np.ndarray, query_valid: np.ndarray, base_rgb: np.ndarray, base_valid: np.ndarray
    ) -> np.ndarray | None:
        """(3, 3) from the query's pixels to the picture's, or None."""


class Waiting:
    """A placer that is built when the first query asks for it: not at all where all outcomes are kept.

    Args:
        digest: of what its answers depend on, besides queries and bases.
    """

    def __init__(self, name: str, digest: str, make: Callable[[], Placer]) -> None:
        self.name, self.digest, self._make = name, digest, make
        self.build_seconds: float | None = None

    def place(self, rgb: np.ndarray, valid: np.ndarray) -> Sequence[Ranked]:
        return self.made.place(rgb, valid)

    @cached_property
    def made(self) -> Placer:
        start = time.process_time()
        found = self._make()
        self.build_seconds = time.process_time() - start
        return found


def iterated(
    fit: Fit, query: tuple[np.ndarray, np.ndarray], base: tuple[np.ndarray, np.ndarray], homography: np.ndarray, n: int
) -> np.ndarray:
    """EarthMatch's protocol (Berton et al. 2024): the placed footprint is cropped from the base, turned upright as the
    query lies, and matched again, `n` matchings in all; a matching that finds nothing ends it.

    Args:
        query, base: rgb and valid.
        homography: (3, 3) of the first matching, from the query's pixels to the base's.

    Returns:
        (3, 3) of the last matching.
    """
    (rgb, valid), (base_rgb, base_valid) = query, base
    height, width = valid.shape
    pad_x, pad_y = round(MARGIN * width), round(MARGIN * height)
    pad = np.array([[1, 0, pad_x], [0, 1, pad_y], [0, 0, 1.0]])
    size = width + 2 * pad_x, height + 2 * pad_y
    for _ in range(n - 1):
        try:
            to_crop = pad @ np.linalg.inv(homography)
        except np.linalg.LinAlgError:
            break
        crop = warp(base_rgb, to_crop, size)
        inside = warp_valid(base_valid, to_crop, size)
        again = fit(rgb, valid, crop, inside)
        if again is None:
            break
        homography = homography @ np.linalg.inv(pad) @ again
        homography = homography / homography[2, 2]
    return homography
