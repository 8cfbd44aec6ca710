"""Files of control points that people made elsewhere, as the payload of an adjusted answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.correspondences.engine.corrections import MAX_POINTS
from annotation.correspondences.errors import BadPointsFileError
from mlcore.correspondences.exchange.apart import read_gcps_apart
from mlcore.correspondences.exchange.control_points import ControlPoints
from mlcore.correspondences.exchange.gcp_list import MARK, read_gcp_list
from mlcore.correspondences.exchange.qgis import read_qgis_points
from mlcore.correspondences.exchange.reference_system import crs_of_text
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TILE_PX, TileAddress, lonlat_to_xy
from mlcore.imagery.gdal import sniff_driver

HEAD = 64 * 1024
"""A text names `-gcp` in its first so many bytes, or it is a file of QGIS."""


@dataclass(frozen=True)
class GivenFile:
    """A file of points from outside.

    Attributes:
        name: what its person calls it, for messages.
        size_px: side of the square picture that its pixels count in; a GeoTIFF brings its own.
        crs: reference system of points whose file names none; empty: none is known.
    """

    path: Path
    name: str
    size_px: int
    crs: str = ""


def payload_of(given: GivenFile, tile: TileAddress, kind: str) -> dict[str, Any]:
    """The points of a file in pixels of the tile, as a correction says them; nothing is fitted or checked yet.

    Points that QGIS has off come as points that are not enabled.

    Raises:
        BadPointsFileError: it is no file of points, has none or too many, or its points have no place on the ground.
    """
    try:
        size = (given.size_px, given.size_px)
        points, (size_px, height) = read_control_points(given.path, given.name, size, given.crs, MAX_POINTS)
        if size_px != height:
            raise InvalidInputError(f"{given.name} is {size_px} x {height}: a tile's picture is a square")
        lonlat = points.lonlat()
    except InvalidInputError as error:
        raise BadPointsFileError(str(error).replace(given.path.name, given.name)) from error
    map_xy, image_xy = lonlat_to_xy(lonlat, tile), points.image_xy * (TILE_PX / size_px)
    rows = zip(map_xy, image_xy, points.roles, points.enabled, strict=True)
    listed = [
        {
            "number": number,
            "map_xy": [float(one) for one in place],
            "image_xy": [float(one) for one in seen],
            "role": role,
            "enabled": bool(enabled),
        }
        for number, (place, seen, role, enabled) in enumerate(rows, start=1)
    ]
    return {"transform": kind, "points": listed}


def read_control_points(
    path: Path, name: str, size: tuple[int, int], crs: str, most: int
) -> tuple[ControlPoints, tuple[int, int]]:
    """The points of a file with their reference system, and width and height of the picture that they count in.

    Args:
        size: width and height of that picture, where the file brings none.
        crs: reference system of points whose file names none; empty: none is known.

    Raises:
        InvalidInputError: it is no file of points, has none or more than `most`, or names no reference system.
    """
    if sniff_driver(path) is not None:
        points, size = read_gcps_apart(path, name)
    elif MARK in _head(path):
        points = read_gcp_list(path)
    else:
        points = read_qgis_points(path, size)
    if not 1 <= len(points) <= most:
        raise InvalidInputError(f"{name} has {len(points):,} points: give 1 to {most}")
    if points.crs is None:
        known = crs_of_text(crs, "crs")
        if known is None:
            raise InvalidInputError(f"{name} names no reference system: say in crs which one, such as EPSG:4326")
        points = ControlPoints.of(points.image_xy, points.map_xy, known, enabled=points.enabled, roles=points.roles)
    return points, size


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(HEAD).decode("utf-8", errors="replace")
