"""Turns pixels of any depth and number of bands into 8-bit red, green and blue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from mlcore.errors import InvalidInputError

SAMPLES = 49
SAMPLE_PX = 256
LOW_PERCENT, HIGH_PERCENT = 1.0, 99.0


@dataclass(frozen=True)
class BandPlan:
    """How bands become red, green and blue.

    Attributes:
        rgb: 1-based bands for red, green and blue; three times the same for a grey image.
        palette: uint8 (256, 3) colours of an indexed image, None otherwise.
        low, high: per colour, the values that become 0 and 255; None for 8-bit images, which are kept.
    """

    rgb: tuple[int, int, int]
    palette: np.ndarray | None = None
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None

    @property
    def bands(self) -> tuple[int, ...]:
        """The bands to read, each once."""
        return tuple(dict.fromkeys(self.rgb))

    @property
    def note(self) -> str | None:
        if self.low is None or self.high is None:
            return None
        spans = ", ".join(f"{low:g}..{high:g}" for low, high in zip(self.low, self.high, strict=True))
        return f"values scaled to 8 bits from {LOW_PERCENT:g}-{HIGH_PERCENT:g} % of red, green, blue: {spans}"

    def to_rgb(self, values: np.ndarray) -> np.ndarray:
        """(len(bands), H, W) source values -> uint8 (3, H, W)."""
        if self.palette is not None:
            return np.ascontiguousarray(self.palette[np.clip(values[0], 0, 255).astype(np.uint8)].transpose(2, 0, 1))
        colours = [values[self.bands.index(band)] for band in self.rgb]
        if self.low is None or self.high is None:
            return np.stack(colours).astype(np.uint8)
        depth = np.result_type(values.dtype, np.float32)
        low, high = (np.array(limit, depth)[:, None, None] for limit in (self.low, self.high))
        # Clipped before they are scaled, so that no value overflows.
        share = (np.clip(np.stack(colours), low, high) - low) / np.maximum(high - low, 1e-12)
        return np.rint(np.nan_to_num(share) * 255).astype(np.uint8)


def plan_bands(data: rasterio.DatasetReader) -> BandPlan:
    """Choose the bands, and measure robust limits of deep values on SAMPLES windows spread over the image.

    Raises:
        InvalidInputError: the image has no value besides nodata.
    """
    interpretation = list(data.colorinterp)
    if interpretation[0] == ColorInterp.palette:
        palette = np.zeros((256, 3), np.uint8)
        for value, colour in data.colormap(1).items():
            if value < 256:
                palette[value] = colour[:3]
        return BandPlan((1, 1, 1), palette)
    wanted = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    if all(colour in interpretation for colour in wanted):
        red, green, blue = (interpretation.index(colour) + 1 for colour in wanted)
        rgb = (red, green, blue)
    else:
        colours = [i + 1 for i, colour in enumerate(interpretation) if colour != ColorInterp.alpha]
        rgb = (colours[0], colours[1], colours[2]) if len(colours) >= 3 else (colours[0],) * 3
    if all(data.dtypes[band - 1] == "uint8" for band in rgb):
        return BandPlan(rgb)
    low, high = _robust_limits(data, rgb)
    return BandPlan(rgb, None, low, high)


def _robust_limits(data: rasterio.DatasetReader, rgb: tuple[int, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    side = round(SAMPLES**0.5)
    values: list[list[np.ndarray]] = [[] for _ in rgb]
    for row in np.linspace(0, max(0, data.height - SAMPLE_PX), side).astype(int):
        for column in np.linspace(0, max(0, data.width - SAMPLE_PX), side).astype(int):
            window = Window(column, row, min(SAMPLE_PX, data.width), min(SAMPLE_PX, data.height))
            for position, band in enumerate(rgb):
                pixels = data.read(band, window=window)
                good = (data.read_masks(band, window=window) > 0) & np.isfinite(pixels)
                values[position].append(pixels[good].astype(np.float64))
    merged = [np.concatenate(parts) for parts in values]
    if not all(len(band) for band in merged):
        raise InvalidInputError("the image holds nothing but nodata where it was sampled: check its nodata value")
    limits = [np.percentile(band, [LOW_PERCENT, HIGH_PERCENT]) for band in merged]
    return tuple(float(low) for low, _ in limits), tuple(float(high) for _, high in limits)
