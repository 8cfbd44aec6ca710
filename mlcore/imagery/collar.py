"""Finds the black collar of an image whose no-data value was lost: the wedges that turning and cutting leave.

In an image of more than 8 bits it may have a value that no camera gives in place of black.

A collar is what is exactly black in every colour, joined to the border of the image, and runs along at least a
quarter of one side of it. Shadow, water or a roof, black as it may be, is neither exactly black over such a length nor
without a break; black that does not reach the border is image. Lossy compression spoils black near what is not: there
a collar is what is nearly black along a quarter of three sides or more, and a tenth of it exactly so.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import rasterio
from rasterio.windows import Window
from scipy import ndimage

from mlcore.imagery.nodata import says_nodata

SIDE_SHARE = 0.25
"""How much of a side of the image a collar runs along, at least."""
SIDE_PX = 16
MOST = 0.9
"""Where more than this of the image is black, it is no collar around an image, but a picture of black."""
NEARLY = 15
"""Values up to this are nearly black, as for GDAL's nearblack."""
LOSSY = ("JPEG", "WEBP", "JXL")
LOSSY_SIDES = 3
LOSSY_EXACT = 0.1
LOSSY_GAP_PX = 8
"""Lighter specks within a lossy collar are up to this wide: a block of JPEG."""
FILLS = (-9999.0, -99999.0, -32768.0, -32767.0, 65535.0, float(np.finfo(np.float32).min))
"""What programs write where there is no data, besides 0."""
CELLS = 4096
"""Cells on the longer side: images up to this size are followed pixel by pixel, larger ones by squares of pixels."""
STEP_PX = 2048
SIDE_STEP_PX = 256


@dataclass(frozen=True)
class Collar:
    """Where an image is collar.

    Attributes:
        cells: bool (rows, columns), cells of `cell_px` x `cell_px` pixels that are collar or touch it.
        share: of the image's pixels.
        fill: the value it has in every colour.
    """

    cells: np.ndarray
    cell_px: int
    share: float
    lossy: bool = False
    fill: float = 0.0

    def covers(self, window: Window, values: np.ndarray) -> np.ndarray:
        """Which pixels are collar, bool (H, W), of a window's values (bands, H, W)."""
        rows = (int(window.row_off) + np.arange(values.shape[1])) // self.cell_px
        columns = (int(window.col_off) + np.arange(values.shape[2])) // self.cell_px
        near: np.ndarray = self.cells[np.ix_(rows, columns)]
        return near if self.lossy else _filled(values, self.fill) & near


def find_collar(data: rasterio.DatasetReader, bands: tuple[int, ...]) -> Collar | None:
    """The collar of an image that says of no pixel that it is without data; None where there is none.

    Args:
        bands: 1-based bands of the colours.

    Pixels are read in full only where a border is black already.
    """
    if says_nodata(data, bands):
        return None
    values = _borders(data, bands)
    borders = [_light(line) for line in values]
    if _is_lossy(data) and (collar := _lossy_collar(data, bands, borders)) is not None:
        return collar
    deep = any(data.dtypes[band - 1] != "uint8" for band in bands)
    found = (_exact_collar(data, bands, values, fill) for fill in (0.0, *(FILLS if deep else ())))
    return next((collar for collar in found if collar is not None), None)


def _exact_collar(
    data: rasterio.DatasetReader, bands: tuple[int, ...], borders: list[np.ndarray], fill: float
) -> Collar | None:
    if not any(_long(_filled(line, fill)) for line in borders):
        return None
    cell_px = math.ceil(max(data.width, data.height) / CELLS)
    cells = _along_sides(_whole_cells(data, bands, cell_px, lambda values: _filled(values, fill)), cell_px)
    share = float(cells.mean())
    if not 0 < share <= MOST:
        return None
    cells = cells if cell_px == 1 else ndimage.binary_dilation(cells, np.ones((3, 3)))
    return Collar(cells, cell_px, share, fill=fill)


