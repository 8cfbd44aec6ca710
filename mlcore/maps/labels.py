"""What the map says, as rasters: which footprint each pixel belongs to, and where outlines run."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from mlcore.geometry.webmercator import TILE_PX, TileAddress, lonlat_to_xy
from mlcore.maps.features import FeatureKind

BUILDINGS: tuple[FeatureKind, ...] = ("building",)
_SHIFT = 4  # fractional bits of OpenCV's polygon coordinates


def polygons_of(geometry: BaseGeometry) -> list[Polygon]:
    """The polygons of a polygon, multipolygon or collection; other parts are left out."""
    if isinstance(geometry, Polygon):
        return [] if geometry.is_empty else [geometry]
    return [part for piece in getattr(geometry, "geoms", ()) for part in polygons_of(piece)]


def draw_ids(shapes_xy: Iterable[tuple[int, BaseGeometry]], height: int, width: int) -> np.ndarray:
    """Paint each shape with its number.

    Args:
        shapes_xy: pairs of a number > 0 and a (multi)polygon in pixel coordinates; later ones cover earlier ones.

    Returns:
        (height, width) int32; 0 where no shape is.
    """
    canvas = np.zeros((height, width), np.int32)
    for number, shape in shapes_xy:
        for polygon in polygons_of(shape):
            # a pixel's centre is at +0.5 in map coordinates and at +0 in OpenCV's
            rings = [
                np.round((np.asarray(ring.coords)[:, :2] - 0.5) * 2**_SHIFT).astype(np.int32)
                for ring in (polygon.exterior, *polygon.interiors)
            ]
            cv2.fillPoly(canvas, rings, int(number), cv2.LINE_8, _SHIFT)
    return canvas


def outlines_of(ids: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels where the footprint changes, two pixels wide, shared walls included."""
    edge = np.zeros(ids.shape, bool)
    across, down = ids[:, 1:] != ids[:, :-1], ids[1:] != ids[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def to_xy(geometry: BaseGeometry, tile: TileAddress, size_px: int = TILE_PX) -> list[Polygon]:
    """Lon/lat polygons in pixels of `tile` drawn at `size_px`."""
    return [
        Polygon(
            lonlat_to_xy(np.asarray(polygon.exterior.coords)[:, :2], tile, size_px),
            [lonlat_to_xy(np.asarray(hole.coords)[:, :2], tile, size_px) for hole in polygon.interiors],
        )
        for polygon in polygons_of(geometry)
    ]
