"""What a placed image becomes: a GeoTIFF in EPSG:3857 with its provenance, and files for other tools."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import rasterio
from rasterio.crs import CRS
from rasterio.transform import from_origin

from annotation.common.engine import Progress, stop_if_asked
from annotation.common.errors import InvalidError
from annotation.geolocation.engine.places import Place
from annotation.geolocation.models import PlacementCandidate
from mlcore.correspondences.exchange.control_points import ControlPoints, PlacedTransform
from mlcore.correspondences.exchange.fitting import fitted
from mlcore.correspondences.exchange.gdal_points import gcp_text, write_gcp_tiff
from mlcore.correspondences.exchange.geojson import geojson_of
from mlcore.correspondences.exchange.pairs import png_of
from mlcore.correspondences.exchange.qgis import qgis_text
from mlcore.correspondences.exchange.world_file import world_file_text
from mlcore.correspondences.hybrid.pictures import HALF
from mlcore.errors import InvalidInputError
from mlcore.files import check_space, whole_file
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import lonlat_to_mercator
from mlcore.imagery.photo import read_copy
from mlcore.progress import SilentProgress

MERCATOR = CRS.from_epsg(3857)
MOST_SIDE_PX = 20_000
STRIP_PX = 1024
GRID = 5
"""Points a side of the grid that says a person's placing to other tools."""
FLAT = 1e-12
"""A perspective as small moves nothing."""


def warp(picture: Path, place: Place, target: Path, provenance: dict[str, Any], progress: Progress) -> None:
    """Write the image as it lies on the ground, about as fine as it is itself.

    Raises:
        NoSpaceError: the disk is full; StoppedError: asked to stop. Nothing is left of the target.
    """
    rgb, valid, _ = read_copy(picture)
    corners = place.to_mercator(np.array([[0, 0], [place.width, 0], [place.width, place.height], [0, place.height]]))
    (west, south), (east, north) = corners.min(axis=0), corners.max(axis=0)
    step = place.resolution_m / math.cos(math.radians(place.lat))
    step = max(step, (east - west) / MOST_SIDE_PX, (north - south) / MOST_SIDE_PX)
    width, height = math.ceil((east - west) / step), math.ceil((north - south) / step)
    to_target = np.array([[1 / step, 0, -west / step], [0, -1 / step, north / step], [0, 0, 1.0]])
    origin = np.array([[1, 0, place.origin[0]], [0, 1, place.origin[1]], [0, 0, 1.0]])
    matrix = to_target @ origin @ place.matrix
    how = {"driver": "GTiff", "tiled": True, "blockxsize": 512, "blockysize": 512, "compress": "deflate", "count": 4}
    where = {"crs": MERCATOR, "transform": from_origin(west, north, step, step), "dtype": "uint8"}
    check_space(target, width * height * 4)
    rgba = np.dstack([rgb, valid.astype(np.uint8) * 255])
    with (
        whole_file(target) as scratch,
        rasterio.Env(GDAL_PAM_ENABLED="NO"),
        rasterio.open(scratch, "w", **how, **where, width=width, height=height, photometric="RGB", alpha="yes") as data,
    ):
        data.update_tags(MAPWRIGHT_PROVENANCE=json.dumps(provenance, allow_nan=False))
        for top in range(0, height, STRIP_PX):
            stop_if_asked(progress)
            rows = min(STRIP_PX, height - top)
            down = np.array([[1, 0, 0], [0, 1, -top], [0, 0, 1.0]])
            inside = np.linalg.inv(HALF) @ down @ matrix @ HALF
            strip = cv2.warpPerspective(rgba, inside, (width, rows), flags=cv2.INTER_CUBIC)
            strip[..., 3] = np.where(strip[..., 3] >= 250, 255, 0)
            data.write(strip.transpose(2, 0, 1), window=rasterio.windows.Window(0, top, width, rows))
            progress.report((top + rows) / height, "the image is brought to where it lies")


