"""What a placement leaves as files: control points, a world file, or the picture brought to the ground."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS

from mlcore.correspondences.exchange import (
    ControlPoints,
    PlacedTransform,
    fitted,
    world_file_text,
    write_gcp_tiff,
    write_gcp_vrt,
    write_geojson,
    write_qgis_points,
)
from mlcore.correspondences.exchange.gdal_points import gcp_text
from mlcore.errors import InvalidInputError
from mlcore.files import whole_file
from mlcore.geolocation.placement import Placement
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import WORLD_M

MERCATOR = CRS.from_epsg(3857)
MOST_WRITTEN = 400
"""Control points that are written, the surest: GDAL's splines take minutes with thousands."""
MOST_PIXELS = 100_000_000
HALF = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1.0]])


def control_points(placement: Placement) -> ControlPoints:
    """The placement's points with its homography, in EPSG:3857.

    Raises:
        InvalidInputError: the base has no place.
    """
    fit, transform = placement.fit, placement.base.transform
    if transform is None:
        raise InvalidInputError(f"{placement.base.name} is a picture of no known place: there is nothing to write")
    kept = np.sort(np.argsort(-fit.confidence, kind="stable")[:MOST_WRITTEN])
    to_query = Transform("homography", (fit.homography / fit.homography[2, 2]).ravel()[:8], fit.covariance).inverse()
    shifted = Affine.translation(_turns(placement), 0) @ transform
    placed = PlacedTransform(to_query, np.array([shifted[:3], shifted[3:6]]))
    map_xy = placement.base.to_mercator(fit.points_base[kept]) + np.array([_turns(placement), 0])
    off = to_query.apply(fit.points_base[kept]) - fit.points_query[kept]
    return ControlPoints.of(fit.points_query[kept], map_xy, MERCATOR, residuals_px=off, placed=placed)


def write_points(placement: Placement, image: Path, rgb: np.ndarray, path: Path) -> Path:
    """Control points in the format of the file's ending: .points (QGIS), .geojson, .vrt or .tif (GDAL's, with the
    picture), .txt (arguments of gdal_translate).

    Raises:
        InvalidInputError: another ending.
    """
    points, ending = control_points(placement), path.suffix.lower()
    if ending == ".points":
        write_qgis_points(points, path)
    elif ending in (".geojson", ".json"):
        write_geojson(points, path)
    elif ending == ".vrt":
        write_gcp_vrt(points, image, path)
    elif ending in (".tif", ".tiff"):
        write_gcp_tiff(points, rgb, path)
    elif ending == ".txt":
        with whole_file(path) as scratch:
            scratch.write_text(gcp_text(points, image.name, image.with_suffix(".gcps.tif").name), encoding="utf-8")
    else:
        raise InvalidInputError(f"{path.name} has no known ending: use .points, .geojson, .vrt, .tif or .txt")
    return path


def write_world(placement: Placement, path: Path) -> tuple[list[Path], float]:
    """A world file and a .prj beside it, of the affine that fits the points best.

    Returns:
        The files, and by how many pixels of the picture (root mean square) the affine misses its points.
    """
    points = fitted(control_points(placement), "affine")
    texts = {path: world_file_text(points), path.with_suffix(".prj"): MERCATOR.to_wkt(version="WKT1_ESRI") + "\n"}
    for name, text in texts.items():
        with whole_file(name) as scratch:
            scratch.write_text(text, encoding="ascii", errors="replace")
    return list(texts), points.rmse_px("fit")


def write_warped(placement: Placement, rgb: np.ndarray, valid: np.ndarray, path: Path) -> Path:
    """The picture by its homography, north-up in EPSG:3857 at its own resolution, masked outside: a GeoTIFF.

    Raises:
        InvalidInputError: the base has no place, or the picture becomes too large.
    """
    transform, width, height, matrix = _ground(placement)
    inner = np.linalg.inv(HALF) @ matrix @ HALF
    laid = cv2.warpPerspective(rgb, inner, (width, height), flags=cv2.INTER_LINEAR)
    seen = cv2.warpPerspective(valid.astype(np.uint8) * 255, inner, (width, height), flags=cv2.INTER_NEAREST)
    laid[seen == 0] = 0
    profile = {
        "driver": "GTiff", "width": width, "height": height, "count": 3, "dtype": "uint8", "crs": MERCATOR,
        "transform": transform, "photometric": "rgb", "compress": "deflate", "tiled": True,
        "blockxsize": 512, "blockysize": 512,
    }  # fmt: skip
    with (
        whole_file(path) as scratch,
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, GDAL_PAM_ENABLED="NO"),
        rasterio.open(scratch, "w", **profile) as data,
    ):
        data.write(laid.transpose(2, 0, 1))
        data.write_mask(seen)
    return path


def _ground(placement: Placement) -> tuple[Affine, int, int, np.ndarray]:
    """The grid that a warped picture gets, and (3, 3) from pixels of the picture to pixels of the grid."""
    base, (columns, rows) = placement.base, placement.query_size
    if base.transform is None:
        raise InvalidInputError(f"{base.name} is a picture of no known place: there is nothing to write")
    to_mercator = np.array(base.transform).reshape(3, 3) @ placement.fit.homography
    corners = np.array([(0, 0, 1), (columns, 0, 1), (columns, rows, 1), (0, rows, 1)]) @ to_mercator.T
    places = corners[:, :2] / corners[:, 2:]
    (west, south), (east, north) = places.min(axis=0), places.max(axis=0)
    _, lat = placement.centre_lonlat
    cell = placement.resolution_m / math.cos(math.radians(lat))
    width, height = math.ceil((east - west) / cell), math.ceil((north - south) / cell)
    if width * height > MOST_PIXELS:
        raise InvalidInputError(f"the warped picture has {width} x {height} pixels: make the picture smaller first")
    to_grid = np.array([[1 / cell, 0, -west / cell], [0, -1 / cell, north / cell], [0, 0, 1]])
    return Affine(cell, 0, west + _turns(placement), 0, -cell, north), width, height, to_grid @ to_mercator


def _turns(placement: Placement) -> float:
    """Metres that bring the placement's middle within EPSG:3857's own range."""
    return -float(np.rint(placement.centre_mercator[0] / WORLD_M)) * WORLD_M
