"""One crop of a data set, and how its rasters are read: untrusted, by an explicit driver, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rasterio.errors import RasterioError
from rasterio.windows import Window

from mlcore.errors import InvalidInputError
from mlcore.imagery.gdal import hardened_raster

CROP_PX = 256
MAX_SIDE_PX = 40_000
OSM_BUILDING_RGB = (217, 208, 201)  # how the standard style of openstreetmap.org fills buildings
OSM_OUTLINE_RGB = (196, 182, 171)
COLOUR_SLACK = 10


@dataclass(frozen=True)
class Crop:
    """One image-map pair of a data set.

    Attributes:
        name: unique in the data set, such as "austin1_0_256".
        image: (256, 256, 3) uint8 RGB.
        buildings: (256, 256) bool, the buildings that the map shows.
        valid: (256, 256) bool, where there is image.
        changed_share: share of the crop that really changed since the map; None where nobody said.
    """

    name: str
    image: np.ndarray
    buildings: np.ndarray
    valid: np.ndarray
    changed_share: float | None


def crop_windows(path: Path) -> list[tuple[int, int]]:
    """(column, row) of every whole 256 px crop of a raster, row by row; a rest at the border is left out."""
    with hardened_raster(path) as data:
        width, height = data.width, data.height
    if min(width, height) < CROP_PX or max(width, height) > MAX_SIDE_PX:
        raise InvalidInputError(f"{path.name} is {width} x {height}: {CROP_PX} to {MAX_SIDE_PX} px are needed")
    steps = range(0, height - CROP_PX + 1, CROP_PX), range(0, width - CROP_PX + 1, CROP_PX)
    return [(column, row) for row in steps[0] for column in steps[1]]


def read_rgb(path: Path, column: int = 0, row: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Colours (256, 256, 3) uint8 and valid (256, 256) bool of a crop."""
    planes, valid = _read(path, column, row)
    if planes.shape[0] < 3:
        planes = np.repeat(planes[:1], 3, axis=0)
    return np.ascontiguousarray(planes[:3].transpose(1, 2, 0)), valid


def read_mask(path: Path, column: int = 0, row: int = 0) -> np.ndarray:
    """(256, 256) bool of a mask crop: one band above its half (0/1 and 0/255 alike), or OSM's building colours."""
    planes, _ = _read(path, column, row)
    if planes.shape[0] < 3 or ((planes[0] == planes[1]).all() and (planes[1] == planes[2]).all()):
        return planes[0] > (127 if planes[0].max() > 1 else 0)
    return building_colours(planes[:3].transpose(1, 2, 0))


def building_colours(rgb: np.ndarray) -> np.ndarray:
    """Where a map drawn in the standard OSM style shows buildings; labels on a building are filled in."""
    picture = rgb.astype(np.int16)
    found = np.zeros(rgb.shape[:2], bool)
    for colour in (OSM_BUILDING_RGB, OSM_OUTLINE_RGB):
        found |= np.abs(picture - np.array(colour)).max(axis=2) <= COLOUR_SLACK
    return cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0


def by_stem(folder: Path) -> dict[str, Path]:
    """Rasters of a folder by their name without ending; symbolic links that leave the folder are not followed."""
    if not folder.is_dir():
        return {}
    root = folder.resolve()
    return {path.stem: path for path in _rasters(folder) if path.resolve().is_relative_to(root)}


def _rasters(folder: Path) -> Iterator[Path]:
    yield from (path for path in sorted(folder.iterdir()) if path.suffix.lower() in (".tif", ".tiff", ".png", ".jpg"))


def _read(path: Path, column: int, row: int) -> tuple[np.ndarray, np.ndarray]:
    with hardened_raster(path) as data:
        if data.dtypes[0] != "uint8":
            raise InvalidInputError(f"{path.name} holds {data.dtypes[0]}: 8 bits per band are needed")
        if column + CROP_PX > data.width or row + CROP_PX > data.height:
            raise InvalidInputError(f"{path.name} has no whole {CROP_PX} px crop at {column}, {row}: is it complete?")
        window = Window(column, row, CROP_PX, CROP_PX)
        try:
            bands = tuple(range(1, min(data.count, 3) + 1))
            return data.read(bands, window=window), data.read_masks(1, window=window) > 0
        except RasterioError as error:
            raise InvalidInputError(f"{path.name} can't be read ({error}): fetch it again") from error
