"""Shapes on a tile as COCO's instances: rings of pixels, or runs where a ring has a hole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from PIL import Image, ImageDraw
from shapely.geometry.base import BaseGeometry

from mlcore.geometry.webmercator import TileAddress, lonlat_to_xy

DIGITS = 2


WORLD = TileAddress(0, 0, 0)
POLYGON = 3


def instances(
    wkbs: Sequence[bytes], tiles: Sequence[tuple[int, int, int]], size_px: int
) -> list[dict[str, Any] | None]:
    """`segmentation`, `bbox`, `area` and `iscrowd` of shapes, each cut at the edge of its tile; None outside of it.

    Args:
        wkbs: polygons or multipolygons, degrees.
        tiles: z, x and y of the tile of each.
        size_px: side of the tile in pixels; (0, 0) is its north-west corner.
    """
    if not wkbs:
        return []
    shapes = shapely.from_wkb(np.array(wkbs, object))
    lonlat, row = shapely.get_coordinates(shapes, return_index=True)
    z, x, y = np.asarray(tiles, np.float64).T
    corner = np.stack([x, y], axis=1) * size_px
    shapes = shapely.set_coordinates(shapes, lonlat_to_xy(lonlat, WORLD, size_px) * 2 ** z[row, None] - corner[row])
    whole = _whole(shapes, size_px)
    bounds, areas = shapely.bounds(shapes).tolist(), shapely.area(shapes).tolist()
    return [
        _told([shape], size_px, box, area) if simple else _cut(shape, size_px)
        for shape, simple, box, area in zip(shapes, whole.tolist(), bounds, areas, strict=True)
    ]


def _whole(shapes: np.ndarray, size_px: int) -> np.ndarray:
    """Which of them need neither mending nor cutting, as most: that takes longer than all the rest."""
    west, south, east, north = shapely.bounds(shapes).T
    inside = (west >= 0) & (south >= 0) & (east <= size_px) & (north <= size_px)
    return inside & (shapely.get_type_id(shapes) == POLYGON) & (shapely.area(shapes) > 0) & shapely.is_valid(shapes)


def _cut(shape: BaseGeometry, size_px: int) -> dict[str, Any] | None:
    shape = shapely.make_valid(shape).intersection(shapely.box(0, 0, size_px, size_px))
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 0]
    if not parts:
        return None
    return _told(parts, size_px, shapely.MultiPolygon(parts).bounds, sum(part.area for part in parts))


def _told(parts: list[BaseGeometry], size_px: int, box: Sequence[float], area: float) -> dict[str, Any]:
    west, south, east, north = box
    return {
        "segmentation": _segmentation(parts, size_px),
        "bbox": [round(value, DIGITS) for value in (west, south, east - west, north - south)],
        "area": round(area, DIGITS),
        "iscrowd": 0,
    }


def _segmentation(parts: list[BaseGeometry], size_px: int) -> list[list[float]] | dict[str, Any]:
    if not any(shapely.get_num_interior_rings(part) for part in parts):
        rings = [shapely.get_coordinates(shapely.get_exterior_ring(part))[:-1] for part in parts]
        return [ring.round(DIGITS).ravel().tolist() for ring in rings]
    # Rings of a list are taken together, so a courtyard would be filled: runs of a mask say it.
    picture = Image.new("1", (size_px, size_px))
    draw = ImageDraw.Draw(picture)
    for part in parts:
        draw.polygon([(px - 0.5, py - 0.5) for px, py in part.exterior.coords], fill=1)
    for hole in (hole for part in parts for hole in part.interiors):
        draw.polygon([(px - 0.5, py - 0.5) for px, py in hole.coords], fill=0)
    flat = np.asarray(picture, dtype=np.uint8).ravel(order="F")
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat]))) if flat.size else np.empty(0, int)
    counts = np.diff(np.concatenate([[0], edges, [flat.size]]))
    return {"counts": counts.tolist(), "size": [size_px, size_px]}
