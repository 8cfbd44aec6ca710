"""Files of control points that were made elsewhere, as points of an image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from annotation.correspondences.engine.point_files import read_control_points
from annotation.correspondences.errors import BadPointsFileError
from annotation.geolocation.engine.person_points import MOST_POINTS
from annotation.geolocation.models import UnplacedImage
from mlcore.errors import InvalidInputError

SAME_SHAPE = 0.01


def points_of_file(image: UnplacedImage, path: Path, name: str, crs: str = "") -> list[dict[str, Any]]:
    """The points of QGIS, GDAL or a GeoTIFF, in pixels of the upright picture and degrees.

    Args:
        crs: reference system of a file that names none; empty: none is known.

    Raises:
        BadPointsFileError: it is no file of points, has none or too many, is of another picture, or names no place.
    """
    size = (image.width or 1, image.height or 1)
    try:
        points, (width, height) = read_control_points(path, name, size, crs, MOST_POINTS)
        if abs(width * size[1] - height * size[0]) > SAME_SHAPE * width * size[1]:
            raise InvalidInputError(
                f"{name} is {width} x {height}, the picture {size[0]} x {size[1]}: take the points of this picture"
            )
        lonlat = points.lonlat()
    except InvalidInputError as error:
        raise BadPointsFileError(str(error).replace(path.name, name)) from error
    image_xy = points.image_xy * (np.array(size) / [width, height])
    off = np.any((image_xy < 0) | (image_xy > size), axis=1).sum()
    if off:
        raise BadPointsFileError(
            f"{off} of {len(image_xy)} points of {name} lie off the picture, which is {size[0]} x {size[1]} px: take "
            "the points of the upright picture that is offered here"
        )
    rows = zip(image_xy.tolist(), lonlat.tolist(), points.roles, points.enabled.tolist(), strict=True)
    return [
        {"number": number, "image": seen, "lonlat": place, "use": role if enabled else "off", "confidence": None}
        for number, (seen, place, role, enabled) in enumerate(rows, start=1)
    ]
