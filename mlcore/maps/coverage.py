"""Reads the area in which a map is complete."""

from __future__ import annotations

from pathlib import Path

import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError
from mlcore.geometry.polygons import repair_polygon
from mlcore.limits import MapLimits
from mlcore.maps.geojson_documents import load_geojson
from mlcore.maps.geojson_geometry import checked_geometry, flat_parts, within_one_turn

MAX_AREA_BYTES = 16 * 1024**2


def read_area(path: str | Path) -> BaseGeometry:
    """The union of a GeoJSON file's polygons, in degrees; points, lines and features without geometry don't count.

    Raises:
        InvalidInputError: the file is no GeoJSON, or holds no usable polygon.
    """
    path = Path(path)
    if not path.is_file():
        raise InvalidInputError(f"there is no area file {path.name!r}: check the path")
    limits = MapLimits(max_json_bytes=MAX_AREA_BYTES, max_features=10_000)
    parts = []
    for number, record in enumerate(load_geojson(path, limits)):
        if record.get("geometry") is None:
            continue
        geometry = within_one_turn(checked_geometry(record["geometry"], f"area {number + 1} of {path.name}"))
        if not geometry.is_empty and not (geometry.bounds[0] >= -180 and geometry.bounds[2] <= 180):
            raise InvalidInputError(f"area {number + 1} of {path.name} crosses the 180th meridian: split it there")
        for part in flat_parts(geometry):
            repair = repair_polygon(part, limits.max_vertices) if part.geom_type == "Polygon" else None
            if repair is not None and repair.geometry is not None:
                parts.append(repair.geometry)
    area = shapely.union_all(parts)
    if area.is_empty:
        raise InvalidInputError(f"{path.name} holds no polygon: draw the area in which the map is complete")
    return area
