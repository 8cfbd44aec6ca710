"""Finds the black collar of an image whose no-data value was lost: the wedges that turning and cutting leave.

A collar is what is exactly black in every colour, joined to the border of the image, and runs along at least a
quarter of one side of it. Shadow, water or a roof, black as it may be, is neither exactly black over such a length nor
without a break; black that does not reach the border is image.
"""

from __future__ import annotations

import math
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
    """

    cells: np.ndarray
    cell_px: int
    share: float

    def covers(self, window: Window, values: np.ndarray) -> np.ndarray:
        """Which pixels are collar, bool (H, W), of a window's values (bands, H, W)."""
        rows = (int(window.row_off) + np.arange(values.shape[1])) // self.cell_px
        columns = (int(window.col_off) + np.arange(values.shape[2])) // self.cell_px
        return _black(values) & self.cells[np.ix_(rows, columns)]


def find_collar(data: rasterio.DatasetReader, bands: tuple[int, ...]) -> Collar | None:
    """The collar of an image that says of no pixel that it is without data; None where there is none.

    Args:
        bands: 1-based bands of the colours.

    Pixels are read in full only where a border is black already.
    """
    if says_nodata(data, bands) or not any(_longest(line) >= _least(len(line)) for line in _borders(data, bands)):
        return None
    cell_px = math.ceil(max(data.width, data.height) / CELLS)
    black = _black_cells(data, bands, cell_px)
    labels, _ = ndimage.label(black)
    sides = (labels[0], labels[-1], labels[:, 0], labels[:, -1])
    collars = {
        label
        for side in sides
        for label in np.unique(side[side > 0])
        if _longest(side == label) >= max(len(side) * SIDE_SHARE, SIDE_PX / cell_px)
    }
    if not collars:
        return None
    cells = np.isin(labels, list(collars))
    share = float(cells.mean())
    if share > MOST:
        return None
    return Collar(cells if cell_px == 1 else ndimage.binary_dilation(cells, np.ones((3, 3))), cell_px, share)


def _borders(data: rasterio.DatasetReader, bands: tuple[int, ...]) -> list[np.ndarray]:
    """Where the four outermost lines of pixels are black, one bool (length,) each."""
    rows = [_black(data.read(bands, window=Window(0, row, data.width, 1))).ravel() for row in (0, data.height - 1)]
    sides: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    # Both sides of some rows at a time: a file stored by whole rows is then decoded once and not twice.
    for top in range(0, data.height, SIDE_STEP_PX):
        for side, column in zip(sides, (0, data.width - 1), strict=True):
            window = Window(column, top, 1, min(SIDE_STEP_PX, data.height - top))
            side.append(_black(data.read(bands, window=window)).ravel())
    return [*rows, *(np.concatenate(side) for side in sides)]


def _black_cells(data: rasterio.DatasetReader, bands: tuple[int, ...], cell_px: int) -> np.ndarray:
    """Which cells are black all through, bool (rows, columns)."""
    shape = (math.ceil(data.height / cell_px), math.ceil(data.width / cell_px))
    cells = np.zeros(shape, bool)
    step = max(1, STEP_PX // cell_px)
    for top in range(0, shape[0], step):
        for left in range(0, shape[1], step):
            rows, columns = min(step, shape[0] - top), min(step, shape[1] - left)
            row, column = top * cell_px, left * cell_px
            height, width = min(rows * cell_px, data.height - row), min(columns * cell_px, data.width - column)
            whole = np.ones((rows * cell_px, columns * cell_px), bool)
            whole[:height, :width] = _black(data.read(bands, window=Window(column, row, width, height)))
            squares = whole.reshape(rows, cell_px, columns, cell_px)
            cells[top : top + rows, left : left + columns] = squares.all(axis=(1, 3))
    return cells


def _black(values: np.ndarray) -> np.ndarray:
    """(bands, H, W) -> bool (H, W)."""
    return (values == 0).all(axis=0)


def _least(length: int) -> float:
    return max(length * SIDE_SHARE, SIDE_PX)


def _longest(line: np.ndarray) -> int:
    """The longest unbroken run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[0::2]).max(initial=0))
