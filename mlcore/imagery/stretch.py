"""Measures between which values an image of more than 8 bits is stretched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import rasterio
from rasterio.windows import Window

from mlcore.errors import InvalidInputError
from mlcore.imagery.collar import Collar
from mlcore.imagery.nodata import band_masks

SAMPLES = 49
SAMPLE_PX = 256
LOW_PERCENT, HIGH_PERCENT = 1.0, 99.0
LEAST_SAMPLES = 10
LEAST_VALUES = 10_000
"""Where fewer samples, or fewer pixels in all, hold image, the sample says too little and all of the image is read."""
WINDOW_PX = 2048
KEPT_PER_WINDOW = 4096
"""What is kept of a window when all is read: 6,000,000,000 pixels leave 6,000,000 values of a band."""


@dataclass(frozen=True)
class Part:
    """Values of one window's image, thinned; each stands for `weight` pixels."""

    values: np.ndarray
    weight: float


def robust_limits(
    data: rasterio.DatasetReader, bands: tuple[int, ...], collar: Collar | None = None
) -> list[tuple[float, float]]:
    """Per band, its values at LOW_PERCENT and HIGH_PERCENT.

    They are measured on SAMPLES windows spread over the image, and on all of it where these met little but nodata. A
    band that holds nothing but nodata, beside others that hold more, gets a span that leaves it black.

    Raises:
        InvalidInputError: no band has a value besides nodata.
    """
    parts = _parts(data, bands, collar, _spread(data.width, data.height))
    if any(len(band) < LEAST_SAMPLES or sum(p.weight * len(p.values) for p in band) < LEAST_VALUES for band in parts):
        parts = _parts(data, bands, collar, _every(data.width, data.height))
    if not any(parts):
        raise InvalidInputError("the image holds nothing but nodata: check its mask and nodata value")
    return [_limits(band) if band else (float(np.finfo(np.float32).max),) * 2 for band in parts]


def _parts(
    data: rasterio.DatasetReader, bands: tuple[int, ...], collar: Collar | None, windows: Iterator[Window]
) -> list[list[Part]]:
    """Per band, what the windows hold besides nodata."""
    parts: list[list[Part]] = [[] for _ in bands]
    for window in windows:
        values = data.read(bands, window=window)
        good = band_masks(data, bands, window) & np.isfinite(values)
        if collar is not None:
            good &= ~collar.covers(window, values)
        for band, pixels, shown in zip(parts, values, good, strict=True):
            kept = pixels[shown]
            if len(kept):
                # An odd step, so that it does not meet the same columns in every row.
                thinned = kept[:: -(-len(kept) // KEPT_PER_WINDOW) | 1].astype(np.float64)
                band.append(Part(thinned, len(kept) / len(thinned)))
    return parts


def _spread(width: int, height: int) -> Iterator[Window]:
    """SAMPLES windows at even distances."""
    side = round(SAMPLES**0.5)
    for row in np.linspace(0, max(0, height - SAMPLE_PX), side).astype(int):
        for column in np.linspace(0, max(0, width - SAMPLE_PX), side).astype(int):
            yield Window(column, row, min(SAMPLE_PX, width), min(SAMPLE_PX, height))


def _every(width: int, height: int) -> Iterator[Window]:
    """Windows that cover the image once."""
    for row in range(0, height, WINDOW_PX):
        for column in range(0, width, WINDOW_PX):
            yield Window(column, row, min(WINDOW_PX, width - column), min(WINDOW_PX, height - row))


def _limits(parts: list[Part]) -> tuple[float, float]:
    """The values below which LOW_PERCENT and HIGH_PERCENT of the pixels lie."""
    values = np.concatenate([part.values for part in parts])
    weights = np.concatenate([np.full(len(part.values), part.weight) for part in parts])
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    low, high = np.interp(np.array([LOW_PERCENT, HIGH_PERCENT]) / 100 * below[-1], below, values[order])
    return float(low), float(high)
