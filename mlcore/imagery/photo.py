"""A photograph or scan from outside as a clean copy: upright as it is looked at, without its metadata."""

from __future__ import annotations

import datetime as dt
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from mlcore.errors import InvalidInputError
from mlcore.files import check_space, whole_file
from mlcore.imagery.gdal import GDAL_ERRORS, hardened_raster
from mlcore.imagery.georeference import read_georeference
from mlcore.imagery.photo_metadata import PhotoMetadata, read_photo_metadata
from mlcore.imagery.scaling import plan_bands

MOST_PIXELS = 100_000_000
MOST_BYTES = 512 * 1024**2
SMALLEST_PX = 64
PREVIEW_PX = 1600
GLANCE_PX = 256
BLACK, FLAT = 16.0, 1.5
"""Of 255: a picture whose brightest parts are below is black; whose fine structure varies by less shows nothing."""


@dataclass(frozen=True)
class PreparedPhoto:
    """What is known of a photograph once it is copied.

    Attributes:
        metadata: what it says of itself, in pixels of the copy.
        nothing: why there is nothing to look for in it, one sentence; empty where there is.
        placed: whether the file says itself where it lies.
    """

    metadata: PhotoMetadata
    nothing: str
    placed: bool


def prepare_photo(
    source: Path, target: Path, preview: Path, now: dt.datetime, most_pixels: int = MOST_PIXELS
) -> PreparedPhoto:
    """Copy a JPEG, PNG or TIFF to a tiled GeoTIFF of red, green, blue and what is valid, and to a small WebP.

    Args:
        now: with a time zone; dates that are later are not believed.
        most_pixels: width x height above which it is refused unread.

    Raises:
        InvalidInputError: it can't be read, is larger than that or smaller than SMALLEST_PX a side.
        NoSpaceError: the disk is full.
    """
    if source.stat().st_size > MOST_BYTES:
        raise InvalidInputError(f"{source.name} is over {MOST_BYTES >> 20} MB: save it as a JPEG, or cut it")
    with hardened_raster(source) as data:
        width, height = data.width, data.height
        if width * height > most_pixels:
            raise InvalidInputError(
                f"{source.name} is {width} x {height}, over {most_pixels:,} pixels: make it smaller, or cut it"
            )
        if min(width, height) < SMALLEST_PX:
            raise InvalidInputError(f"{source.name} is {width} x {height}: {SMALLEST_PX} px a side are needed at least")
        metadata = read_photo_metadata(source, now)
        try:
            plan = plan_bands(data)
            rgb = np.ascontiguousarray(plan.to_rgb(data.read(plan.bands)).transpose(1, 2, 0))
            valid = data.dataset_mask() > 0
        except GDAL_ERRORS as error:
            raise InvalidInputError(f"{source.name} is damaged ({error}): fetch or export it again") from error
        try:
            read_georeference(data, source)
            placed = True
        except InvalidInputError:
            placed = False
    rgb[~valid] = 0
    rgba = upright(np.dstack([rgb, valid.astype(np.uint8) * 255]), metadata.orientation)
    _write(rgba, target)
    with whole_file(preview) as scratch:
        scratch.write_bytes(_webp(rgba))
    return PreparedPhoto(metadata, nothing_in(rgba), placed)


def upright(picture: np.ndarray, orientation: int) -> np.ndarray:
    """(H, W, C) as stored -> as it is looked at, by EXIF's orientation 1 to 8."""
    if orientation in (2, 4, 5, 7):
        picture = picture[:, ::-1]
    turns = {3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}.get(orientation, 0)
    return np.ascontiguousarray(np.rot90(picture, turns))


def nothing_in(rgba: np.ndarray) -> str:
    """Why there is nothing to look for in a picture; empty where there is.

    Args:
        rgba: (H, W, 4) uint8, the last 255 where there is data.
    """
    shrink = min(1.0, GLANCE_PX / max(rgba.shape[:2]))
    size = (max(1, round(rgba.shape[1] * shrink)), max(1, round(rgba.shape[0] * shrink)))
    small = cv2.resize(rgba, size, interpolation=cv2.INTER_AREA)
    seen = small[..., 3] >= 128
    if seen.mean() < 0.1:
        return "nearly all of the picture holds no data: send one that shows the ground"
    grey = cv2.cvtColor(small[..., :3], cv2.COLOR_RGB2GRAY).astype(np.float32)
    if np.percentile(grey[seen], 99) < BLACK:
        return "the picture is black: send one with light in it, or brighten it"
    structure = (grey - cv2.GaussianBlur(grey, (0, 0), 6))[seen]
    if structure.std() < FLAT:
        return "the picture shows one even tone, as of haze, water or a closed lens: send one with streets or buildings"
    return ""


def prepared_to_json(prepared: PreparedPhoto) -> dict[str, Any]:
    """JSON types."""
    return {"metadata": prepared.metadata.to_json(), "nothing": prepared.nothing, "placed": prepared.placed}


def prepared_from_json(record: dict[str, Any]) -> PreparedPhoto:
    """What `prepared_to_json` gave."""
    return PreparedPhoto(PhotoMetadata.from_json(record["metadata"]), record["nothing"], record["placed"])


def read_copy(path: Path, most_px: int | None = None) -> tuple[np.ndarray, np.ndarray, float]:
    """A copy that `prepare_photo` wrote.

    Args:
        most_px: of its longer side; None: as it is.

    Returns:
        (H, W, 3) uint8, (H, W) bool, and how many of its pixels are one of the copy's (1 or less).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        data = rasterio.open(path, driver="GTiff")
    with data:
        shrink = 1.0 if most_px is None else min(1.0, most_px / max(data.width, data.height))
        values = data.read()
    rgba = np.ascontiguousarray(values.transpose(1, 2, 0))
    if shrink < 1:
        size = (max(1, round(rgba.shape[1] * shrink)), max(1, round(rgba.shape[0] * shrink)))
        rgba = cv2.resize(rgba, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(rgba[..., :3]), rgba[..., 3] >= 128, shrink


def _write(rgba: np.ndarray, target: Path) -> None:
    check_space(target, rgba.nbytes)
    how = {"driver": "GTiff", "tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "zstd", "zstd_level": 1}
    size = {"width": rgba.shape[1], "height": rgba.shape[0], "count": 4, "dtype": "uint8"}
    with (
        whole_file(target) as scratch,
        rasterio.Env(GDAL_PAM_ENABLED="NO"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(scratch, "w", **how, **size, photometric="RGB", alpha="yes") as data:
            data.write(rgba.transpose(2, 0, 1))


def _webp(rgba: np.ndarray) -> bytes:
    shrink = min(1.0, PREVIEW_PX / max(rgba.shape[:2]))
    size = (max(1, round(rgba.shape[1] * shrink)), max(1, round(rgba.shape[0] * shrink)))
    small = cv2.resize(rgba, size, interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".webp", cv2.cvtColor(small, cv2.COLOR_RGBA2BGRA), [cv2.IMWRITE_WEBP_QUALITY, 82])
    return bytes(content)
