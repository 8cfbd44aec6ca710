"""Control points of a proposal as files of other tools, and files of points as the points of an answer.

A file speaks of the tile's picture at PICTURE_PX without georeference; its points lie on the ground in EPSG:3857, where
the map has them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from rasterio.crs import CRS

from annotation.correspondences.engine.transforms import residuals_of, said_transform
from annotation.correspondences.errors import NothingToWriteError, NotWritableError
from annotation.correspondences.models import ControlPoint, Correspondences, CorrespondencesState
from annotation.tiles.engine import image_reader, tile_address
from mlcore.correspondences.exchange.annotation import annotation_of
from mlcore.correspondences.exchange.control_points import ControlPoints, PlacedTransform, Role, tile_grid
from mlcore.correspondences.exchange.gdal_points import gcp_text, write_gcp_tiff, write_gcp_vrt
from mlcore.correspondences.exchange.geojson import geojson_of
from mlcore.correspondences.exchange.pairs import png_of
from mlcore.correspondences.exchange.qgis import qgis_text
from mlcore.correspondences.exchange.world_file import world_file_text
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TILE_PX

PICTURE_PX = 512
MERCATOR = CRS.from_epsg(3857)


@dataclass(frozen=True)
class PointsFile:
    """A file for another tool: what it is called, its type, its content."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class _Card:
    """What a file is made of: the points, the row they are of, the stem of file names, an address of a picture."""

    row: Correspondences
    points: ControlPoints
    stem: str
    service: str

    def picture(self) -> np.ndarray:
        """(PICTURE_PX, PICTURE_PX, 3) uint8: the tile's image, black where it has no data."""
        return image_reader(self.row.imagery).read_tile(tile_address(self.row.tile), PICTURE_PX).rgb


def points_file(form: str, row: Correspondences, points: Sequence[ControlPoint], service: str = "") -> PointsFile:
    """The points that count, and the transform, in one of FORMS.

    Args:
        row: with its pair's tile and imagery.
        points: of the correction where there is one, else of the matcher.
        service: address of the picture's IIIF service, which only an annotation needs.

    Raises:
        NothingToWriteError: there is no transform, or people rejected it.
        NotWritableError: the format can't say what this transform is, or needs what was not given.
    """
    tile = row.tile
    card = _Card(row, control_points(row, points), f"tile-{tile.z}-{tile.x}-{tile.y}", service)
    name, content_type, write = FORMS[form]
    try:
        return PointsFile(name.format(card.stem), content_type, write(card))
    except InvalidInputError as error:
        raise NotWritableError(str(error)) from error


def control_points(row: Correspondences, points: Sequence[ControlPoint]) -> ControlPoints:
    """The points as the library exchanges them: pixels of the picture, and metres of EPSG:3857 on the map.

    Raises:
        NothingToWriteError: as of `points_file`.
    """
    transform = said_transform(row)
    if transform is None:
        raise NothingToWriteError("there is no match on this tile: set points by hand and adjust it first")
    if row.state == CorrespondencesState.REJECTED:
        raise NothingToWriteError("people rejected this transform: adjust it first, its points are not to be used")
    grow, grid = PICTURE_PX / TILE_PX, tile_grid(tile_address(row.tile), TILE_PX)
    map_xy = np.array([point.map_xy for point in points], np.float64).reshape(-1, 2)
    image_xy = np.array([point.image_xy for point in points], np.float64).reshape(-1, 2)
    return ControlPoints.of(
        image_xy * grow,
        map_xy @ grid[:, :2].T + grid[:, 2],
        MERCATOR,
        enabled=[point.enabled for point in points],
        roles=[cast(Role, point.role) for point in points],
        residuals_px=residuals_of(transform, map_xy, image_xy) * grow,
        placed=PlacedTransform(transform.scaled(grow), tile_grid(tile_address(row.tile), PICTURE_PX)),
    )


def _vrt(card: _Card) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        picture, written = Path(folder, f"{card.stem}.png"), Path(folder, "a.vrt")
        picture.write_bytes(png_of(card.picture()))
        write_gcp_vrt(card.points, picture, written)
        return written.read_bytes()


def _tiff(card: _Card) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "a.tif")
        write_gcp_tiff(card.points, card.picture(), written)
        return written.read_bytes()


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, allow_nan=False).encode() + b"\n"


Writer = Callable[[_Card], bytes]
FORMS: dict[str, tuple[str, str, Writer]] = {
    "picture": ("{}.png", "image/png", lambda card: png_of(card.picture())),
    "qgis": ("{}.png.points", "text/csv; charset=utf-8", lambda card: qgis_text(card.points).encode()),
    "geotiff": ("{}.tif", "image/tiff", _tiff),
    "vrt": ("{}.vrt", "application/xml", _vrt),
    "gcps": (
        "{}-gcps.txt",
        "text/plain; charset=utf-8",
        lambda card: gcp_text(card.points, f"{card.stem}.png", f"{card.stem}.tif").encode(),
    ),
    "world": ("{}.pgw", "text/plain; charset=utf-8", lambda card: world_file_text(card.points).encode()),
    "geojson": ("{}.geojson", "application/geo+json", lambda card: _json(geojson_of(card.points))),
    "annotation": (
        "{}.annotation.json",
        "application/ld+json",
        lambda card: _json(annotation_of(card.points, card.service, PICTURE_PX, PICTURE_PX)),
    ),
}
"""Every format by the name the address says: the file's name, its type, what writes it.

QGIS takes `PICTURE.points` with the picture of that name; GDAL takes the world file of a PNG by `.pgw`, the VRT reads
the picture beside it.
"""
