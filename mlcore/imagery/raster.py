"""Reads tiles of an image that ingestion has cleaned: a COG in EPSG:3857."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from math import ceil, floor
from pathlib import Path

import cv2
import numpy as np
import rasterio
import rasterio.features
import shapely
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from mlcore.digests import sha256_of
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TILE_PX, TileAddress, mercator_to_lonlat
from mlcore.imagery.gdal import HARDENED

Bounds = tuple[float, float, float, float]
FOOTPRINT_PX = 1024
READ_PX = 2048


@dataclass(frozen=True)
class RasterInfo:
    """What is known of an ingested image.

    Attributes:
        resolution_m: metres on the ground per pixel.
        footprint_lonlat: the area with pixels, in degrees.
        sha256: digest of the file that is read.
        bit_depth: bits per band of the source.
        crs: reference system of the source.
        source_sha256: digest of the source; the same as `sha256` when it was not re-encoded.
        notes: what ingestion did to the pixels (scaling of 16 bits, warping, down-sampling).
    """

    width: int
    height: int
    resolution_m: float
    footprint_lonlat: shapely.geometry.base.BaseGeometry
    bounds_lonlat: Bounds
    sha256: str
    bit_depth: int
    crs: str
    source_sha256: str = ""
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class ImageTile:
    """Pixels of a window.

    Attributes:
        rgb: uint8 (H, W, 3); 0 where not valid.
        valid: bool (H, W).
    """

    rgb: np.ndarray
    valid: np.ndarray


class ImageReader:
    """Reads windows of one COG; pickles to its path, and each thread opens the file for itself."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._local = threading.local()
        data = self._dataset()
        if data.crs is None or data.crs.to_epsg() != 3857 or data.count < 3 or data.dtypes[0] != "uint8":
            raise InvalidInputError(f"{self.path.name} is not a clean COG in EPSG:3857: ingest it first")
        self.width, self.height = data.width, data.height
        self.bounds_mercator: Bounds = tuple(data.bounds)
        (west, south), (east, north) = mercator_to_lonlat(np.array(self.bounds_mercator).reshape(2, 2))
        self.bounds_lonlat: Bounds = (float(west), float(south), float(east), float(north))
        middle = np.radians((south + north) / 2)
        self.resolution_m = float(data.transform.a * np.cos(middle))
        self._footprint: shapely.geometry.base.BaseGeometry | None = None

    def __getstate__(self) -> dict[str, object]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]

    @property
    def footprint_lonlat(self) -> shapely.geometry.base.BaseGeometry:
        """The area with pixels, in degrees, from the mask at no more than FOOTPRINT_PX px a side."""
        if self._footprint is None:
            self._footprint = self._trace_footprint()
        return self._footprint

    def read_tile(self, tile: TileAddress, size_px: int = TILE_PX) -> ImageTile:
        """The image of a tile, rgb uint8 (size_px, size_px, 3) and valid bool (size_px, size_px)."""
        return self.read_window(tile.bounds_mercator, size_px, size_px)

    def read_window(self, bounds_mercator: Bounds, width: int, height: int) -> ImageTile:
        """The image of (west, south, east, north) in EPSG:3857 at width x height px; outside the image is not valid.

        Raises:
            InvalidInputError: the size is out of range, or the file became unreadable.
        """
        if not (1 <= width <= 8192 and 1 <= height <= 8192):
            raise InvalidInputError(f"a window of {width} x {height} px can't be read: ask for 1 to 8192 px a side")
        placed = self._place(bounds_mercator, width, height)
        if placed is None:
            return ImageTile(np.zeros((height, width, 3), np.uint8), np.zeros((height, width), bool))
        (left, top, right, bottom), window = placed
        shape = (bottom - top, right - left)
        try:
            mask = self._dataset().read_masks(1, window=window, out_shape=shape, resampling=Resampling.nearest) >= 128
            part = self._magnified(window, shape) if window.width < shape[1] * 0.999 else self._pixels(window, shape)
        except RasterioError as error:
            raise InvalidInputError(f"{self.path.name} can't be read ({error}): ingest the image again") from error
        if not mask.all():
            part *= mask[..., None]
        if shape == (height, width):
            return ImageTile(part, mask)
        rgb, valid = np.zeros((height, width, 3), np.uint8), np.zeros((height, width), bool)
        rgb[top:bottom, left:right] = part
        valid[top:bottom, left:right] = mask
        return ImageTile(rgb, valid)

    def _pixels(self, window: Window, shape: tuple[int, int]) -> np.ndarray:
        """The window as (H, W, 3) of this shape, at its own resolution or a coarser one."""
        resampling = Resampling.average if window.width > shape[1] * 1.001 else Resampling.bilinear
        bands = self._dataset().read((1, 2, 3), window=window, out_shape=(3, *shape), resampling=resampling)
        return cv2.merge(list(bands))

    def _magnified(self, window: Window, shape: tuple[int, int]) -> np.ndarray:
        """The window as (H, W, 3) of this finer shape, bilinear; neighbouring windows meet without a seam.

        OpenCV is several times as fast at it as GDAL.
        """
        left, top = max(0, floor(window.col_off) - 1), max(0, floor(window.row_off) - 1)
        right = min(self.width, ceil(window.col_off + window.width) + 1)
        bottom = min(self.height, ceil(window.row_off + window.height) + 1)
        around = self._pixels(Window(left, top, right - left, bottom - top), (bottom - top, right - left))
        across, down = window.width / shape[1], window.height / shape[0]
        to_source = np.array(
            [
                [across, 0.0, window.col_off - left + across / 2 - 0.5],
                [0.0, down, window.row_off - top + down / 2 - 0.5],
            ]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(around, to_source, shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def _place(self, bounds: Bounds, width: int, height: int) -> tuple[tuple[int, int, int, int], Window] | None:
        """Pixels of the output that the image covers, and the image's window under exactly those pixels."""
        west, south, east, north = bounds
        image_west, image_south, image_east, image_north = self.bounds_mercator
        px, py = (east - west) / width, (north - south) / height
        left = max(0, round((image_west - west) / px))
        right = min(width, round((image_east - west) / px))
        top = max(0, round((north - image_north) / py))
        bottom = min(height, round((north - image_south) / py))
        if left >= right or top >= bottom:
            return None
        cell = (image_east - image_west) / self.width
        x0, x1 = (west + left * px - image_west) / cell, (west + right * px - image_west) / cell
        y0, y1 = (image_north - north + top * py) / cell, (image_north - north + bottom * py) / cell
        x0, x1 = max(_snap(x0), 0.0), min(_snap(x1), float(self.width))
        y0, y1 = max(_snap(y0), 0.0), min(_snap(y1), float(self.height))
        if x1 - x0 <= 0 or y1 - y0 <= 0:
            return None
        return (left, top, right, bottom), Window(x0, y0, x1 - x0, y1 - y0)

    def _dataset(self) -> rasterio.DatasetReader:
        dataset = getattr(self._local, "dataset", None)
        if dataset is None:
            with rasterio.Env(**HARDENED):
                try:
                    dataset = rasterio.open(self.path.resolve(), driver="GTiff")
                except RasterioError as error:
                    raise InvalidInputError(f"{self.path.name} can't be opened ({error}): ingest it again") from error
            self._local.dataset = dataset
        return dataset

    def _trace_footprint(self) -> shapely.geometry.base.BaseGeometry:
        data = self._dataset()
        factor = max(1.0, max(self.width, self.height) / FOOTPRINT_PX)
        shape = (max(1, round(self.height / factor)), max(1, round(self.width / factor)))
        mask = data.read_masks(1, out_shape=shape, resampling=Resampling.nearest)
        valid = mask >= 128
        if not valid.any():
            valid = self._cells_with_pixels(shape)
        transform = data.transform @ rasterio.Affine.scale(self.width / shape[1], self.height / shape[0])
        parts = [
            shapely.geometry.shape(g)
            for g, v in rasterio.features.shapes(valid.astype(np.uint8), transform=transform)
            if v == 1
        ]
        area = shapely.union_all(parts).simplify(abs(transform.a), preserve_topology=True)
        return shapely.transform(area, mercator_to_lonlat)

    def _cells_with_pixels(self, shape: tuple[int, int]) -> np.ndarray:
        """Which of (rows, columns) cells hold any pixel, bool; for images so thin that one pixel in many meets none."""
        cells = np.zeros(shape, bool)
        data = self._dataset()
        for top in range(0, self.height, READ_PX):
            for left in range(0, self.width, READ_PX):
                window = Window(left, top, min(READ_PX, self.width - left), min(READ_PX, self.height - top))
                rows, columns = np.nonzero(data.read_masks(1, window=window) >= 128)
                cells[(rows + top) * shape[0] // self.height, (columns + left) * shape[1] // self.width] = True
        return cells


def _snap(value: float) -> float:
    """A pixel position without the noise of the division."""
    return float(round(value)) if abs(value - round(value)) < 1e-3 else value


def open_image(cog_path: str | Path) -> ImageReader:
    """A reader of an ingested image.

    Raises:
        InvalidInputError: the file is not a clean COG in EPSG:3857.
    """
    return ImageReader(cog_path)


def inspect_raster(path: str | Path) -> RasterInfo:
    """What an ingested image is, from the file alone.

    Raises:
        InvalidInputError: the file is not a clean COG in EPSG:3857.
    """
    reader = open_image(path)
    digest = sha256_of(Path(path))
    return RasterInfo(
        width=reader.width,
        height=reader.height,
        resolution_m=reader.resolution_m,
        footprint_lonlat=reader.footprint_lonlat,
        bounds_lonlat=reader.bounds_lonlat,
        sha256=digest,
        bit_depth=8,
        crs="EPSG:3857",
        source_sha256=digest,
    )
