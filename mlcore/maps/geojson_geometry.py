"""Shapes of GeoJSON features from outside: checked, in degrees, one area or some lines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError
from mlcore.geometry.polygons import repair_polygon

AREA_TYPES, LINE_TYPES = {"Polygon", "MultiPolygon"}, {"LineString", "MultiLineString"}
FARTHEST = 540.0
"""Degrees of longitude: some count from 0 to 360, or on past 180 degrees; what lies farther is no degree."""
MALFORMED = (
    ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, shapely.errors.ShapelyError,
)  # fmt: skip


class MalformedGeometryError(InvalidInputError):
    """One feature's geometry is none; the rest of its file may be sound."""


def checked_geometry(value: Any, name: str) -> BaseGeometry:
    """A shapely geometry of a GeoJSON one, flat, with finite coordinates in degrees within one turn of the Earth.

    Raises:
        MalformedGeometryError: it is no geometry that the format or the library has.
        InvalidInputError: it is not finite, or not in degrees.
    """
    try:
        parts = "geometries" if isinstance(value, dict) and value.get("type") == "GeometryCollection" else "coordinates"
        if not isinstance(value, dict) or not isinstance(value[parts], list):
            raise TypeError("no coordinates")
        geometry = _shape(value)
    except MALFORMED as error:
        raise MalformedGeometryError(
            f"{name}: its geometry is malformed ({str(error)[:80]}): correct or remove it"
        ) from error
    lonlat = shapely.get_coordinates(geometry)
    if not np.isfinite(lonlat).all():
        raise InvalidInputError(f"{name}: a coordinate is not a finite number: correct or remove it")
    if len(lonlat) and (np.abs(lonlat[:, 0]).max() > FARTHEST or np.abs(lonlat[:, 1]).max() > 90):
        swapped = np.abs(lonlat[:, 0]).max() <= 90 and np.abs(lonlat[:, 1]).max() <= 180
        remedy = "put longitude before latitude" if swapped else "reproject with ogr2ogr -t_srs EPSG:4326"
        raise InvalidInputError(f"{name}: coordinates are not degrees within -180..180, -90..90: {remedy}")
    return geometry


def within_one_turn(geometry: BaseGeometry) -> BaseGeometry:
    """The geometry moved by a whole turn where it lies beyond 180 degrees; where it crosses them it stays beyond."""
    if geometry.is_empty:
        return geometry
    west, _, east, _ = geometry.bounds
    if west >= -180 and east <= 180:
        return geometry
    turns = round((west + east) / 720)
    return shapely.transform(geometry, lambda lonlat: lonlat - (360.0 * turns, 0.0))


def areas_or_lines(geometry: BaseGeometry) -> BaseGeometry:
    """The areas of a collection, or its lines where it has no areas; points are left out."""
    parts = [part for part in flat_parts(geometry) if not part.is_empty]
    areas = [part for part in parts if part.geom_type == "Polygon"]
    lines = [part for part in parts if part.geom_type == "LineString"]
    if geometry.geom_type in AREA_TYPES | LINE_TYPES:
        return geometry
    if areas:
        return areas[0] if len(areas) == 1 else shapely.MultiPolygon(areas)
    return shapely.MultiLineString(lines)


def flat_parts(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    """Points, lines and polygons of a geometry, collections in collections opened."""
    for part in shapely.get_parts(geometry):
        if part.geom_type.startswith(("Multi", "GeometryCollection")):
            yield from flat_parts(part)
        else:
            yield part


def united(geometry: BaseGeometry) -> BaseGeometry:
    """A multipolygon whose parts overlap as one area: GeoJSON has parts beside one another, not holes made of parts."""
    if geometry.geom_type != "MultiPolygon" or geometry.is_valid:
        return geometry
    parts = [repair_polygon(part).geometry for part in geometry.geoms]
    return shapely.union_all([part for part in parts if part is not None])


def _shape(value: dict[str, Any]) -> BaseGeometry:
    """The geometry without heights and measures, which some positions may have and others not."""
    try:
        return shapely.force_2d(shapely.geometry.shape(value))
    except MALFORMED:
        return shapely.geometry.shape(_flattened(value))


def _flattened(value: Any) -> Any:
    """The same with two numbers a position; nesting is bounded where the file is read."""
    if isinstance(value, dict):
        return {key: _flattened(one) for key, one in value.items()}
    if not isinstance(value, list):
        return value
    position = len(value) > 2 and all(isinstance(one, int | float) for one in value[:2])
    return value[:2] if position else [_flattened(one) for one in value]
