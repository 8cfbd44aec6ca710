"""Reads windows of a raster of any reference system onto a north-up grid in EPSG:3857.

Mercator coordinates are continuous here: of a raster that crosses the 180th meridian those beyond it go on past half
the world, so that every window is one rectangle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points
from rasterio.windows import Window

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import WORLD_M, lonlat_to_mercator, mercator_to_lonlat
from mlcore.imagery.gdal import GDAL_ERRORS, hardened_raster
from mlcore.imagery.georeference import read_georeference
from mlcore.imagery.nodata import data_mask
from mlcore.imagery.scaling import BandPlan, plan_bands

LONLAT = CRS.from_epsg(4326)
OUTLINE_STEPS = 33
GRID_PX = 32
"""Between points that are brought to the source exactly, so many pixels apart, places are interpolated."""
BLOCK_PX = 2048
MASK_PX = 1024
SAMPLES = 48
"""Places along each side of a window at which its share of valid pixels is looked up."""
MOST_LATITUDE = 80.0
MOST_EXTENT_M = WORLD_M / 2


@dataclass(frozen=True)
class Sheet:
    """A raster and how its pixels become red, green and blue.

    Attributes:
        crs, transform: georeference, pixels -> coordinates.
        bands: how its bands become colours.
        middle_lon: the longitude that continuous coordinates are nearest to.
    """

    path: Path
    crs: CRS
    transform: Affine
    width: int
    height: int
    bands: BandPlan
    middle_lon: float

    def to_mercator(self, xy: np.ndarray) -> np.ndarray:
        """(N, 2) pixels -> (N, 2) EPSG:3857, continuous."""
        lonlat = _moved(self.crs, LONLAT, _applied(self.transform, xy))
        lonlat[:, 0] = self.middle_lon + _within_turn(lonlat[:, 0] - self.middle_lon)
        return lonlat_to_mercator(lonlat)

    def from_mercator(self, mercator: np.ndarray) -> np.ndarray:
        """(N, 2) EPSG:3857, continuous -> (N, 2) pixels; not finite where the reference system has no such place."""
        lonlat = mercator_to_lonlat(mercator)
        if self.crs.is_geographic:  # its own longitudes go on in the same way
            lonlat[:, 0] = self.middle_lon + _within_turn(lonlat[:, 0] - self.middle_lon)
        else:
            lonlat[:, 0] = _within_turn(lonlat[:, 0])
        return _applied(~self.transform, _moved(LONLAT, self.crs, lonlat))


def open_sheet(path: Path) -> Sheet:
    """What reading windows of a raster needs.

    Raises:
        InvalidInputError: it can't be read, has no georeference, or lies too far north or south.
    """
    with hardened_raster(path) as data:
        crs, transform = read_georeference(data, path)
        try:
            bands = plan_bands(data)
            middle = _moved(crs, LONLAT, _applied(transform, np.array([[data.width / 2, data.height / 2]])))[0]
        except GDAL_ERRORS as error:
            raise InvalidInputError(f"{path.name} is damaged ({error}): fetch or export it again") from error
        sheet = Sheet(path, crs, transform, data.width, data.height, bands, float(middle[0]))
    if not np.isfinite(middle).all() or abs(middle[1]) > MOST_LATITUDE:
        raise InvalidInputError(
            f"{path.name} lies nowhere within {MOST_LATITUDE:g} degrees of latitude: check its reference system"
        )
    return sheet


def extent_mercator(sheet: Sheet) -> tuple[float, float, float, float]:
    """(west, south, east, north) of the raster's border in EPSG:3857, continuous.

    Raises:
        InvalidInputError: it covers half the world or more, or has no finite extent.
    """
    along = np.linspace(0, 1, OUTLINE_STEPS)
    edges = [np.column_stack(edge) for edge in ((along, 0 * along), (along, 0 * along + 1))]
    border = np.concatenate([*edges, *(edge[:, ::-1] for edge in edges)]) * (sheet.width, sheet.height)
    mercator = sheet.to_mercator(border)
    (west, south), (east, north) = mercator.min(axis=0), mercator.max(axis=0)
    if not np.isfinite(mercator).all() or not 0 < east - west < MOST_EXTENT_M or not 0 < north - south < MOST_EXTENT_M:
        raise InvalidInputError(
            f"{sheet.path.name} covers too much of the Earth: cut it into regions with gdalwarp -te"
        )
    return float(west), float(south), float(east), float(north)


def read_onto(sheet: Sheet, transform: Affine, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The raster on a grid.

    A source that is finer by a whole factor is averaged over its valid pixels first, then both are interpolated
    bilinearly, weighted by what is valid: no data bleeds into its neighbours.

    Args:
        transform: pixels of the grid -> EPSG:3857, continuous.

    Returns:
        (height, width, 3) uint8, black where not valid, and (height, width) bool.

    Raises:
        InvalidInputError: the file became unreadable.
    """
    rgb, valid = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), bool)
    places = _source_places(sheet, transform, height, width)
    known = np.isfinite(places).all(axis=-1)
    factor = max(1, math.floor(_source_px(places) + 1e-6))
    window = _window(places[known], factor, sheet)
    if window is None:
        return rgb, valid
    colours, weight = _averaged(sheet, window, factor)
    x, y = (
        ((places[..., axis] - offset) / factor - 0.5).astype(np.float32)
        for axis, offset in ((0, window.col_off), (1, window.row_off))
    )
    x[~known], y[~known] = -9, -9
    seen = _interpolated(weight, x, y)
    shown = _interpolated(colours * weight[..., None], x, y) / np.maximum(seen, 1e-6)[..., None]
    valid = seen >= 0.5
    rgb[valid] = np.clip(np.rint(shown[valid]), 0, 255)
    return rgb, valid


