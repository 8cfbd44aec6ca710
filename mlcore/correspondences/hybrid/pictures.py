"""Pictures too large to be held: rasters read window by window, maps drawn window by window.

All places are pixels (x right, y down) from the outer corner of the first one.
"""

from __future__ import annotations

import errno
import math
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning
from rasterio.warp import transform as transform_points
from rasterio.windows import Window

from mlcore.errors import InvalidInputError, NoSpaceError
from mlcore.files import check_space, whole_file
from mlcore.geometry.webmercator import WORLD_M, TileAddress
from mlcore.imagery.gdal import GDAL_ERRORS, HARDENED, hardened_raster
from mlcore.imagery.georeference import MERCATOR, read_georeference
from mlcore.imagery.scaling import plan_bands
from mlcore.maps.index import MapIndex
from mlcore.maps.render import MapRenderer
from mlcore.progress import Progress, SilentProgress, stop_if_asked

Box = tuple[int, int, int, int]
"""Left, top, right, bottom, inside the picture."""
Placing = Callable[[np.ndarray], np.ndarray]
MOST_SIDE = 65_536
MOST_READ_PX = 4096
STRIP_PX = 512
LEVELS = (2, 4, 8, 16, 32)
BYTES_PER_PX = 6
"""What a copy takes with its smaller copies: 5.5 measured on noise, 5.9 on Banepa's image."""
DRAWN_TILE_PX = 512
HALF = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])
"""From pixels counted from the first one's centre, as OpenCV does, to those counted from its corner."""


