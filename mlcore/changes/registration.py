"""How far the map is off the image: dense correlation of evidence and footprints, sub-pixel, with a confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import fft, ndimage

from mlcore.geometry.webmercator import TileAddress

Origin = Literal["measured", "neighbours", "region", "none"]
MAX_SHIFT_M = 6.0
MIN_COVER = 0.02  # less mapped or seen building than this says nothing about a shift
RIGHT_M = 0.75  # a shift this near the true one is right
LEAST_CONFIDENCE = 0.3  # a tile that is less sure of its own shift follows its neighbours
FAR_COST = 0.002  # correlation that a metre away, squared, costs: of two places as good, the nearer one
PLATEAU = 0.04  # places whose correlation is this close to the best one could as well be the best
CONFIDENCE = (0.68, -1.89, 5.24)  # of the correlation, of the log of the plateau's m2, and a constant: log-odds
LOW = 1e-6


@dataclass(frozen=True)
class Shift:
    """The move that brings the map onto the image.

    Attributes:
        dx_px, dy_px: to the east and to the south, in pixels.
        confidence: 0..1; the probability that it is right within RIGHT_M.
        origin: where it comes from: measured on the tile itself, taken from its neighbours or the region, or none.
    """

    dx_px: float
    dy_px: float
    confidence: float
    origin: Origin = "measured"

    def apart_px(self, other: Shift) -> float:
        """How far another shift moves the map otherwise, in pixels."""
        return float(np.hypot(self.dx_px - other.dx_px, self.dy_px - other.dy_px))

    def metres(self, resolution_m: float) -> tuple[float, float]:
        """(east, north) in metres on the ground, for pixels of `resolution_m`."""
        return self.dx_px * resolution_m, -self.dy_px * resolution_m


NO_SHIFT = Shift(0.0, 0.0, 0.0, "none")


def estimate_shift(evidence: np.ndarray, footprints: np.ndarray, valid: np.ndarray, resolution_m: float) -> Shift:
    """The shift of one tile.

    The correlation is normalised over the pixels that image and moved map share (Padfield 2012, "Masked object
    registration in the Fourier domain", Eq. 5), so that neither no-data nor the window's border pulls. The confidence
    is a logistic function of the correlation and of how much ground fits nearly as well, with coefficients learnt on
    spoiled evidence of real footprints (`python benchmarks/registration.py` measures how well it holds).

    Args:
        evidence: (H, W) float building evidence in 0..1.
        footprints: (H, W) bool mask of the map.
        valid: (H, W) bool.
        resolution_m: metres per pixel.
    """
    reach = max(2, round(MAX_SHIFT_M / resolution_m))
    seen = valid.sum()
    if seen < 0.1 * valid.size or min((footprints & valid).sum(), (evidence * valid).sum()) < MIN_COVER * seen:
        return NO_SHIFT
    near = correlation(evidence, footprints, valid, reach)
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1] * resolution_m
    away = down**2 + right**2
    # on the rim the best place may lie outside
    inside, top = away <= (MAX_SHIFT_M - resolution_m) ** 2, ndimage.maximum_filter(near, 3) == near
    score = np.where(inside & top & (near > 0), near - FAR_COST * away, -1.0)
    y, x = np.unravel_index(int(score.argmax()), score.shape)
    best = float(near[y, x])
    if score[y, x] <= -1:
        return NO_SHIFT
    dx, dy = _peak(near[y - 1 : y + 2, x - 1 : x + 2])
    plateau_m2 = float((near > best - PLATEAU).sum()) * resolution_m**2
    odds = CONFIDENCE[0] * best + CONFIDENCE[1] * np.log(max(plateau_m2, 0.1)) + CONFIDENCE[2]
    return Shift(float(x - reach + dx), float(y - reach + dy), float(1 / (1 + np.exp(-odds))))


def correlation(evidence: np.ndarray, footprints: np.ndarray, valid: np.ndarray, reach: int) -> np.ndarray:
    """Normalised correlation of the evidence with the map moved by up to `reach` pixels.

    Returns:
        (2 reach + 1, 2 reach + 1) float, -1..1; element [reach + dy, reach + dx] is for a map moved by (dx, dy).
    """
    shape = [fft.next_fast_len(size + reach, real=True) for size in evidence.shape]
    seen = valid.astype(np.float32)
    image = np.where(valid, evidence - evidence[valid].mean(), 0).astype(np.float32)
    drawn = (footprints - footprints.mean()).astype(np.float32)

    def spectrum(values: np.ndarray) -> np.ndarray:
        return fft.rfft2(values, shape)

    def near(product: np.ndarray) -> np.ndarray:
        full = fft.irfft2(product, shape)
        return np.roll(full, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]

    of_image, of_seen = spectrum(image), spectrum(seen)
    of_drawn, of_window = np.conj(spectrum(drawn)), np.conj(spectrum(np.ones_like(drawn)))
    count = np.maximum(near(of_seen * of_window), 1)
    image_sum, drawn_sum = near(of_image * of_window), near(of_seen * of_drawn)
    image_var = near(spectrum(image**2) * of_window) - image_sum**2 / count
    drawn_var = near(of_seen * np.conj(spectrum(drawn**2))) - drawn_sum**2 / count
    shared = near(of_image * of_drawn) - image_sum * drawn_sum / count
    return np.clip(shared / np.sqrt(np.maximum(image_var * drawn_var, (LOW * count) ** 2)), -1, 1)


def smooth_shifts(
    shifts: Mapping[TileAddress, Shift], least_confidence: float = LEAST_CONFIDENCE, agree_px: float = 3.0
) -> dict[TileAddress, Shift]:
    """Each tile's shift as the weighted median of its 5 x 5 neighbourhood.

    Where nothing confident is near, the region's shift is taken, if it has one. A result is "measured" where the
    tile's own confident shift lies within `agree_px` of it.
    """
    sure = {tile: shift for tile, shift in shifts.items() if shift.confidence >= least_confidence}
    whole = median_shift(list(sure.values()))
    spread = [shift.apart_px(whole) for shift in sure.values()]
    known = len(sure) >= 3 and float(np.median(spread)) <= agree_px
    fallback = replace(whole, confidence=whole.confidence / 2, origin="region") if known else NO_SHIFT
    smoothed = {}
    for tile in shifts:
        near = [shift for other in tile.around(2) if (shift := sure.get(other)) is not None]
        if not near:
            smoothed[tile] = fallback
            continue
        middle = median_shift(near)
        own = sure.get(tile)
        agrees = own is not None and own.apart_px(middle) <= agree_px
        smoothed[tile] = replace(middle, origin="measured" if agrees else "neighbours")
    return smoothed


def median_shift(shifts: Sequence[Shift]) -> Shift:
    """The weighted median of shifts; no shift at all where there is none."""
    if not shifts:
        return NO_SHIFT
    weights = np.array([shift.confidence for shift in shifts])
    return Shift(
        weighted_median(np.array([s.dx_px for s in shifts]), weights),
        weighted_median(np.array([s.dy_px for s in shifts]), weights),
        float(weights.mean()),
    )


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value below which half of the weight lies."""
    order = np.argsort(values)
    place = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
    return float(values[order][min(int(place), len(values) - 1)])


def _peak(values: np.ndarray) -> tuple[float, float]:
    """(dx, dy) of the top of the parabola through 3 x 3 values, each -0.5..0.5, from the middle one."""
    y, x = (axis.ravel() for axis in np.mgrid[-1:2, -1:2])
    terms = np.stack([np.ones(9), x, y, x * x, x * y, y * y], axis=1)
    _, across, down, xx, xy, yy = np.linalg.lstsq(terms, values.ravel(), rcond=None)[0]
    bend = np.array([[2 * xx, xy], [xy, 2 * yy]])
    if np.linalg.eigvalsh(bend).max() >= 0:
        return 0.0, 0.0
    dx, dy = np.clip(-np.linalg.solve(bend, [across, down]), -0.5, 0.5)
    return float(dx), float(dy)