def _lossy_collar(data: rasterio.DatasetReader, bands: tuple[int, ...], borders: list[np.ndarray]) -> Collar | None:
    if sum(_long(_closed(line <= NEARLY, LOSSY_GAP_PX)) for line in borders) < LOSSY_SIDES:
        return None
    cell_px = math.ceil(max(data.width, data.height) / CELLS)
    dark = _whole_cells(data, bands, cell_px, lambda values: _light(values) <= NEARLY)
    black = _whole_cells(data, bands, cell_px, lambda values: _filled(values, 0.0))
    nearly = _closed(dark, math.ceil(LOSSY_GAP_PX / cell_px))
    cells = _along_sides(nearly, cell_px)
    share = float(cells.mean())
    if not 0 < share <= MOST or (black & cells).mean() < LOSSY_EXACT * share:
        return None
    return Collar(cells, cell_px, share, lossy=True)


def _is_lossy(data: rasterio.DatasetReader) -> bool:
    compression = data.tags(ns="IMAGE_STRUCTURE").get("COMPRESSION", "").upper()
    return all(dtype == "uint8" for dtype in data.dtypes) and any(name in compression for name in LOSSY)


def _along_sides(black: np.ndarray, cell_px: int) -> np.ndarray:
    """What of black cells (rows, columns) is joined to a run along a quarter of a side, bool (rows, columns)."""
    labels, _ = ndimage.label(black)
    collars = {
        label
        for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1])
        for label in np.unique(side[side > 0])
        if _longest(side == label) >= max(len(side) * SIDE_SHARE, SIDE_PX / cell_px)
    }
    return np.isin(labels, list(collars))


def _closed(black: np.ndarray, size: int) -> np.ndarray:
    """Black with its gaps of up to `size` closed, the border taken for black."""
    padded = np.pad(black, size, constant_values=True)
    closed = ndimage.binary_closing(padded, np.ones((size + 1,) * black.ndim))
    return closed[(slice(size, -size),) * black.ndim]


def _borders(data: rasterio.DatasetReader, bands: tuple[int, ...]) -> list[np.ndarray]:
    """The four outermost lines of pixels, (bands, length) each."""
    rows = [data.read(bands, window=Window(0, row, data.width, 1))[:, 0] for row in (0, data.height - 1)]
    sides: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    # Both sides of some rows at a time: a file stored by whole rows is then decoded once and not twice.
    for top in range(0, data.height, SIDE_STEP_PX):
        for side, column in zip(sides, (0, data.width - 1), strict=True):
            window = Window(column, top, 1, min(SIDE_STEP_PX, data.height - top))
            side.append(data.read(bands, window=window)[:, :, 0])
    return [*rows, *(np.concatenate(side, axis=1) for side in sides)]


def _whole_cells(
    data: rasterio.DatasetReader,
    bands: tuple[int, ...],
    cell_px: int,
    holds: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """Which cells `holds` is true of all through, bool (rows, columns)."""
    shape = (math.ceil(data.height / cell_px), math.ceil(data.width / cell_px))
    cells = np.zeros(shape, bool)
    step = max(1, STEP_PX // cell_px)
    for top in range(0, shape[0], step):
        for left in range(0, shape[1], step):
            rows, columns = min(step, shape[0] - top), min(step, shape[1] - left)
            row, column = top * cell_px, left * cell_px
            height, width = min(rows * cell_px, data.height - row), min(columns * cell_px, data.width - column)
            whole = np.ones((rows * cell_px, columns * cell_px), bool)
            values = data.read(bands, window=Window(column, row, width, height))
            whole[:height, :width] = holds(values)
            squares = whole.reshape(rows, cell_px, columns, cell_px)
            cells[top : top + rows, left : left + columns] = squares.all(axis=(1, 3))
    return cells


def _filled(values: np.ndarray, fill: float) -> np.ndarray:
    """Which pixels are exactly `fill` in every band: (bands, ...) -> bool (...)."""
    if values.dtype.kind != "f" and not np.iinfo(values.dtype).min <= fill <= np.iinfo(values.dtype).max:
        return np.zeros(values.shape[1:], bool)
    filled: np.ndarray = (values == values.dtype.type(fill)).all(axis=0)
    return filled


def _light(values: np.ndarray) -> np.ndarray:
    """(bands, H, W) -> (H, W), 0 where every band is exactly 0; a signed value counts by its amount, NaN as light."""
    amount: np.ndarray = np.abs(values.astype(np.float32)).max(axis=0)
    return np.nan_to_num(amount, nan=np.inf)


def _long(line: np.ndarray) -> bool:
    return _longest(line) >= max(len(line) * SIDE_SHARE, SIDE_PX)


def _longest(line: np.ndarray) -> int:
    """The longest unbroken run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[0::2]).max(initial=0))
