"""How far the map is off the image: dense correlation of evidence and footprints, sub-pixel, with a confidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft

from mlcore.geometry.webmercator import TileAddress

MAX_SHIFT_M = 4.0
MIN_COVER = 0.02  # less mapped or seen building than this says nothing about a shift


@dataclass(frozen=True)
class Shift:
    """The move that brings the map onto the image.

    Attributes:
        dx_px, dy_px: to the east and to the south, in pixels.
        confidence: 0..1; how much better the best place is than a typical one.
    """

    dx_px: float
    dy_px: float
    confidence: float


def estimate_shift(evidence: np.ndarray, footprints: np.ndarray, valid: np.ndarray, resolution_m: float) -> Shift:
    """The shift of one tile.

    Args:
        evidence: (H, W) float building evidence in 0..1.
        footprints: (H, W) bool mask of the map.
        valid: (H, W) bool.
        resolution_m: metres per pixel.
    """
    reach = max(2, round(MAX_SHIFT_M / resolution_m))
    seen = valid.sum()
    if seen < 0.1 * valid.size or min((footprints & valid).sum(), (evidence * valid).sum()) < MIN_COVER * seen:
        return Shift(0.0, 0.0, 0.0)
    image = np.where(valid, evidence - evidence[valid].mean(), 0).astype(np.float32)
    drawn = np.where(valid, footprints - footprints[valid].mean(), 0).astype(np.float32)
    shape = [size + 2 * reach for size in image.shape]
    spectrum = fft.rfft2(image, shape) * np.conj(fft.rfft2(drawn, shape))
    full = fft.irfft2(spectrum, shape)
    near = np.roll(full, (reach, reach), (0, 1))[: 2 * reach + 1, : 2 * reach + 1]
    norm = float(np.sqrt((image**2).sum() * (drawn**2).sum()))
    y, x = np.unravel_index(int(near.argmax()), near.shape)
    if norm <= 0 or near[y, x] <= 0:
        return Shift(0.0, 0.0, 0.0)
    edge = min(x, y, 2 * reach - x, 2 * reach - y) == 0
    dx = x - reach + (0.0 if edge else _peak(near[y, x - 1 : x + 2]))
    dy = y - reach + (0.0 if edge else _peak(near[y - 1 : y + 2, x]))
    confidence = 0.0 if edge else float(np.clip(near[y, x] / norm, 0, 1))
    return Shift(float(dx), float(dy), confidence)


def smooth_shifts(shifts: Mapping[TileAddress, Shift], least_confidence: float = 0.3) -> dict[TileAddress, Shift]:
    """Each tile's shift as the weighted median of its 5 x 5 neighbourhood; none where nothing confident is near."""
    smoothed = {}
    for tile in shifts:
        near = [
            shift
            for dx in range(-2, 3)
            for dy in range(-2, 3)
            if min(tile.x + dx, tile.y + dy) >= 0
            and max(tile.x + dx, tile.y + dy) < 2**tile.z
            and (shift := shifts.get(TileAddress(tile.z, tile.x + dx, tile.y + dy))) is not None
            and shift.confidence >= least_confidence
        ]
        smoothed[tile] = median_shift(near)
    return smoothed


def median_shift(shifts: Sequence[Shift]) -> Shift:
    """The weighted median of shifts; no shift at all where there is none."""
    if not shifts:
        return Shift(0.0, 0.0, 0.0)
    weights = np.array([shift.confidence for shift in shifts])

    def middle(values: np.ndarray) -> float:
        order = np.argsort(values)
        return float(values[order][np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)])

    return Shift(
        middle(np.array([s.dx_px for s in shifts])), middle(np.array([s.dy_px for s in shifts])), float(weights.mean())
    )


def _peak(values: np.ndarray) -> float:
    """Offset of a parabola's top from the middle of three values, -0.5..0.5."""
    left, middle, right = (float(value) for value in values)
    bend = left - 2 * middle + right
    return 0.0 if bend >= 0 else float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5))