class LargePicture(Protocol):
    """A picture that is read in parts.

    Attributes:
        width, height: in pixels.
        to_mercator: (N, 2) pixels -> EPSG:3857; None: nobody knows where it lies.
    """

    width: int
    height: int

    @property
    def to_mercator(self) -> Placing | None: ...

    def read(self, box: Box, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        """A part at another size: (height, width, 3) uint8, 0 where not valid, and (height, width) bool valid."""


class RasterPicture:
    """A raster that `prepared` wrote."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with rasterio.Env(**HARDENED), _placed_or_not():
            self._data = rasterio.open(path, driver="GTiff")
        self.width, self.height = self._data.width, self._data.height
        self.to_mercator: Placing | None = None
        if self._data.crs is not None:
            grid = np.array(self._data.transform)[:6].reshape(2, 3)
            crs = self._data.crs
            self.to_mercator = lambda xy: _projected(crs, np.asarray(xy) @ grid[:, :2].T + grid[:, 2])

    def read(self, box: Box, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        left, top, right, bottom = box
        way = Resampling.average if width < right - left or height < bottom - top else Resampling.bilinear
        window = Window(left, top, right - left, bottom - top)
        try:
            values = self._data.read(window=window, out_shape=(4, height, width), resampling=way)
        except GDAL_ERRORS as error:
            raise InvalidInputError(f"{self.path.name} became unreadable ({error}): build the set again") from error
        valid = values[3] >= 128
        return np.ascontiguousarray(np.where(valid, values[:3], 0).transpose(1, 2, 0)), valid


class DrawnPicture:
    """A vector map as one picture on the grid of tiles, drawn where it is looked at.

    Args:
        corner, opposite: tiles of one zoom, north-west and south-east.
    """

    def __init__(self, index: MapIndex, corner: TileAddress, opposite: TileAddress) -> None:
        self.index, self.corner, self.renderer = index, corner, MapRenderer()
        self.width = (opposite.x - corner.x + 1) * DRAWN_TILE_PX
        self.height = (opposite.y - corner.y + 1) * DRAWN_TILE_PX
        if max(self.width, self.height) > MOST_SIDE:
            raise InvalidInputError(f"the map would be {self.width} x {self.height} px: take a smaller area of it")
        west, _, _, north = corner.bounds_mercator
        step = WORLD_M / 2**corner.z / DRAWN_TILE_PX
        self.to_mercator: Placing = lambda xy: np.array([west, north]) + np.asarray(xy) * [step, -step]

    def read(self, box: Box, width: int, height: int) -> tuple[np.ndarray, np.ndarray]:
        left, top, right, bottom = box
        shrink = max((right - left) / width, (bottom - top) / height)
        up = min(max(0, int(math.log2(shrink))), self.corner.z)
        edge, step = np.array([self.corner.x, self.corner.y]) * DRAWN_TILE_PX, DRAWN_TILE_PX * 2**up
        near, far = np.array([left, top]), np.array([right - 1, bottom - 1])
        x0, y0 = (edge + near) // step
        x1, y1 = (edge + far) // step
        rows = [
            np.hstack([self._tile(TileAddress(self.corner.z - up, int(x), int(y))) for x in range(x0, x1 + 1)])
            for y in range(y0, y1 + 1)
        ]
        drawn = np.vstack(rows)
        start = (edge + near - np.array([x0, y0]) * step) / 2**up
        grow = np.array([width / (right - left), height / (bottom - top)]) * 2**up
        matrix = np.array([[grow[0], 0, -start[0] * grow[0]], [0, grow[1], -start[1] * grow[1]], [0, 0, 1.0]])
        return _warped(drawn, matrix, width, height), np.ones((height, width), bool)

    def _tile(self, tile: TileAddress) -> np.ndarray:
        return self.renderer.render(tile, self.index, DRAWN_TILE_PX)


def prepared(source: Path, target: Path, progress: Progress | None = None) -> RasterPicture:
    """A raster from outside as tiles of red, green, blue and what is valid, with smaller copies; made once.

    Its georeference is kept where it has one. No more than a strip is held at a time.

    Raises:
        InvalidInputError: no GeoTIFF, PNG or JPEG that can be read, or over MOST_SIDE px a side.
        NoSpaceError: the disk of the copy is full; nothing is left of it.
        StoppedError: asked to stop; nothing is left of the copy.
    """
    if not target.is_file():
        progress = progress or SilentProgress()
        with hardened_raster(source) as data, _placed_or_not():
            if max(data.width, data.height) > MOST_SIDE:
                size = f"{data.width} x {data.height}"
                raise InvalidInputError(f"{source.name} is {size}: cut it, {MOST_SIDE} px a side at most")
            check_space(target, BYTES_PER_PX * data.width * data.height)
            with whole_file(target) as scratch:
                try:
                    _copy(data, source, scratch, progress)
                    _add_levels(scratch)
                except (*GDAL_ERRORS, OSError) as error:
                    check_space(target, 0)
                    room = BYTES_PER_PX * data.width * data.height >> 20
                    raise NoSpaceError(
                        f"the copy of {source.name} can't be written ({error}): free {room} MB on its disk, or cut it"
                    ) from error
    return RasterPicture(target)


@contextmanager
def _placed_or_not() -> Iterator[None]:
    """A picture without a georeference is nothing to warn of here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


def _copy(data: rasterio.DatasetReader, source: Path, target: Path, progress: Progress) -> None:
    """Write the pixels; what is raised of GDAL is about the target, since damage of the source is told as such."""
    try:
        with _whole_or_damaged(source):
            crs, affine = read_georeference(data, source)
        place = {"crs": crs, "transform": affine}
    except InvalidInputError:  # a scan, most likely
        place = {}
    how = {"driver": "GTiff", "tiled": True, "blockxsize": STRIP_PX, "blockysize": STRIP_PX, "bigtiff": "if_safer"}
    size = {"width": data.width, "height": data.height, "count": 4, "dtype": "uint8"}
    with _whole_or_damaged(source):
        plan = plan_bands(data)
    with rasterio.open(target, "w", compress="zstd", zstd_level=1, **how, **size, **place) as copy:
        for window in _strips(data):
            with _whole_or_damaged(source):
                values = data.read(plan.bands, window=window)
                valid = (data.dataset_mask(window=window) > 0) & plan.shows(values, window)
            shown = np.uint8(255) * valid[None]
            copy.write(np.concatenate([np.where(valid, plan.to_rgb(values), np.uint8(0)), shown]), window=window)
            progress.report(window.row_off / data.height, "the picture is copied")
            stop_if_asked(progress)


def _add_levels(path: Path) -> None:
    """Smaller copies; then look whether all is there, since GDAL closes a file on a full disk without a word.

    Raises:
        OSError: a block was not written, or not to its end.
    """
    with rasterio.Env(COMPRESS_OVERVIEW="ZSTD", GDAL_PAM_ENABLED="NO"), rasterio.open(path, "r+") as copy:
        levels = [one for one in LEVELS if one < max(copy.shape) / 64] or [2]
        copy.build_overviews(levels, Resampling.average)
    written = path.stat().st_size
    for level in (None, *range(len(levels))):
        with rasterio.open(path, **({} if level is None else {"overview_level": level})) as copy:
            for (row, column), _ in copy.block_windows(1):
                start, size = (
                    int(copy.get_tag_item(f"BLOCK_{what}_{column}_{row}", "TIFF", bidx=1) or -1)
                    for what in ("OFFSET", "SIZE")
                )
                if start < 0 or start + size > written:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _strips(data: rasterio.DatasetReader) -> Iterator[Window]:
    for top in range(0, data.height, STRIP_PX):
        yield Window(0, top, data.width, min(STRIP_PX, data.height - top))


@contextmanager
def _whole_or_damaged(source: Path) -> Iterator[None]:
    try:
        yield
    except GDAL_ERRORS as error:
        raise InvalidInputError(f"{source.name} is damaged ({error}): fetch or export it again") from error


def seen_through(picture: LargePicture, matrix: np.ndarray, size_px: int) -> tuple[np.ndarray, np.ndarray]:
    """A square of the picture as a matrix brings it there, read no finer than it is shown.

    Args:
        matrix: (3, 3) from the picture's pixels to those of the square.

    Returns:
        (size_px, size_px, 3) uint8, 0 where there is nothing, and (size_px, size_px) bool.
    """
    nothing = np.zeros((size_px, size_px, 3), np.uint8), np.zeros((size_px, size_px), bool)
    back = np.linalg.inv(matrix)
    corners = np.array([[0, 0, 1], [size_px, 0, 1], [size_px, size_px, 1], [0, size_px, 1.0]]) @ back.T
    if (corners[:, 2] * corners[0, 2] <= 0).any():
        return nothing
    places = corners[:, :2] / corners[:, 2:]
    left, top = np.clip(np.floor(places.min(axis=0)) - 1, 0, [picture.width, picture.height]).astype(int)
    right, bottom = np.clip(np.ceil(places.max(axis=0)) + 1, 0, [picture.width, picture.height]).astype(int)
    if right <= left or bottom <= top:
        return nothing
    shown = min(1.0, size_px / float(np.sqrt(_area(places))), MOST_READ_PX / max(right - left, bottom - top))
    width, height = math.ceil((right - left) * shown), math.ceil((bottom - top) * shown)
    rgb, valid = picture.read((int(left), int(top), int(right), int(bottom)), width, height)
    placed = np.array([[(right - left) / width, 0, left], [0, (bottom - top) / height, top], [0, 0, 1.0]])
    seen = _warped(valid.astype(np.uint8) * 255, matrix @ placed, size_px, size_px) >= 128
    return np.where(seen[..., None], _warped(rgb, matrix @ placed, size_px, size_px), np.uint8(0)), seen


def _warped(picture: np.ndarray, matrix: np.ndarray, width: int, height: int) -> np.ndarray:
    return np.asarray(cv2.warpPerspective(picture, np.linalg.inv(HALF) @ matrix @ HALF, (width, height)))


def _area(corners: np.ndarray) -> float:
    x, y = corners.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2) or 1.0


def _projected(crs: CRS, xy: np.ndarray) -> np.ndarray:
    return np.array(transform_points(crs, MERCATOR, xy[:, 0], xy[:, 1])).T
