"""Whether a map is turned or scaled a little besides being moved.

A similarity is fitted by Gauss-Newton from the plain shift on; where that says little, from a few turned and scaled
maps as well. It counts where it explains the image clearly better than a shift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mlcore.correspondences.dense.estimate import LOW, core, estimate_shift
from mlcore.correspondences.dense.shift import MIDDLE, Shift, shift_by, variance_px2
from mlcore.geometry.transform import Transform

SEARCHED = ((-4.0, 1.0), (-2.0, 1.0), (2.0, 1.0), (4.0, 1.0), (0.0, 0.96), (0.0, 1.04))
"""Turns in degrees with scales, where a plain shift is unsure: as far as maps of one place are off, in steps that the
fit bridges."""
LEAST_M2 = 2000.0  # of seen buildings: a handful of them can be turned any way to fit a little better
SURE = 0.6  # a plain shift as sure as this needs no search
MOST_TURN_DEG, MOST_SCALE = 6.0, 1.07
LEAST_GAIN = 0.03  # correlation that a turn must add: a few buildings that are drawn askew turn no map
HALF = 2  # pixels of evidence per pixel of the fit: a quarter of the work, and walls soft enough to slide along
BLUR_PX = 1.2
STEPS, STILL_PX = 10, 0.03
LEAST_PIXELS = 200
SURER = 0.05  # what must be gained before a tile's surroundings have a say that leads elsewhere
NEAR_M = 0.5


@dataclass(frozen=True)
class Fitted:
    """A similarity about the window's middle, p -> middle + [[a, -b], [b, a]] (p - middle) + (dx, dy).

    Attributes:
        correlation: of evidence and moved map, both a little blurred.
        loose: variance of a and b against that of dx and dy, from how fast the fit gets worse.
    """

    a: float
    b: float
    dx: float
    dy: float
    correlation: float
    loose: float

    @property
    def sane(self) -> bool:
        factor, turn = np.hypot(self.a, self.b), np.degrees(np.arctan2(self.b, self.a))
        return bool(1 / MOST_SCALE <= factor <= MOST_SCALE and abs(turn) <= MOST_TURN_DEG)

    def transform(self, variance_px2: float) -> Transform:
        """In pixels of the tile at 256 px, whose middle is the window's."""
        x, y = MIDDLE[0]
        spread = np.diag([self.loose * variance_px2] * 2 + [variance_px2] * 2)
        to_corner = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [-x, y, 1, 0], [-y, -x, 0, 1.0]])
        values = to_corner @ (self.a, self.b, self.dx, self.dy) + (0, 0, x, y)
        return Transform("similarity", values, to_corner @ spread @ to_corner.T)


@dataclass(frozen=True)
class Halved:
    """Evidence and footprints of a window at half the size.

    Attributes:
        image, drawn: (H, W) float32, a little blurred.
        valid, own: (H, W) float32 in 0..1: where the image is seen, and which part of the map is moved.
    """

    image: np.ndarray
    drawn: np.ndarray
    valid: np.ndarray
    own: np.ndarray

    @classmethod
    def of(cls, evidence: np.ndarray, footprints: np.ndarray, valid: np.ndarray, own: np.ndarray) -> Halved:
        image = np.where(valid, evidence, 0)
        return cls(_halved(image), _halved(footprints), _halved(valid, 0), _halved(own, 0))

    def seen(self, p: Sequence[float] | np.ndarray) -> np.ndarray:
        """(H, W) bool: pixels that image and moved map share."""
        return np.asarray((self.valid > 0.99) & (_warped(self.own, *p) > 0.99))

    def correlation(self, p: Sequence[float] | np.ndarray) -> float:
        """Of the image with the map moved by (a, b, dx, dy); 0 where they share next to nothing."""
        seen = self.seen(p)
        if seen.sum() < LEAST_PIXELS:
            return 0.0
        both = np.stack([self.image[seen], _warped(self.drawn, *p)[seen]])
        both -= both.mean(axis=1, keepdims=True)
        return float(both[0] @ both[1] / np.sqrt(max((both[0] @ both[0]) * (both[1] @ both[1]), LOW)))


def estimate_tile(
    evidence: np.ndarray, footprints: np.ndarray, valid: np.ndarray, resolution_m: float, margin_px: int
) -> Shift:
    """The shift of the tile within the margin, turned and scaled where that explains the image better.

    What the map has in the margin is moved along where that makes the answer surer: where the map is off alike there.

    Args:
        evidence, footprints, valid: (H, W) each, as `estimate_shift` takes them, of the tile with its margin.
    """
    alone = estimate_placement(evidence, footprints, valid, resolution_m, margin_px)
    along = estimate_shift(evidence, footprints, valid, resolution_m)
    near = alone.transform is None and alone.apart_px(along) * resolution_m <= NEAR_M
    return along if along.confidence > alone.confidence + (0.0 if near else SURER) else alone


