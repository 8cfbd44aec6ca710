"""An outline cut in two by a line, and two adjoining ones made one; corners are as OSM stores them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import shapely
import shapely.ops
from shapely.geometry.base import BaseGeometry

from annotation.common.errors import InvalidError

LonLat = tuple[float, float]

DIGITS = 7
METRES_PER_DEGREE = 111_320.0
CORNER_M = 0.05
"""A cut that ends this near to a corner ends in it; outlines this near to each other adjoin."""
BEYOND = 1e-6
"""Degrees, a decimetre: so far a cut goes on at its ends, so that it reaches the wall that it was drawn to."""
LEAST_M2 = 1.0


def halves(outer: Sequence[Sequence[float]], cut: Sequence[Sequence[float]]) -> list[list[LonLat]]:
    """The corners of the two parts, the larger first, each once and without repeating the first one.

    Args:
        outer: closed ring, degrees.
        cut: the line, degrees, from beyond one wall, or on it, to another.

    Raises:
        InvalidError: the line does not cut it into two buildings.
    """
    ring = [_rounded(point) for point in outer]
    parts = shapely.get_parts(shapely.ops.split(shapely.Polygon(ring), _beyond(cut)))
    if len(parts) != 2:
        what = "does not pass through" if len(parts) < 2 else f"cuts {len(parts)} parts out of"
        raise InvalidError(f"the line {what} the outline: draw it straight across, from wall to wall")
    found = [_corners(part, ring) for part in sorted(parts, key=lambda part: -part.area)]
    for corners in found:
        if len(corners) < 3 or not (shape := shapely.Polygon(corners)).is_valid or square_m(shape) < LEAST_M2:
            raise InvalidError("one of the two parts is too small to be a building: move the line, or leave it whole")
    return found


def made_one(one: BaseGeometry, other: BaseGeometry) -> shapely.Polygon:
    """The outline of both.

    Raises:
        InvalidError: they have no wall in common.
    """
    both = shapely.union(shapely.snap(one, other, CORNER_M / METRES_PER_DEGREE), other)
    parts = [part for part in shapely.get_parts(both) if part.geom_type == "Polygon" and part.area > 0]
    if len(parts) != 1 or shapely.intersection(one.buffer(BEYOND), other).area <= 0:
        raise InvalidError("the two outlines have no wall in common: join corners to the neighbour first")
    rings = [[_rounded(point) for point in ring.coords] for ring in (parts[0].exterior, *parts[0].interiors)]
    shape = shapely.Polygon(rings[0], [ring for ring in rings[1:] if square_m(shapely.Polygon(ring)) >= LEAST_M2])
    if not shape.is_valid:
        raise InvalidError("the outline of both would touch itself: move a corner of the wall between them")
    return shape


def square_m(shape: BaseGeometry) -> float:
    return float(shape.area) * METRES_PER_DEGREE**2 * math.cos(math.radians(shape.centroid.y))


def _rounded(point: Sequence[float]) -> LonLat:
    return round(float(point[0]), DIGITS), round(float(point[1]), DIGITS)


def _beyond(cut: Sequence[Sequence[float]]) -> shapely.LineString:
    """The line, a little longer at both ends."""
    points = [(float(x), float(y)) for x, y, *_ in cut]
    if not all(math.isfinite(number) for point in points for number in point):
        raise InvalidError("every place of a cut must be [longitude, latitude], in degrees")
    if len(points) < 2 or points[0] == points[1] or points[-1] == points[-2]:
        raise InvalidError("a cut is a line between two places: draw it from wall to wall")
    (x0, y0), (x1, y1) = points[1], points[0]
    (u0, v0), (u1, v1) = points[-2], points[-1]
    first, last = math.hypot(x1 - x0, y1 - y0), math.hypot(u1 - u0, v1 - v0)
    start = (x1 + (x1 - x0) / first * BEYOND, y1 + (y1 - y0) / first * BEYOND)
    end = (u1 + (u1 - u0) / last * BEYOND, v1 + (v1 - v0) / last * BEYOND)
    return shapely.LineString([start, *points[1:-1], end])


def _corners(part: shapely.Polygon, ring: Sequence[LonLat]) -> list[LonLat]:
    """Corners of a part; where the cut ends beside a corner of the whole, that one."""
    scale = math.cos(math.radians(ring[0][1]))
    there = set(ring)
    found: list[LonLat] = []
    for point in map(_rounded, part.exterior.coords[:-1]):
        near = min(ring, key=lambda one: math.hypot((one[0] - point[0]) * scale, one[1] - point[1]))
        away = math.hypot((near[0] - point[0]) * scale, near[1] - point[1]) * METRES_PER_DEGREE
        corner = near if point not in there and away < CORNER_M else point
        if not found or corner != found[-1]:
            found.append(corner)
    return found[:-1] if len(found) > 1 and found[0] == found[-1] else found