def valid_shares(sheet: Sheet, transforms: list[Affine], side_px: int) -> list[float]:
    """About which share of each window, side_px x side_px, holds data; by the raster's masks at MASK_PX a side."""
    shrink = max(1.0, max(sheet.width, sheet.height) / MASK_PX)
    shape = (max(1, round(sheet.height / shrink)), max(1, round(sheet.width / shrink)))
    with hardened_raster(sheet.path) as data:
        try:
            mask = data.dataset_mask(out_shape=shape) >= 128
        except GDAL_ERRORS as error:
            raise InvalidInputError(f"{sheet.path.name} is damaged ({error}): fetch or export it again") from error
    along = (np.arange(SAMPLES) + 0.5) * side_px / SAMPLES
    xy = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    shares = []
    for transform in transforms:
        places = sheet.from_mercator(_applied(transform, xy))
        inside = np.isfinite(places).all(axis=1) & (places >= 0).all(axis=1)
        inside &= (places < (sheet.width, sheet.height)).all(axis=1)
        columns, rows = (places[inside] * (shape[1], shape[0]) / (sheet.width, sheet.height)).astype(int).T
        shares.append(float(mask[np.minimum(rows, shape[0] - 1), np.minimum(columns, shape[1] - 1)].sum() / len(xy)))
    return shares


def _source_places(sheet: Sheet, transform: Affine, height: int, width: int) -> np.ndarray:
    """(height, width, 2) float64: where the middle of every pixel of a grid lies in the raster, in its pixels."""
    rows, columns = (np.append(np.arange(0, side, GRID_PX), side) for side in (height, width))
    knots = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2).astype(np.float64)
    exact = sheet.from_mercator(_applied(transform, knots)).reshape(len(rows), len(columns), 2)
    across = _between(exact.transpose(1, 0, 2), columns, width).transpose(1, 0, 2)
    return _between(across, rows, height)


def _between(values: np.ndarray, knots: np.ndarray, count: int) -> np.ndarray:
    """Linear interpolation along the first axis at 0.5, 1.5, ... of values at integer knots."""
    at = np.arange(count) + 0.5
    left = np.minimum(np.searchsorted(knots, at, side="right") - 1, len(knots) - 2)
    share = ((at - knots[left]) / (knots[left + 1] - knots[left]))[:, None, None]
    between: np.ndarray = values[left] * (1 - share) + values[left + 1] * share
    return between


def _interpolated(values: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    border = cv2.BORDER_CONSTANT
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=border, borderValue=0))


