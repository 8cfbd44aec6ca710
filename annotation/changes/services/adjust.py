"""Check a shape a person drew before it becomes part of a decision."""

import math
from typing import Any

from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon

from annotation.changes.models import Change, ChangeKind
from annotation.changes.nearby import METRES_PER_DEGREE, overlaps
from annotation.common.errors import InvalidError
from annotation.sources.models import Footprint

MAX_NODES = 2000
MIN_AREA_M2 = 1.0

Ring = list[tuple[float, float]]


def adjusted_geometry(change: Change, value: Any, merged: Footprint | None = None) -> GEOSGeometry:
    """The GeoJSON geometry as a valid polygon near the change's tile, or InvalidError that says what to mend.

    Args:
        merged: the building that it becomes one with: over this one it may lie.
    """
    if change.kind == ChangeKind.REMOVE:
        raise InvalidError("a removal has no shape to adjust; accept it as it is, or reject it")
    if not isinstance(value, dict) or value.get("type") not in {"Polygon", "MultiPolygon"}:
        raise InvalidError("the adjusted geometry must be a GeoJSON Polygon or MultiPolygon")
    coordinates = value.get("coordinates")
    if value["type"] == "Polygon":
        shape: GEOSGeometry = _polygon(coordinates)
    else:
        parts = [_polygon(part) for part in _list(coordinates)]
        shape = MultiPolygon(parts, srid=4326)
    _check_shape(shape)
    _check_place(change, shape)
    _check_neighbours(change, shape, merged)
    return shape


def shifted(value: dict[str, Any], east_m: float, north_m: float) -> dict[str, Any]:
    """A GeoJSON polygon or multipolygon moved by metres on the ground, every corner by as many degrees."""
    polygons = [value["coordinates"]] if value["type"] == "Polygon" else value["coordinates"]
    up = north_m / METRES_PER_DEGREE
    across = east_m / METRES_PER_DEGREE / math.cos(math.radians(polygons[0][0][0][1]))
    moved = [[[[lon + across, lat + up] for lon, lat, *_ in ring] for ring in rings] for rings in polygons]
    return {"type": value["type"], "coordinates": moved[0] if value["type"] == "Polygon" else moved}


def _polygon(coordinates: Any) -> Polygon:
    rings = [_ring(ring) for ring in _list(coordinates)]
    if not rings:
        raise InvalidError("the adjusted geometry has no ring")
    return Polygon(*rings, srid=4326)


def _ring(value: Any) -> Ring:
    points = [_point(point) for point in _list(value)]
    if len(points) < 4 or points[0] != points[-1]:
        raise InvalidError("every ring needs at least three corners and must end where it starts")
    if len(points) - 1 > MAX_NODES:
        raise InvalidError(f"a way has at most {MAX_NODES} nodes; simplify the shape")
    return points


def _point(value: Any) -> tuple[float, float]:
    numbers = _list(value)[:2]
    if len(numbers) != 2 or any(isinstance(n, bool) or not isinstance(n, int | float) for n in numbers):
        raise InvalidError("every corner must be [longitude, latitude]")
    lon, lat = float(numbers[0]), float(numbers[1])
    if not (math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90):
        raise InvalidError("a corner lies outside the Earth: longitudes go to 180, latitudes to 90")
    return round(lon, 7), round(lat, 7)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > 10 * MAX_NODES:
        raise InvalidError("the adjusted geometry's coordinates must be nested lists of numbers, of reasonable length")
    return value


def _check_shape(shape: GEOSGeometry) -> None:
    if shape.empty or not shape.valid:
        raise InvalidError(
            f"the outline crosses or touches itself ({shape.valid_reason}); move a corner and save again"
        )
    square_m = shape.area * METRES_PER_DEGREE**2 * math.cos(math.radians(shape.centroid.y))
    if square_m < MIN_AREA_M2:
        raise InvalidError("the outline is too small to be a building; draw it larger or reject the change")


def _check_place(change: Change, shape: GEOSGeometry) -> None:
    """Within one tile's side of the tile and of what was proposed."""
    tile = change.pair.tile.geometry.extent
    near = [min(a, b) for a, b in zip(tile[:2], change.geometry.extent[:2], strict=True)]
    far = [max(a, b) for a, b in zip(tile[2:], change.geometry.extent[2:], strict=True)]
    margin_lon, margin_lat = tile[2] - tile[0], tile[3] - tile[1]
    west, south, east, north = shape.extent
    inside = (
        west >= near[0] - margin_lon
        and south >= near[1] - margin_lat
        and east <= far[0] + margin_lon
        and north <= far[1] + margin_lat
    )
    if not inside:
        raise InvalidError("the outline reaches far beyond the tile of this change; keep it near what was proposed")


def _check_neighbours(change: Change, shape: GEOSGeometry, merged: Footprint | None) -> None:
    """Over no other building of the map."""
    found = [one for one in overlaps(change, shape) if merged is None or one.key != merged.key]
    if found:
        most = found[0]
        others = f" and over {len(found) - 1} more" if len(found) > 1 else ""
        raise InvalidError(
            f"the outline lies {most.square_m:.1f} m² over {most.key}{others}; "
            "move its corners off the neighbour, where they snap to its wall",
            over=[one.key for one in found],
        )
