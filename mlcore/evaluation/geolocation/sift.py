"""SIFT with the ratio test against every base, then MAGSAC: what a person builds first, and the floor to beat.

Nearest neighbours are exact, by one matrix product for many bases: SIFT's words are whole numbers, so that their
products are exact in single precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

from mlcore.evaluation.geolocation.placers import Ranked
from mlcore.evaluation.geolocation.reference import Reference
from mlcore.progress import Progress, SilentProgress, stop_if_asked

RATIO = 0.8
QUERY_KEYPOINTS, BASE_KEYPOINTS = 2048, 8192
THRESHOLD_PX, TRIALS, SURE = 3.0, 5000, 0.9999
LEAST = 6
LEAST_GROWTH = 1 / 64
VERIFIED = 50
"""So many bases, those with the most matches, are verified by MAGSAC."""
AT_ONCE = 32_768
"""Words of bases in one product."""


@dataclass(frozen=True, eq=False)
class Keypoints:
    """xy (N, 2) float64 pixels from the outer corner; words (N, 128) uint8."""

    xy: np.ndarray
    words: np.ndarray


def keypoints(rgb: np.ndarray, valid: np.ndarray, most: int) -> Keypoints:
    """The strongest of a picture."""
    make: Callable[..., Any] = vars(cv2)["SIFT_create"]
    detector = make(nfeatures=most)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    points, words = detector.detectAndCompute(grey, cv2.erode(valid.astype(np.uint8), np.ones((7, 7), np.uint8)))
    if words is None or not len(points):
        return Keypoints(np.zeros((0, 2)), np.zeros((0, 128), np.uint8))
    order = np.argsort([-point.response for point in points], kind="stable")[:most]
    xy = np.array([points[number].pt for number in order.tolist()], np.float64) + 0.5
    return Keypoints(xy, words[order].astype(np.uint8))


class SiftPlacer:
    """Every base is matched; those with the most matches are verified and ranked by their inliers."""

    name = "sift"

    def __init__(self, bases: dict[str, Keypoints]) -> None:
        self.names, self.bases = list(bases), list(bases.values())
        self._blocks = [(part, self._joined(part)) for part in _parts([len(one.xy) for one in self.bases])]

    @classmethod
    def of(cls, reference: Reference, progress: Progress | None = None) -> SiftPlacer:
        """The keypoints of all bases.

        Raises:
            StoppedError: asked to stop.
        """
        progress, found = progress or SilentProgress(), {}
        for number, base in enumerate(reference):
            stop_if_asked(progress)
            found[base.name] = keypoints(*reference.read(base.name), BASE_KEYPOINTS)
            progress.report((number + 1) / len(reference), f"SIFT of {number + 1} of {len(reference)} bases")
        return cls(found)

    def place(self, rgb: np.ndarray, valid: np.ndarray) -> list[Ranked]:
        query = keypoints(rgb, valid, QUERY_KEYPOINTS)
        if len(query.xy) < LEAST:
            return []
        pairs = [pair for part, words in self._blocks for pair in self._matched(query, part, words)]
        order = sorted(range(len(pairs)), key=lambda number: -len(pairs[number][0]))[:VERIFIED]
        ranked = []
        for number in order:
            ours, theirs = pairs[number]
            matrix, inliers = verified(query.xy[ours], self.bases[number].xy[theirs])
            ranked.append(Ranked(self.names[number], matrix, float(inliers)))
        return sorted((one for one in ranked if one.homography is not None), key=lambda one: -one.score)

    def fit(
        self, query_rgb: np.ndarray, query_valid: np.ndarray, base_rgb: np.ndarray, base_valid: np.ndarray
    ) -> np.ndarray | None:
        query = keypoints(query_rgb, query_valid, QUERY_KEYPOINTS)
        base = keypoints(base_rgb, base_valid, BASE_KEYPOINTS)
        if len(query.xy) < LEAST or len(base.xy) < LEAST:
            return None
        ours, theirs = nearest(_floats(query.words) @ _floats(base.words).T, _squares(query.words), base.words)
        return verified(query.xy[ours], base.xy[theirs])[0]

    def _joined(self, part: range) -> torch.Tensor:
        return torch.from_numpy(np.concatenate([self.bases[number].words for number in part]))

    def _matched(self, query: Keypoints, part: range, words: torch.Tensor) -> list[tuple[np.ndarray, np.ndarray]]:
        products = _floats(query.words) @ words.float().T
        squares, found, start = _squares(query.words), [], 0
        for number in part:
            count = len(self.bases[number].xy)
            found.append(nearest(products[:, start : start + count], squares, self.bases[number].words))
            start += count
        return found


def nearest(products: torch.Tensor, squares: torch.Tensor, words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the query's keypoints that pass the ratio test, and of the base's that are nearest to them, each once.

    Args:
        products: (M, N) of the query's words with the base's; squares: (M,) of the query's own.
        words: (N, 128) of the base.
    """
    if products.shape[1] < 2:
        return np.zeros(0, int), np.zeros(0, int)
    distances = (squares[:, None] + _squares(words)[None] - 2 * products).clamp(min=0)
    two, which = torch.topk(distances, 2, dim=1, largest=False)
    passed = (two[:, 0] < RATIO**2 * two[:, 1]).nonzero()[:, 0]
    surest = passed[torch.argsort(two[passed, 0], stable=True)].numpy()
    theirs, first = np.unique(which[surest, 0].numpy(), return_index=True)
    return surest[first], theirs


def verified(query_xy: np.ndarray, base_xy: np.ndarray) -> tuple[np.ndarray | None, int]:
    """The homography of MAGSAC++ and its inliers; None with too few, or where it mirrors or flattens."""
    if len(query_xy) < LEAST:
        return None, 0
    cv2.setRNGSeed(0)
    try:
        matrix, mask = cv2.findHomography(
            query_xy, base_xy, cv2.USAC_MAGSAC, THRESHOLD_PX, maxIters=TRIALS, confidence=SURE
        )
    except cv2.error:
        return None, 0
    if matrix is None or mask is None or not np.isfinite(matrix).all() or mask.sum() < LEAST:
        return None, 0
    middle = np.append(query_xy[mask.ravel() > 0].mean(axis=0), 1.0)
    growth = np.linalg.det(matrix) / (matrix[2] @ middle) ** 3  # of areas there
    if not LEAST_GROWTH < growth < 1 / LEAST_GROWTH:
        return None, 0
    return np.asarray(matrix, np.float64), int(mask.sum())


def _floats(words: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(words).float()


def _squares(words: np.ndarray) -> torch.Tensor:
    return (_floats(words) ** 2).sum(dim=1)


def _parts(counts: Sequence[int]) -> list[range]:
    """Ranges of bases whose words together are about AT_ONCE."""
    parts, start, held = [], 0, 0
    for number, count in enumerate(counts):
        if held and held + count > AT_ONCE:
            parts.append(range(start, number))
            start, held = number, 0
        held += count
    return [*parts, range(start, len(counts))]
