"""Turns pixels of any depth and number of bands into 8-bit red, green and blue."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import rasterio
from rasterio.enums import ColorInterp
from rasterio.windows import Window

from mlcore.imagery.collar import Collar, find_collar
from mlcore.imagery.stretch import HIGH_PERCENT, LOW_PERCENT, robust_limits


@dataclass(frozen=True)
class BandPlan:
    """How bands become red, green and blue.

    Attributes:
        rgb: 1-based bands for red, green and blue; three times the same for a grey image.
        palette: uint8 (colours, 4) red, green, blue and opacity of an indexed image, None otherwise; its last row is
            what an index beyond the palette shows.
        low, high: per colour, the values that become 0 and 255; None for 8-bit images, which are kept.
        collar: what is black around the image and no part of it.
        negative: white is stored as 0, as scanners of film do.
    """

    rgb: tuple[int, int, int]
    palette: np.ndarray | None = None
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    collar: Collar | None = None
    negative: bool = False

    @property
    def bands(self) -> tuple[int, ...]:
        """The bands to read, each once."""
        return tuple(dict.fromkeys(self.rgb))

    @property
    def notes(self) -> tuple[str, ...]:
        """What is done to the values, one sentence each."""
        notes = []
        if self.low is not None and self.high is not None:
            spans = ", ".join(f"{low:g}..{high:g}" for low, high in zip(self.low, self.high, strict=True))
            notes.append(
                f"values scaled to 8 bits from {LOW_PERCENT:g}-{HIGH_PERCENT:g} % of red, green, blue: {spans}"
            )
        if self.negative:
            notes.append("white is stored as 0: light and dark were exchanged")
        if self.collar is not None:
            share = f"{self.collar.share:.1%}".replace("%", " %")
            colour = "black collar" if self.collar.fill == 0 else f"collar of {self.collar.fill:g}"
            notes.append(f"no nodata value is set: the {colour}, {share} of the image, is taken for no data")
        return tuple(notes)

    def to_rgb(self, values: np.ndarray) -> np.ndarray:
        """(len(bands), H, W) source values -> uint8 (3, H, W)."""
        if self.palette is not None:
            return np.ascontiguousarray(self._entries(values)[..., :3].transpose(2, 0, 1))
        colours = [values[self.bands.index(band)] for band in self.rgb]
        rgb = np.stack(colours).astype(np.uint8) if self.low is None else self._stretched(colours, values.dtype)
        return 255 - rgb if self.negative else rgb

    def _stretched(self, colours: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
        if self.low is None or self.high is None:
            raise ValueError("the image's values are kept")
        depth = np.result_type(dtype, np.float32)
        low, high = (np.array(limit, depth)[:, None, None] for limit in (self.low, self.high))
        # Clipped before they are scaled, so that no value overflows.
        share = (np.clip(np.stack(colours), low, high) - low) / np.maximum(high - low, 1e-12)
        stretched: np.ndarray = np.rint(np.nan_to_num(share) * 255).astype(np.uint8)
        return stretched

    def shows(self, values: np.ndarray, window: Window) -> np.ndarray:
        """Which pixels of a window's values (len(bands), H, W) are part of the image, bool (H, W)."""
        shown = np.ones(values.shape[1:], bool)
        if values.dtype.kind == "f":
            shown &= np.isfinite(values).all(axis=0)
        if self.palette is not None:
            shown &= self._entries(values)[..., 3] >= 128
        if self.collar is not None:
            shown &= ~self.collar.covers(window, values)
        return shown

    def _entries(self, values: np.ndarray) -> np.ndarray:
        """The palette's rows of the first band's values, uint8 (H, W, 4)."""
        if self.palette is None:
            raise ValueError("the image has no palette")
        last = len(self.palette) - 1
        index = values[0].astype(np.int64)
        return self.palette[np.where((index < 0) | (index > last), last, index)]


def plan_bands(data: rasterio.DatasetReader) -> BandPlan:
    """Choose the bands, find a black collar, and measure robust limits of deep values.

    Raises:
        InvalidInputError: the image has no value besides nodata.
    """
    interpretation = list(data.colorinterp)
    if interpretation[0] == ColorInterp.palette:
        return BandPlan((1, 1, 1), _palette(data))
    wanted = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    if all(colour in interpretation for colour in wanted):
        red, green, blue = (interpretation.index(colour) + 1 for colour in wanted)
        rgb = (red, green, blue)
    else:
        colours = [i + 1 for i, colour in enumerate(interpretation) if colour != ColorInterp.alpha]
        rgb = (colours[0], colours[1], colours[2]) if len(colours) >= 3 else (colours[0],) * 3
    plan = BandPlan(rgb, negative=data.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES")
    # What is black in a negative is white: a collar of it could be snow.
    plan = plan if plan.negative else replace(plan, collar=find_collar(data, plan.bands))
    if all(data.dtypes[band - 1] == "uint8" and _bits(data, band) == 8 for band in rgb):
        return plan
    limits = robust_limits(data, plan.bands, plan.collar)
    low, high = (tuple(limits[plan.bands.index(band)][end] for band in rgb) for end in (0, 1))
    return replace(plan, low=low, high=high)


def _bits(data: rasterio.DatasetReader, band: int) -> int:
    """How many bits of a band's values are used."""
    return int(data.tags(band, ns="IMAGE_STRUCTURE").get("NBITS", np.dtype(data.dtypes[band - 1]).itemsize * 8))


def _palette(data: rasterio.DatasetReader) -> np.ndarray:
    """The palette's colours by index, uint8 (highest index + 2, 4); an index it lacks is opaque black."""
    entries = data.colormap(1)
    palette = np.zeros((max(entries) + 2, 4), np.uint8)
    palette[:, 3] = 255
    for value, colour in entries.items():
        palette[value] = colour
    return palette
