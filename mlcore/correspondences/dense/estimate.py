"""How far the map is off the image: dense correlation of evidence and footprints, sub-pixel, with a confidence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import fft, ndimage

from mlcore.correspondences.dense.shift import NO_SHIFT, Shift

MAX_SHIFT_M = 10.0
MIN_COVER = 0.02  # less mapped or seen building than this says nothing about a shift
FAR_COST = 0.008  # times the log of 1 + a shift's square in metres: of two that correlate as well, the nearer one
PLATEAU = 0.04  # places whose correlation is this close to the best one could as well be the best
APART_M = 2.0  # another place is this far from the best one
CONFIDENCE = (-1.87, 1.83, 0.545, 0.64)
"""Log-odds: of the log of the plateau's m2, of what the second place correlates less, of the log of the mapped m2 that
are seen, and a constant."""
LOW = 1e-6


def estimate_shift(
    evidence: np.ndarray, footprints: np.ndarray, valid: np.ndarray, resolution_m: float, margin_px: int = 0
) -> Shift:
    """The shift of one tile.

    The correlation is normalised over the pixels that image and moved map share (Padfield 2012, "Masked object
    registration in the Fourier domain", Eq. 5), so that neither no-data nor the window's border pulls. The confidence
    is a logistic function of how much ground fits nearly as well, how much worse the second place is and how much is
    mapped, with coefficients learnt on spoiled evidence of real footprints (`benchmarks/registration.py` measures how
    well it holds).

    Args:
        evidence: (H, W) float building evidence in 0..1.
        footprints: (H, W) bool mask of the map.
        valid: (H, W) bool.
        resolution_m: metres per pixel.
        margin_px: around the tile, where the image is looked at alone: what the map has there may be moved otherwise.
    """
    own = core(footprints.shape, margin_px)
    reach = max(2, round(MAX_SHIFT_M / resolution_m))
    seen, mapped = (valid & own).sum(), (footprints & valid & own).sum()
    if seen < 0.1 * own.sum() or min(mapped, (evidence * (valid & own)).sum()) < MIN_COVER * seen:
        return NO_SHIFT
    near = correlation(evidence, footprints, valid, reach, own)
    down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1] * resolution_m
    away = down**2 + right**2
    # on the rim the best place may lie outside
    inside, top = away <= (MAX_SHIFT_M - resolution_m) ** 2, ndimage.maximum_filter(near, 3) == near
    score = np.where(inside & top & (near > 0), near - FAR_COST * np.log1p(away), -1.0)
    y, x = np.unravel_index(int(score.argmax()), score.shape)
    best = float(near[y, x])
    if score[y, x] <= -1:
        return NO_SHIFT
    dx, dy = _peak(near[y - 1 : y + 2, x - 1 : x + 2])
    apart = (down - down[y, x]) ** 2 + (right - right[y, x]) ** 2 > APART_M**2
    second = max(float(np.where(apart & inside & top, near, 0.0).max()), 0.0)
    told = (_log_m2((near > best - PLATEAU).sum(), resolution_m), best - second, _log_m2(mapped, resolution_m), 1.0)
    return Shift(float(x - reach + dx), float(y - reach + dy), float(1 / (1 + np.exp(-np.dot(CONFIDENCE, told)))))


def _log_m2(pixels: int, resolution_m: float) -> float:
    return float(np.log(max(pixels * resolution_m**2, 0.1)))


def core(shape: tuple[int, ...], margin_px: int) -> np.ndarray:
    """(H, W) bool: the window without its margin."""
    inner = np.zeros(shape, bool)
    inner[margin_px : shape[0] - margin_px, margin_px : shape[1] - margin_px] = True
    return inner


def correlation(
    evidence: np.ndarray, footprints: np.ndarray, valid: np.ndarray, reach: int, own: np.ndarray | None = None
) -> np.ndarray:
    """Normalised correlation of the evidence with the map moved by up to `reach` pixels.

    Args:
        own: (H, W) bool, the part of the map that is moved; None: all of it.

    Returns:
        (2 reach + 1, 2 reach + 1) float, -1..1; element [reach + dy, reach + dx] is for a map moved by (dx, dy).
    """
    shape = [fft.next_fast_len(size + reach, real=True) for size in evidence.shape]
    seen = valid.astype(np.float32)
    image = np.where(valid, evidence - evidence[valid].mean(), 0).astype(np.float32)
    own = np.ones(footprints.shape, bool) if own is None else own
    drawn = np.where(own, footprints - footprints[own].mean(), 0).astype(np.float32)

    def spectrum(values: np.ndarray) -> np.ndarray:
        return fft.rfft2(values, shape)

    def near(product: np.ndarray) -> np.ndarray:
        return around_zero(product, shape, reach)

    of_image, of_seen = spectrum(image), spectrum(seen)
    of_drawn, of_window = np.conj(spectrum(drawn)), np.conj(spectrum(own.astype(np.float32)))
    count = np.maximum(near(of_seen * of_window), 1)
    image_sum, drawn_sum = near(of_image * of_window), near(of_seen * of_drawn)
    image_var = near(spectrum(image**2) * of_window) - image_sum**2 / count
    drawn_var = near(of_seen * np.conj(spectrum(drawn**2))) - drawn_sum**2 / count
    shared = near(of_image * of_drawn) - image_sum * drawn_sum / count
    return np.clip(shared / np.sqrt(np.maximum(image_var * drawn_var, (LOW * count) ** 2)), -1, 1)


def around_zero(product: np.ndarray, shape: Sequence[int], reach: int) -> np.ndarray:
    """The inverse of `fft.rfft2` for shifts of up to `reach` pixels alone: rows that nobody asks for are left out.

    Args:
        product: a spectrum of a (H, W) `shape`, both larger than 2 reach.

    Returns:
        (2 reach + 1, 2 reach + 1) float; no shift is in the middle.
    """
    asked = np.arange(-reach, reach + 1)
    rows = fft.ifft(product, axis=0, norm="forward")[asked]
    whole = fft.irfft(rows, shape[1], axis=1, norm="forward")[:, asked]
    return np.asarray(whole * whole.dtype.type(1 / (shape[0] * shape[1])))


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
