"""What the map says, as rasters: which footprint each pixel belongs to, and where outlines run."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import shapely
from shapely.geometry import LinearRing, Polygon
from shapely.geometry.base import BaseGeometry

from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TILE_PX, TileAddress, lonlat_to_xy, xy_to_lonlat
from mlcore.maps.features import FeatureKind, MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.projection import Bounds
from mlcore.maps.tags import seen_from_above

BUILDINGS: tuple[FeatureKind, ...] = ("building",)
_SHIFT = 4  # fractional bits of OpenCV's polygon coordinates


def polygons_of(geometry: BaseGeometry) -> list[Polygon]:
    """The polygons of a polygon, multipolygon or collection; other parts are left out."""
    if isinstance(geometry, Polygon):
        return [] if geometry.is_empty else [geometry]
    return [part for piece in getattr(geometry, "geoms", ()) for part in polygons_of(piece)]


def seen_footprints(index: MapIndex, bounds: Bounds) -> list[MapFeature]:
    """Buildings that reach into the bounds (degrees) and can be seen from above: an underground garage can't."""
    return [feature for feature in index.query(bounds, BUILDINGS) if seen_from_above(feature.tags)]


def draw_ids(
    shapes_xy: Iterable[tuple[int, BaseGeometry]], height: int, width: int, origin: tuple[int, int] = (0, 0)
) -> np.ndarray:
    """Paint each shape with its number.

    Args:
        shapes_xy: pairs of a number > 0 and a (multi)polygon in pixel coordinates; later ones cover earlier ones.
        origin: the pixel (x, y) that the canvas begins with.

    Returns:
        (height, width) int32; 0 where no shape is.
    """
    canvas = np.zeros((height, width), np.int32)
    middle = np.array(origin) + 0.5
    for number, shape in shapes_xy:
        for polygon in polygons_of(shape):
            cv2.fillPoly(canvas, _rings(polygon, middle), int(number), cv2.LINE_8, _SHIFT)
    return canvas


def _rings(polygon: Polygon, middle: np.ndarray) -> list[np.ndarray]:
    """As OpenCV takes them: a pixel's centre is at +0.5 in map coordinates and at +0 in OpenCV's."""
    fixed = np.rint((shapely.get_coordinates(polygon) - middle) * 2**_SHIFT).astype(np.int32)
    if not shapely.get_num_interior_rings(polygon):
        return [fixed]
    return np.split(fixed, np.cumsum(shapely.get_num_points(shapely.get_rings(polygon)))[:-1])


def outlines_of(ids: np.ndarray) -> np.ndarray:
    """(H, W) bool: pixels where the footprint changes, two pixels wide, shared walls included."""
    edge = np.zeros(ids.shape, bool)
    across, down = ids[:, 1:] != ids[:, :-1], ids[1:] != ids[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def to_xy(
    geometry: BaseGeometry, tile: TileAddress, size_px: int = TILE_PX, moved: Transform | None = None
) -> list[Polygon]:
    """Lon/lat polygons in pixels of `tile` drawn at `size_px`.

    Args:
        moved: where the map is brought, in pixels of the tile at 256 px.
    """
    scaled = None if moved is None else moved.scaled(size_px / TILE_PX)

    def ring(line: LinearRing) -> np.ndarray:
        xy = lonlat_to_xy(np.asarray(line.coords)[:, :2], tile, size_px)
        return xy if scaled is None else scaled.apply(xy)

    return [
        Polygon(ring(polygon.exterior), [ring(hole) for hole in polygon.interiors]) for polygon in polygons_of(geometry)
    ]


def moved_from(tile: TileAddress, bounds_lonlat: Bounds, moved: Transform) -> Bounds:
    """(west, south, east, north) in degrees of what a transform brings into the bounds, and of the bounds themselves.

    Args:
        moved: in pixels of the tile at 256 px.
    """
    west, south, east, north = bounds_lonlat
    corners = np.array([[west, south], [east, south], [east, north], [west, north]])
    before = xy_to_lonlat(moved.inverse().apply(lonlat_to_xy(corners, tile)), tile)
    reach = np.concatenate([corners, before])
    (west, south), (east, north) = reach.min(axis=0), reach.max(axis=0)
    return float(west), float(south), float(east), float(north)