def estimate_placement(
    evidence: np.ndarray, footprints: np.ndarray, valid: np.ndarray, resolution_m: float, margin_px: int = 0
) -> Shift:
    """The shift of one tile, with a turn and a scale where these explain the image better.

    Args:
        evidence, footprints, valid: (H, W) each, as `estimate_shift` takes them, the tile in their middle.
    """
    plain, own = estimate_shift(evidence, footprints, valid, resolution_m, margin_px), core(valid.shape, margin_px)
    if plain.origin == "none" or (footprints & valid & own).sum() * resolution_m**2 < LEAST_M2:
        return plain
    pair = Halved.of(evidence, footprints, valid, own)
    best, sure = _fitted(pair, 1, 0, plain), plain.confidence
    if plain.confidence < SURE:
        for turn, factor in SEARCHED:
            a, b = factor * np.cos(np.radians(turn)), factor * np.sin(np.radians(turn))
            askew = _warped(footprints, a, b, 0, 0) > 0.5
            shift = estimate_shift(evidence, askew, valid, resolution_m, margin_px)
            if shift.confidence > sure:
                best, sure = _fitted(pair, a, b, shift), shift.confidence
    if best is None or not best.sane:
        return plain
    unturned = pair.correlation((1, 0, plain.dx_px / HALF, plain.dy_px / HALF))
    if best.correlation < unturned + LEAST_GAIN:
        return plain
    return shift_by(best.transform(variance_px2(sure, resolution_m)), sure, "measured")


def _halved(values: np.ndarray, blur_px: float = BLUR_PX) -> np.ndarray:
    height, width = values.shape
    small = cv2.resize(values.astype(np.float32), (width // HALF, height // HALF), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(small, (0, 0), blur_px) if blur_px else small


def _warped(drawn: np.ndarray, a: float, b: float, dx: float, dy: float) -> np.ndarray:
    middle = (np.array(drawn.shape[::-1]) - 1) / 2
    turn = np.array([[a, -b], [b, a]])
    matrix = np.column_stack([turn, middle + np.array([dx, dy]) - turn @ middle])
    return cv2.warpAffine(drawn.astype(np.float32), matrix, drawn.shape[::-1], flags=cv2.INTER_LINEAR)


def _fitted(pair: Halved, a: float, b: float, start: Shift) -> Fitted | None:
    """The similarity under which the map, brightened and offset as fits best, leaves least of the image unexplained."""
    height, width = pair.image.shape
    x, y = np.meshgrid(np.arange(width) - (width - 1) / 2, np.arange(height) - (height - 1) / 2)
    p = np.array([a, b, start.dx_px / HALF, start.dy_px / HALF], np.float64)
    half = min(height, width) / 2
    design = np.zeros((0, 6))
    for _ in range(STEPS):
        moved, seen = _warped(pair.drawn, *p), pair.seen(p)
        if seen.sum() < LEAST_PIXELS:
            return None
        down, right = np.gradient(moved)
        u, v = _unmoved(x, y, p)
        columns = [-right * u - down * v, right * v - down * u, -right, -down, moved, np.ones_like(moved)]
        design = np.stack([one[seen] for one in columns], axis=1)
        solved = np.linalg.lstsq(design.T @ design, design.T @ pair.image[seen], rcond=None)[0]
        if solved[4] < LOW:
            return None
        step = solved[:4] / solved[4]
        p = p + np.clip(step, [-0.05, -0.05, -3, -3], [0.05, 0.05, 3, 3])
        if np.abs(step * [half, half, 1, 1]).max() < STILL_PX:
            break
    normal = design[:, :4].T @ design[:, :4]
    loose = float((normal[2, 2] + normal[3, 3]) / max(normal[0, 0] + normal[1, 1], LOW))
    return Fitted(p[0], p[1], p[2] * HALF, p[3] * HALF, pair.correlation(p), loose / HALF**2)


def _unmoved(x: np.ndarray, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where in the map, from its middle, the pixels of the image come from."""
    a, b, dx, dy = p
    size = a * a + b * b
    return (a * (x - dx) + b * (y - dy)) / size, (a * (y - dy) - b * (x - dx)) / size
