"""Control points of a raster from outside, read in a child process with limits of its own.

A text is read by this library's own few lines; a raster's header goes through GDAL, which a hostile file may break or
keep busy.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rasterio.crs import CRS

from mlcore.correspondences.exchange.control_points import ControlPoints
from mlcore.correspondences.exchange.gdal_points import read_gcps
from mlcore.errors import InvalidInputError
from mlcore.imagery.gdal import hardened_raster
from mlcore.ingestion.apart import ApartLimits, run_apart
from mlcore.progress import Progress

LIMITS = ApartLimits(memory_bytes=4 * 1024**3, cpu_s=10, wall_s=30)


def read_gcps_apart(path: Path, name: str = "", limits: ApartLimits = LIMITS) -> tuple[ControlPoints, tuple[int, int]]:
    """The control points that a GeoTIFF carries, and its width and height.

    Args:
        name: what to call the file in messages; its own name where none is given.

    Raises:
        InvalidInputError: as of `read_gcps`, or it cost more time or memory than a header may.
    """
    name = name or path.name
    broken = f"{name} broke the reader of control points: write it again"
    try:
        told = run_apart(points_told, [str(path.resolve())], limits, lambda ended: broken)
    except InvalidInputError as error:
        raise InvalidInputError(str(error).replace(path.name, name)) from error
    crs = CRS.from_wkt(told["crs"]) if told["crs"] else None
    points = ControlPoints.of(np.array(told["image_xy"]), np.array(told["map_xy"]), crs)
    return points, (int(told["size"][0]), int(told["size"][1]))


def points_told(path: str, progress: Progress) -> dict[str, Any]:
    """The work of the child: the points in JSON types."""
    points = read_gcps(Path(path))
    with hardened_raster(path) as data:
        size = [data.width, data.height]
    crs = "" if points.crs is None else points.crs.to_wkt(version="WKT2_2019")
    return {"image_xy": points.image_xy.tolist(), "map_xy": points.map_xy.tolist(), "crs": crs, "size": size}
