"""Transforms as columns of a row and as the library has them, and how far apart two of them lie on the ground."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from django.contrib.gis.geos import GEOSGeometry
from numpy.typing import ArrayLike

from annotation.correspondences.models import Correspondences
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TILE_PX, TileAddress, lonlat_to_xy

CORNERS = np.array([[0, 0], [TILE_PX, 0], [TILE_PX, TILE_PX], [0, TILE_PX]], np.float64)
MIDDLE = np.full((1, 2), TILE_PX / 2)


def stored(prefix: str, transform: Transform | None) -> dict[str, Any]:
    """The columns `<prefix>kind`, `<prefix>parameters` and `<prefix>covariance` of a transform, or of none."""
    if transform is None:
        return {f"{prefix}kind": "", f"{prefix}parameters": None, f"{prefix}covariance": None}
    return {
        f"{prefix}kind": transform.kind,
        f"{prefix}parameters": transform.parameters.tolist(),
        f"{prefix}covariance": transform.covariance.tolist(),
    }


def proposed_transform(row: Correspondences) -> Transform | None:
    """What the matcher proposed, in pixels at 256 px; None where it found no match."""
    return _transform(row.transform_kind, row.transform_parameters, row.transform_covariance)


def said_transform(row: Correspondences) -> Transform | None:
    """The transform that counts: the correction where there is one, else the matcher's."""
    return _transform(row.final_kind, row.final_parameters, row.final_covariance) or proposed_transform(row)


def shown_transform(transform: Transform | None) -> dict[str, Any] | None:
    """A transform as pages and files have it, with its matrix row by row."""
    if transform is None:
        return None
    return {
        "kind": transform.kind,
        "parameters": transform.parameters.tolist(),
        "covariance": transform.covariance.tolist(),
        "matrix": transform.matrix.tolist(),
    }


def apart_m(first: Transform, second: Transform, tile: TileAddress) -> float:
    """Metres on the ground between where the two bring the tile's corners, on average."""
    distances = np.linalg.norm(first.apply(CORNERS) - second.apply(CORNERS), axis=1)
    return float(distances.mean()) * tile.resolution_m()


def middle_offset_m(transform: Transform, tile: TileAddress) -> tuple[float, float]:
    """How far the image shows the tile's middle to the east and to the north of the map, in metres."""
    east_px, south_px = (transform.apply(MIDDLE) - MIDDLE)[0]
    return float(east_px) * tile.resolution_m(), -float(south_px) * tile.resolution_m()


def rings_px(shapes: Iterable[GEOSGeometry], tile: TileAddress) -> list[list[list[float]]]:
    """Outer and inner rings of polygons in longitude and latitude, as places in pixels of a tile at 256 px."""
    rings: list[list[list[float]]] = []
    for shape in shapes:
        polygons: Any = [shape.coords] if shape.geom_type == "Polygon" else shape.coords  # type: ignore[attr-defined]
        for ring in (ring for polygon in polygons for ring in polygon):
            places = lonlat_to_xy(np.array(ring, np.float64)[:, :2], tile)
            rings.append(np.round(places, 2).tolist())
    return rings


def residuals_of(transform: Transform, map_xy: ArrayLike, image_xy: ArrayLike) -> np.ndarray:
    """(N, 2) pixels of the image from each point to where the transform brings its place on the map.

    Args:
        map_xy, image_xy: (N, 2) places each, pixels at 256 px.

    Raises:
        InvalidInputError: a place lies beyond the horizon of a homography.
    """
    places = np.asarray(map_xy, np.float64).reshape(-1, 2)
    moved: np.ndarray = transform.apply(places) - np.asarray(image_xy, np.float64).reshape(-1, 2)
    return moved


def _transform(kind: Any, parameters: Any, covariance: Any) -> Transform | None:
    return Transform(kind, np.array(parameters), np.array(covariance)) if kind else None
