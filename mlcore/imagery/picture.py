"""Reads a whole picture file of moderate size as red, green and blue: a map or an image that is no region's imagery."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rasterio.crs import CRS

from mlcore.errors import InvalidInputError
from mlcore.imagery.gdal import GDAL_ERRORS, hardened_raster
from mlcore.imagery.georeference import read_georeference
from mlcore.imagery.scaling import plan_bands


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture and where it lies.

    Attributes:
        rgb: (H, W, 3) uint8; black where there is no data.
        crs, grid: reference system and (2, 3) float64, pixels (x right, y down, from the outer corner) -> coordinates;
            None where the file doesn't say where it lies.
    """

    rgb: np.ndarray
    crs: CRS | None = None
    grid: np.ndarray | None = None


def read_picture(path: Path, most_pixels: int) -> Picture:
    """A GeoTIFF, PNG or JPEG of any depth, palettes included.

    Args:
        most_pixels: width x height above which it is refused unread.

    Raises:
        InvalidInputError: it can't be read or is too large.
    """
    try:
        path.stat()
    except (OSError, ValueError) as error:  # a name that is too long, or none
        raise InvalidInputError(f"there is no picture {path.name[:80]!r}: check the path") from error
    with hardened_raster(path) as data:
        if data.width * data.height > most_pixels:
            raise InvalidInputError(
                f"{path.name} is {data.width} x {data.height}, over {most_pixels:,} pixels: cut it with gdal_translate "
                "-srcwin, or make it smaller with -outsize"
            )
        try:
            plan = plan_bands(data)
            rgb = plan.to_rgb(data.read(plan.bands)).transpose(1, 2, 0)
            shown = data.dataset_mask() > 0
        except GDAL_ERRORS as error:
            raise InvalidInputError(f"{path.name} is damaged ({error}): fetch or export it again") from error
        rgb = np.ascontiguousarray(np.where(shown[..., None], rgb, np.uint8(0)))
        try:
            crs, affine = read_georeference(data, path)
        except InvalidInputError:
            return Picture(rgb)
    return Picture(rgb, crs, np.array([affine[:3], affine[3:6]], np.float64))
