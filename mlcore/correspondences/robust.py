"""From matches, many of them wrong, to one transform: robust fit, choice of the model, and what is refused.

Every kind of transform is fitted robustly, the one that chance explains least is taken (`chance`), and it is refused
where chance explains it or where no map of the same ground looks like that.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mlcore.correspondences.matches import Matches
from mlcore.errors import InvalidInputError
from mlcore.geometry.chance import GATE, chance_inliers, log10_nfa
from mlcore.geometry.transform import PARAMETERS, Transform, TransformKind, fit

THRESHOLD_PX, TRIALS, SURE = 1.5, 10_000, 0.9999
"""Of the published protocol's estimate: MAGSAC, 1.5 px, 10,000 trials, 0.9999."""
AGREE_PX = 2.5
"""How near a point that agrees with a registration lies.

Measured on the held-out windows of `benchmarks/matching.py`, whose patches are off by about 1.4 px: at 1.5 px 31 of 34
were let through, and 1 of 204 pairs of different ground; at 2.5 px 33 and none, and in the working range the corners
were off by 0.7 px instead of 1.2. Of three pixels and more chance gives too many to be told from a poor match.
"""
KINDS: tuple[TransformKind, ...] = ("shift", "similarity", "affine", "homography")
MOST_SHEAR = 1.25
"""The longest over the shortest side that a square may get: a map of a tile is not sheared."""
MOST_PERSPECTIVE = 0.25
"""How much larger one side of the picture may be drawn than the other."""
MOST_SCALE = 4.0
RIVAL = 0.8
"""A sane transform on which so many of the best one's points agree is taken in its place."""
LEAST_INLIERS = 5
"""Fewer are no registration, however well they agree: one of them moved would be another."""
ROUNDS = 5


@dataclass(frozen=True)
class Bounds:
    """What a transform may be before it is refused."""

    shear: float = MOST_SHEAR
    perspective: float = MOST_PERSPECTIVE
    scale: float = MOST_SCALE


@dataclass(frozen=True)
class Registration:
    """What matches say of a pair of pictures.

    Attributes:
        transform: brings points of the map to where the image shows them; None: no match.
        matches: all that were given; inliers: (N,) bool, those that agree with the transform.
        log10_nfa: of fits by chance that are as good (`chance.log10_nfa`).
        needed_inliers: so many agree by chance no more than once in `1 / GATE` pictures.
        refused: why there is none, in words; empty where there is one.
    """

    transform: Transform | None
    matches: Matches
    inliers: np.ndarray
    log10_nfa: float
    needed_inliers: int
    refused: str = ""

    @property
    def rmse_px(self) -> float:
        """Root mean square of what the inliers are off; not a number where nothing was matched."""
        if self.transform is None:
            return float("nan")
        off = residuals(self.transform, self.matches.only(self.inliers))
        return float(np.sqrt((off**2).mean()))


def register(
    matches: Matches,
    map_size: tuple[int, int],
    *,
    kinds: tuple[TransformKind, ...] = KINDS,
    threshold_px: float = AGREE_PX,
    bounds: Bounds | None = None,
    seed: int = 0,
) -> Registration:
    """The transform of the matches, or why there is none.

    Args:
        map_size: width and height of the map in pixels: over these the transform must be sane.
        kinds: the models to choose from.
    """
    needed = max(LEAST_INLIERS, chance_inliers(len(matches), 2, threshold_px, matches.reach_px2))
    fits = [fitted for kind in kinds if (fitted := _fit_of(kind, matches, threshold_px, seed)) is not None]
    if not fits:
        return _refused(matches, float("inf"), needed, f"{len(matches)} points are too few: {needed} must agree")
    best = min(fits, key=lambda one: one.log10_nfa)
    if best.count < needed or best.log10_nfa > np.log10(GATE):
        why = f"{best.count} of {len(matches)} points agree, as many as chance gives: {needed} would be needed"
        return _refused(matches, best.log10_nfa, needed, why)
    reasons = [not_sane(one.transform, map_size, bounds or Bounds()) for one in fits]
    rivals = [
        one
        for one, why in zip(fits, reasons, strict=True)
        if not why and one.count >= RIVAL * best.count and one.log10_nfa <= np.log10(GATE)
    ]
    if not rivals:
        return _refused(matches, best.log10_nfa, needed, reasons[fits.index(best)])
    taken = min(rivals, key=lambda one: one.log10_nfa)
    return Registration(taken.transform, matches, taken.inliers, taken.log10_nfa, needed)


@dataclass(frozen=True, eq=False)
class _Fit:
    transform: Transform
    inliers: np.ndarray
    log10_nfa: float

    @property
    def count(self) -> int:
        return int(self.inliers.sum())


def _fit_of(kind: TransformKind, matches: Matches, threshold_px: float, seed: int) -> _Fit | None:
    fitted = robust_fit(kind, matches, threshold_px, seed)
    if fitted is None:
        return None
    transform, inliers = fitted
    least = PARAMETERS[kind] // 2
    nfa = log10_nfa(len(matches), int(inliers.sum()), least, threshold_px, matches.reach_px2)
    return _Fit(transform, inliers, nfa)