def _source_px(places: np.ndarray) -> float:
    """How many pixels of the raster one of the grid spans, in its middle."""
    row, column = (side // 2 for side in places.shape[:2])
    last_row, last_column = min(row + 1, places.shape[0] - 1), min(column + 1, places.shape[1] - 1)
    across = places[row, last_column] - places[row, last_column - 1] if last_column else np.zeros(2)
    down = places[last_row, column] - places[last_row - 1, column] if last_row else np.zeros(2)
    area = abs(float(across[0] * down[1] - across[1] * down[0]))
    return math.sqrt(area) if math.isfinite(area) else 1.0


def _window(places: np.ndarray, factor: int, sheet: Sheet) -> Window | None:
    """The raster's pixels that the places need, from a multiple of the factor on; None where they lie outside."""
    if not len(places):
        return None
    low = np.maximum(np.floor(places.min(axis=0) / factor) - 1, 0) * factor
    high = np.minimum((np.ceil(places.max(axis=0) / factor) + 1) * factor, (sheet.width, sheet.height))
    if (high <= low).any():
        return None
    return Window(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1]))


def _averaged(sheet: Sheet, window: Window, factor: int) -> tuple[np.ndarray, np.ndarray]:
    """(h, w, 3) float32 colours and (h, w) float32 share of valid pixels, of squares of factor x factor pixels."""
    height, width = -(-int(window.height) // factor), -(-int(window.width) // factor)
    colours, weight = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    step = max(1, BLOCK_PX // factor) * factor
    with hardened_raster(sheet.path) as data:
        for top in range(0, int(window.height), step):
            for left in range(0, int(window.width), step):
                size = (min(step, int(window.width) - left), min(step, int(window.height) - top))
                block = Window(window.col_off + left, window.row_off + top, *size)
                rgb, valid = _plain(data, sheet, block)
                summed, seen = (_sums(one, factor) for one in (rgb * valid[..., None], valid))
                place = np.s_[
                    top // factor : top // factor + len(seen), left // factor : left // factor + seen.shape[1]
                ]
                colours[place] = summed / np.maximum(seen, 1)[..., None]
                weight[place] = seen / factor**2
    return colours, weight


def _plain(data: rasterio.DatasetReader, sheet: Sheet, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """A window as (H, W, 3) uint8 and (H, W) bool."""
    try:
        values = data.read(sheet.bands.bands, window=window)
        valid = data_mask(data, window) & sheet.bands.shows(values, window)
    except GDAL_ERRORS as error:
        raise InvalidInputError(f"{sheet.path.name} is damaged ({error}): fetch or export it again") from error
    return sheet.bands.to_rgb(values).transpose(1, 2, 0), valid


def _sums(values: np.ndarray, factor: int) -> np.ndarray:
    """Sums over squares of factor x factor pixels, float32; those at the far sides may be smaller."""
    whole = np.asarray(values, np.float32)
    if factor == 1:
        return whole
    down, right = (-side % factor for side in values.shape[:2])
    if down or right:
        whole = np.pad(whole, ((0, down), (0, right), *((0, 0),) * (whole.ndim - 2)))
    size = (whole.shape[1] // factor, whole.shape[0] // factor)
    return np.asarray(cv2.resize(whole, size, interpolation=cv2.INTER_AREA)) * factor**2


def _applied(transform: Affine, xy: np.ndarray) -> np.ndarray:
    x, y = np.asarray(xy, np.float64).T
    return np.column_stack(
        [transform.a * x + transform.b * y + transform.c, transform.d * x + transform.e * y + transform.f]
    )


def _moved(here: CRS, there: CRS, xy: np.ndarray) -> np.ndarray:
    """Coordinates of another reference system; infinite where it has no such place."""
    try:
        return np.array(transform_points(here, there, xy[:, 0], xy[:, 1])).T
    except GDAL_ERRORS:
        return np.full(xy.shape, np.inf)


def _within_turn(degrees: np.ndarray) -> np.ndarray:
    """Degrees moved by whole turns into [-180, 180)."""
    return np.mod(np.asarray(degrees) + 180.0, 360.0) - 180.0
