"""Moves the labels of crops to where the network sees the buildings: many maps are off by a metre or two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import fft

from mlcore.evidence.samples import CropBatch
from mlcore.maps.labels import outlines_of

GAIN = 1.02
"""A shift must explain the evidence better than none by this factor."""


def aligned(batch: CropBatch, evidence: np.ndarray, reach_m: float) -> CropBatch:
    """The same crops, each with its labels moved as a whole by whole pixels; what comes from beyond is unknown.

    Exact maps among the places, and the limit, keep this from drifting.

    Args:
        evidence: (B, H, W) probability of building.
        reach_m: longest shift along an axis, metres on the ground.
    """
    if batch.resolutions_m is None:
        return batch
    ids, known, sure = batch.ids.copy(), batch.known.copy(), batch.sure.copy()
    for number, resolution in enumerate(batch.resolutions_m):
        reach = int(reach_m / resolution)
        right, down = best_shift(evidence[number], ids[number] > 0, known[number], reach)
        if right or down:
            for planes in (ids, known, sure):
                planes[number] = _moved(planes[number], right, down)
    return replace(batch, ids=ids, known=known, sure=sure, outline=np.stack([outlines_of(one) for one in ids]))


def best_shift(evidence: np.ndarray, drawn: np.ndarray, known: np.ndarray, reach_px: int) -> tuple[int, int]:
    """(right, down) in pixels by which `drawn` fits the evidence best; (0, 0) where that explains little more.

    Args:
        evidence: (H, W) probability of building.
        drawn, known: (H, W) bool, the label and where it counts.
        reach_px: the longest shift along an axis.
    """
    if reach_px < 1 or not drawn.any():
        return 0, 0
    wanted = np.where(known, drawn - drawn[known].mean() if known.any() else 0.0, 0.0).astype(np.float32)
    seen = np.where(known, evidence - evidence[known].mean() if known.any() else 0.0, 0.0).astype(np.float32)
    size = [fft.next_fast_len(side + reach_px, real=True) for side in drawn.shape]
    found = fft.irfft2(fft.rfft2(seen, size) * np.conj(fft.rfft2(wanted, size)), size)
    steps = np.arange(-reach_px, reach_px + 1)
    near = found[np.ix_(steps, steps)]
    row, column = np.unravel_index(int(near.argmax()), near.shape)
    if near[row, column] <= GAIN * max(float(found[0, 0]), 0.0):
        return 0, 0
    return int(steps[column]), int(steps[row])


def _moved(plane: np.ndarray, right: int, down: int) -> np.ndarray:
    out = np.zeros_like(plane)
    height, width = plane.shape
    into = np.s_[max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)]
    source = np.s_[max(0, -down) : height + min(0, -down), max(0, -right) : width + min(0, -right)]
    out[into] = plane[source]
    return out
