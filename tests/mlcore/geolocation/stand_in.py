"""An extractor that needs no training: colours and gradients of cells, and SIFT for fine places."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.geolocation.features import PictureFeatures
from mlcore.geolocation.placing import Fit
from mlcore.geometry.transform import fit

CELL, CHANNELS = 32, 24


@dataclass(frozen=True, eq=False)
class Matched:
    """What coarse matching says: its sum, and no point; SIFT needs no more."""

    score: float
    query_xy: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    base_xy: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))
    confidence: np.ndarray = field(default_factory=lambda: np.zeros(0))
    cell_px: tuple[float, float] = (64.0, 64.0)


@dataclass
class StandIn:
    """Tokens of statistics that no turn changes, brought to unit vectors by a fixed projection."""

    digest: str = "a" * 64
    seen: list[str] = field(default_factory=list)

    def features(self, rgb: np.ndarray, valid: np.ndarray, *, role: str) -> PictureFeatures:
        self.seen.append(role)
        rows, columns = (max(1, side // CELL) for side in rgb.shape[:2])
        known = np.asarray(valid)[: rows * CELL, : columns * CELL]
        picture = np.float32(rgb[: rows * CELL, : columns * CELL])
        grey = picture.mean(axis=2)
        slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
        layers = np.concatenate([picture, picture**2 / 255, slope[..., None], np.sqrt(slope)[..., None] * 10], axis=2)
        cells = cv2.resize(layers, (columns, rows), interpolation=cv2.INTER_AREA)
        share = cv2.resize(np.float32(known), (columns, rows), interpolation=cv2.INTER_AREA)
        projection = np.random.default_rng(0).normal(size=(cells.shape[2], CHANNELS))
        tokens = np.float32(np.tanh((cells - 128) / 64 @ projection))
        tokens /= np.linalg.norm(tokens, axis=2, keepdims=True)
        seen = share >= 0.5
        return PictureFeatures(tokens, seen, 64 / CELL, self.describe(tokens[None], seen[None])[0])

    def describe(self, tokens: np.ndarray, valid: np.ndarray) -> np.ndarray:
        weight = valid[..., None].astype(np.float32)
        mean = (np.float32(tokens) * weight).sum(axis=(1, 2)) / np.maximum(weight.sum(axis=(1, 2)), 1)
        return mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-6)

    def compare_many(self, query: PictureFeatures, tokens: np.ndarray, valid: np.ndarray) -> np.ndarray:
        wanted = np.float32(query.coarse[query.valid])
        scores = []
        for grid, known in zip(tokens, valid, strict=True):
            like = wanted @ np.float32(grid[known]).T
            scores.append(like.max(axis=1).mean() ** 8 if like.size else 0.0)
        return np.array(scores, np.float32)

    def compare(self, query: PictureFeatures, base: PictureFeatures) -> Matched:
        return Matched(float(self.compare_many(query, base.coarse[None], base.valid[None])[0]))


@lru_cache(32)
def _points(rgb: bytes, valid: bytes, shape: tuple[int, int]) -> tuple[list[tuple[float, float]], np.ndarray | None]:
    """Where a picture has points, and what they look like: the same few are looked at again and again."""
    picture = np.frombuffer(rgb, np.uint8).reshape(*shape, 3)
    mask = np.frombuffer(valid, bool).reshape(shape).astype(np.uint8)
    points, told = cv2.SIFT_create(1500).detectAndCompute(picture, mask)
    return [point.pt for point in points], told


def place_by_sift(
    model: StandIn,
    query_rgb: np.ndarray,
    query_valid: np.ndarray,
    base_rgb: np.ndarray,
    base_valid: np.ndarray,
    matches: Matched,
) -> Fit | None:
    """SIFT with a robust homography; a dozen points that agree are taken for more than chance."""
    ones, first = _points(query_rgb.tobytes(), query_valid.tobytes(), query_valid.shape)
    others, second = _points(base_rgb.tobytes(), base_valid.tobytes(), base_valid.shape)
    if first is None or second is None or len(second) < 2:
        return None
    pairs = [pair for pair in cv2.BFMatcher().knnMatch(first, second, k=2) if len(pair) == 2]
    good = [one for one, next_best in pairs if one.distance < 0.8 * next_best.distance]
    if len(good) < 12:
        return None
    here = np.array([ones[one.queryIdx] for one in good]) + 0.5
    there = np.array([others[one.trainIdx] for one in good]) + 0.5
    matrix, agree = cv2.findHomography(here, there, cv2.USAC_MAGSAC, 2.0, maxIters=5000, confidence=0.999)
    if matrix is None or agree.sum() < 12:
        return None
    kept = agree[:, 0] > 0
    try:
        found = fit("homography", here[kept], there[kept])
    except InvalidInputError:  # no camera sees that
        return None
    return Fit(found.matrix, found.covariance, here[kept], there[kept], np.ones(kept.sum()), -float(kept.sum()))