@dataclass(frozen=True)
class PlaceFile:
    """A file for another tool: what it is called, its type, its content."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class _Card:
    picture: Path
    place: Place
    points: ControlPoints
    stem: str


@dataclass(frozen=True)
class PlacePoints:
    """The points that a place stands on: (N, 4) image x, y, EPSG:3857 x, y, and the use of each."""

    rows: np.ndarray
    uses: tuple[str, ...]


def place_file(form: str, picture: Path, stem: str, place: Place, points: PlacePoints | None) -> PlaceFile:
    """Where an image lies, in one of FORMS.

    Args:
        points: that it stands on; None, or none of them: a grid over the image says it.

    Raises:
        InvalidError: the format can't say this.
    """
    taken = points if points is not None and len(points.rows) else _grid(place)
    given = taken.rows
    west, north = given[:, 2].min(), given[:, 3].max()
    step = max(float(np.ptp(given[:, 2:], axis=0).max()) / max(place.width, place.height), 1e-9)
    grid = np.array([[step, 0, west], [0, -step, north]])
    frame = np.array([[1 / step, 0, -west / step], [0, -1 / step, north / step], [0, 0, 1.0]])
    back = np.linalg.inv(frame @ np.array([[1, 0, place.origin[0]], [0, 1, place.origin[1]], [0, 0, 1]]) @ place.matrix)
    transform = Transform("homography", (back / back[2, 2]).ravel()[:8], np.zeros((8, 8)))
    placed = PlacedTransform(transform, grid)
    control = ControlPoints.of(
        given[:, :2], given[:, 2:], MERCATOR, enabled=[use != "off" for use in taken.uses],
        roles=["check" if use == "check" else "fit" for use in taken.uses],
        residuals_px=placed.image_of(given[:, 2:]) - given[:, :2], placed=placed,
    )  # fmt: skip
    name, content_type, write = FORMS[form]
    try:
        return PlaceFile(name.format(stem), content_type, write(_Card(picture, place, control, stem)))
    except InvalidInputError as error:
        raise InvalidError(str(error)) from error


def points_of(candidate: PlacementCandidate) -> PlacePoints | None:
    """The points that a place stands on: a person's, else the matched ones; None where corners alone say it."""
    adjusted = candidate.adjusted or {}
    if "points" in adjusted:
        listed = adjusted["points"]
        xy, lonlat = np.array([one["image"] for one in listed]), np.array([one["lonlat"] for one in listed])
        return PlacePoints(np.column_stack([xy, lonlat_to_mercator(lonlat)]), tuple(one["use"] for one in listed))
    if adjusted:
        return None
    rows = np.array(candidate.points, np.float64).reshape(-1, 5)
    affine = np.array(candidate.transform, np.float64).reshape(2, 3)
    rows = np.column_stack([rows[:, :2], rows[:, 2:4] @ affine[:, :2].T + affine[:, 2]])
    return PlacePoints(rows, ("fit",) * len(rows))


def _grid(place: Place) -> PlacePoints:
    shares = np.linspace(0, 1, GRID)
    xy = np.array([[x * place.width, y * place.height] for y in shares for x in shares])
    return PlacePoints(np.column_stack([xy, place.to_mercator(xy)]), ("fit",) * len(xy))


def _tiff(card: _Card) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "a.tif")
        write_gcp_tiff(card.points, read_copy(card.picture)[0], written)
        return written.read_bytes()


def _warped(card: _Card) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "a.tif")
        warp(card.picture, card.place, written, {"image": card.stem}, SilentProgress())
        return written.read_bytes()


def _world(card: _Card) -> bytes:
    """Six numbers say an affine: that of the points, which a homography's own place differs from a little."""
    points = card.points
    if not np.abs(card.place.matrix[2, :2]).max() > FLAT:  # an affine already, on however few points
        grid = _grid(card.place).rows
        points = ControlPoints.of(grid[:, :2], grid[:, 2:], MERCATOR)
    return world_file_text(fitted(points, "affine")).encode()


Writer = Callable[[_Card], bytes]
FORMS: dict[str, tuple[str, str, Writer]] = {
    "picture": ("{}.png", "image/png", lambda card: png_of(read_copy(card.picture)[0])),
    "qgis": ("{}.png.points", "text/csv; charset=utf-8", lambda card: qgis_text(card.points).encode()),
    "gcps": (
        "{}-gcps.txt",
        "text/plain; charset=utf-8",
        lambda card: gcp_text(card.points, f"{card.stem}.png", f"{card.stem}.tif").encode(),
    ),
    "geojson": (
        "{}.geojson",
        "application/geo+json",
        lambda card: json.dumps(geojson_of(card.points), indent=1, allow_nan=False).encode(),
    ),
    "world": ("{}.pgw", "text/plain; charset=utf-8", _world),
    "geotiff": ("{}.tif", "image/tiff", _warped),
    "points-tiff": ("{}-gcps.tif", "image/tiff", _tiff),
}