def _refused(matches: Matches, nfa: float, needed: int, why: str) -> Registration:
    return Registration(None, matches, np.zeros(len(matches), bool), nfa, needed, why)


def robust_fit(
    kind: TransformKind, matches: Matches, threshold_px: float = AGREE_PX, seed: int = 0
) -> tuple[Transform, np.ndarray] | None:
    """The transform on which most matches agree, fitted to all of these; None where there are too few."""
    if len(matches) <= PARAMETERS[kind] // 2:
        return None
    matrix = _start(kind, matches, threshold_px, seed)
    if matrix is None:
        return None
    off = np.linalg.norm(_moved(matrix, matches.map_xy) - matches.image_xy, axis=1)
    inliers, transform = off <= threshold_px, None
    for _ in range(ROUNDS):
        if inliers.sum() <= PARAMETERS[kind] // 2:
            break
        try:
            transform = fit(kind, matches.map_xy[inliers], matches.image_xy[inliers])
            agree = residuals(transform, matches) <= threshold_px
        except InvalidInputError:  # the points leave it open, or lie beyond its horizon
            break
        if (agree == inliers).all():
            return transform, inliers
        inliers = agree
    return None if transform is None or inliers.sum() <= PARAMETERS[kind] // 2 else (transform, inliers)


def magsac_homography(matches: Matches, seed: int = 0) -> np.ndarray | None:
    """(3, 3) the homography of the protocol, by OpenCV's MAGSAC++; None where it finds none."""
    if len(matches) < 4:
        return None
    cv2.setRNGSeed(seed)
    try:
        matrix, _ = cv2.findHomography(
            matches.map_xy, matches.image_xy, cv2.USAC_MAGSAC, THRESHOLD_PX, maxIters=TRIALS, confidence=SURE
        )
    except cv2.error:
        return None
    return None if matrix is None or not np.isfinite(matrix).all() else np.asarray(matrix, np.float64)


def residuals(transform: Transform, matches: Matches) -> np.ndarray:
    """(N,) pixels of the image from where the transform brings the map's point to the image's point."""
    return np.asarray(np.linalg.norm(transform.apply(matches.map_xy) - matches.image_xy, axis=1))


def not_sane(transform: Transform, map_size: tuple[int, int], bounds: Bounds) -> str:
    """Why no map of the same ground is turned into its image by this; empty where one may be."""
    width, height = map_size
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    depths = np.column_stack([corners, np.ones(4)]) @ transform.matrix[2]
    if depths.min() <= 0 or depths.max() / depths.min() > 1 + bounds.perspective:
        return "the best fit shows one side of the map much larger than the other"
    middle = np.array([width / 2, height / 2])
    step = np.eye(2) * max(width, height) / 100
    around = transform.apply(np.vstack([middle + step, middle - step]))
    jacobian = (around[:2] - around[2:]).T / (2 * step[0, 0])
    if np.linalg.det(jacobian) <= 0:
        return "the best fit mirrors the map"
    longest, shortest = np.linalg.svd(jacobian, compute_uv=False)
    if longest > bounds.shear * shortest:
        return f"the best fit shears the map: one direction is drawn {longest / shortest:.1f} times as long"
    if not 1 / bounds.scale <= np.sqrt(longest * shortest) <= bounds.scale:
        return f"the best fit draws the map {np.sqrt(longest * shortest):.2g} times as large"
    return ""


def _start(kind: TransformKind, matches: Matches, threshold_px: float, seed: int) -> np.ndarray | None:
    """A first transform that many agree on, by OpenCV; shifts and similarities by drawing all or many pairs."""
    cv2.setRNGSeed(seed)
    source, target = matches.map_xy, matches.image_xy
    if kind == "shift":
        return _shift_start(target - source, threshold_px)
    try:
        if kind == "homography":
            return magsac_homography(matches, seed)
        if kind == "affine":
            found, _ = cv2.estimateAffine2D(
                source, target, method=cv2.USAC_MAGSAC, ransacReprojThreshold=threshold_px, maxIters=TRIALS,
                confidence=SURE,
            )  # fmt: skip
        else:
            found, _ = cv2.estimateAffinePartial2D(
                source, target, method=cv2.RANSAC, ransacReprojThreshold=threshold_px, maxIters=TRIALS,
                confidence=SURE,
            )  # fmt: skip
    except cv2.error:
        return None
    return None if found is None or not np.isfinite(found).all() else np.vstack([found, [0, 0, 1]])


def _shift_start(moves: np.ndarray, threshold_px: float) -> np.ndarray:
    """The move that most of the others come nearest to."""
    some = moves[:: max(1, len(moves) // 500)]
    near = (np.linalg.norm(some[:, None] - moves[None], axis=2) <= threshold_px).sum(axis=1)
    dx, dy = some[int(near.argmax())]
    return np.array([[1, 0, dx], [0, 1, dy], [0, 0, 1.0]])


def _moved(matrix: np.ndarray, xy: np.ndarray) -> np.ndarray:
    moved = np.column_stack([xy, np.ones(len(xy))]) @ matrix.T
    depth = np.where(np.abs(moved[:, 2:]) > 1e-12, moved[:, 2:], np.nan)
    return np.asarray(np.nan_to_num(moved[:, :2] / depth, nan=1e12))
