"""Finds where a raster lies: from the file itself, or from a world file and a .prj beside it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points

from mlcore.errors import InvalidInputError
from mlcore.imagery.control_points import transform_from_control_points
from mlcore.imagery.gdal import GDAL_ERRORS, transform_of
from mlcore.imagery.side_files import projection_file, unread_beside, world_file

LONLAT, MERCATOR = CRS.from_epsg(4326), CRS.from_epsg(3857)
LEAST_TURN_M = 1e7
"""A turn of the Earth is at least this wide in any projection of the whole of it: a smaller move is none."""


def read_georeference(data: rasterio.DatasetReader, path: Path) -> tuple[CRS, Affine]:
    """Reference system, without a part for heights, and transform of a raster, within one turn of the Earth.

    Raises:
        InvalidInputError: one of them is missing, damaged, or reaches for other files; no plane fits the control
            points; the raster crosses the 180th meridian.
    """
    source, crs = transform_of(data), data.crs
    if source is None and data.gcps[0]:
        source, crs = transform_from_control_points(data, path), data.gcps[1] or crs
    if source is None:
        source = world_file(path)
    if source is None:
        remedy = "gdalwarp -rpc -t_srs EPSG:3857" if data.rpcs else "gdal_translate -a_srs EPSG:... -a_ullr ..."
        unread = "".join(f"; {name} is not read, put what it says into the file" for name in unread_beside(path))
        raise InvalidInputError(f"{path.name} has no georeference: set one with {remedy}{unread}")
    crs = crs or projection_file(path)
    if crs is None:
        raise InvalidInputError(
            f"{path.name} has no georeference, only numbers without a reference system: name it with "
            "gdal_translate -a_srs EPSG:..."
        )
    crs = horizontal_part(crs)
    return crs, _within_one_turn(crs, source, data.width, data.height, path)


def horizontal_part(crs: CRS) -> CRS:
    """The reference system without its heights, which say nothing of where an image lies."""
    if not crs.wkt.startswith("COMPD_CS"):
        return crs
    system = crs.to_dict(projjson=True)
    return CRS.from_user_input(json.dumps(system["components"][0])) if system.get("components") else crs


def _within_one_turn(crs: CRS, source: Affine, width: int, height: int, path: Path) -> Affine:
    """The transform moved by a whole turn where it counts on beyond 180 degrees, as longitudes from 0 to 360 do.

    PROJ gives such places back one turn away, and GDAL's warper then finds no pixel there. In a projection that does
    not repeat itself (UTM, for one) places come back as they were.
    """
    if not (crs.is_geographic or crs.is_projected):
        return source
    corners = [(x, y) for x in (0.5, width - 0.5) for y in (0.5, height - 0.5)]
    xs, ys = np.array([source @ corner for corner in corners]).T
    back = np.array((xs, ys))
    try:
        # Both, since between two equal systems nothing is computed.
        for here, there in itertools.pairwise((crs, LONLAT, MERCATOR, LONLAT, crs)):
            back = np.array(transform_points(here, there, *back))
    except GDAL_ERRORS:
        return source  # what can't be placed is refused with its reason where the raster is planned
    moved = back - (xs, ys)
    pixel = np.sqrt(abs(source.determinant))
    if not np.isfinite(moved).all() or (np.abs(moved) < pixel).all():
        return source
    if np.abs(moved - moved[:, :1]).max() > pixel:
        raise InvalidInputError(
            f"{path.name} crosses the 180th meridian: cut it there into two files with gdalwarp -te"
        )
    across, along = moved.mean(axis=1)
    if abs(along) > pixel or not (crs.is_geographic or abs(across) * crs.units_factor[1] > LEAST_TURN_M):
        return source
    return Affine.translation(across, 0.0) @ source
