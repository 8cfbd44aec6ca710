"""Places an image that carries control points and no transform."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from mlcore.errors import InvalidInputError

FIT_PX = 1.0
"""How far, in pixels of the image, control points may lie from one plane: more, and the image is bent."""


def transform_from_control_points(data: rasterio.DatasetReader, path: Path) -> Affine:
    """The plane through all control points of a raster, by least squares.

    Raises:
        InvalidInputError: too few points, on one line, or of an image that no plane fits.
    """
    points, _ = data.gcps
    pixels = np.array([(point.col, point.row, 1.0) for point in points])
    places = np.array([(point.x, point.y) for point in points])
    if len(points) < 3 or np.linalg.matrix_rank(pixels) < 3 or not np.isfinite(places).all():
        raise InvalidInputError(
            f"{path.name} has control points that don't say where it lies: give three or more, not on one line, with "
            "gdal_translate -gcp, then gdalwarp -t_srs EPSG:3857"
        )
    middle = places.mean(axis=0)
    plane, *_ = np.linalg.lstsq(pixels, places - middle, rcond=None)
    (a, d), (b, e), (c, f) = plane
    transform = Affine(a, b, c + middle[0], d, e, f + middle[1])
    if abs(a * e - b * d) < 1e-18:
        raise InvalidInputError(f"{path.name} has control points on one line: give it others with gdal_translate -gcp")
    back = np.linalg.solve(plane[:2].T, (places - middle - plane[2]).T).T
    miss_px = float(np.linalg.norm(back - pixels[:, :2], axis=1).max())
    if miss_px > FIT_PX:
        raise InvalidInputError(
            f"{path.name} has control points up to {miss_px:.1f} px from a plane: flatten it with "
            "gdalwarp -tps -t_srs EPSG:3857"
        )
    return transform
