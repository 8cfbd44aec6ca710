"""Shapes on a tile as COCO's instances: rings of pixels, or runs where a ring has a hole."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from PIL import Image, ImageDraw
from shapely.geometry.base import BaseGeometry

from mlcore.geometry.webmercator import TileAddress, lonlat_to_xy

DIGITS = 2


def instance(wkb: bytes, z: int, x: int, y: int, size_px: int) -> dict[str, Any] | None:
    """`segmentation`, `bbox`, `area` and `iscrowd` of a shape, cut at the edge of its tile; None outside of it.

    Args:
        wkb: polygon or multipolygon, degrees.
        size_px: side of the tile in pixels; (0, 0) is its north-west corner.
    """
    tile = TileAddress(z, x, y)
    shape = shapely.transform(shapely.from_wkb(wkb), lambda lonlat: lonlat_to_xy(lonlat, tile, size_px))
    if not _whole(shape, size_px):
        shape = shapely.make_valid(shape).intersection(shapely.box(0, 0, size_px, size_px))
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 0]
    if not parts:
        return None
    west, south, east, north = shapely.MultiPolygon(parts).bounds
    return {
        "segmentation": _segmentation(parts, size_px),
        "bbox": [round(value, DIGITS) for value in (west, south, east - west, north - south)],
        "area": round(sum(part.area for part in parts), DIGITS),
        "iscrowd": 0,
    }


def _whole(shape: BaseGeometry, size_px: int) -> bool:
    """Whether there is nothing to mend or to cut, as of most: that takes longer than all the rest."""
    west, south, east, north = shape.bounds
    return west >= 0 and south >= 0 and east <= size_px and north <= size_px and bool(shape.is_valid)


def _segmentation(parts: list[BaseGeometry], size_px: int) -> list[list[float]] | dict[str, Any]:
    if not any(part.interiors for part in parts):
        return [[round(value, DIGITS) for xy in part.exterior.coords[:-1] for value in xy] for part in parts]
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
