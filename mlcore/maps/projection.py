"""Rings and lines of a feature in the metres of the grid, ready for drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from mlcore.geometry.webmercator import lonlat_to_mercator
from mlcore.maps.features import MapFeature
from mlcore.maps.tags import seen_from_above

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class ProjectedShape:
    """A feature ready for drawing.

    Attributes:
        polygons: per polygon, its rings (outer first, then holes) as (V, 2) EPSG:3857 without the closing vertex.
        lines: (V, 2) EPSG:3857 each.
        bounds: (west, south, east, north) in EPSG:3857.
        visible: the feature can be seen from above.
    """

    polygons: tuple[tuple[np.ndarray, ...], ...]
    lines: tuple[np.ndarray, ...]
    bounds: Bounds
    visible: bool = True


def project_shape(feature: MapFeature) -> ProjectedShape:
    """Rings and lines of a feature in EPSG:3857 metres; points are left out."""
    geometry = feature.geometry
    polygons: list[tuple[np.ndarray, ...]] = []
    lines: list[np.ndarray] = []
    for part in shapely.get_parts(shapely.get_parts(geometry)):
        if part.is_empty:
            continue
        if isinstance(part, shapely.Polygon):
            rings = (part.exterior, *part.interiors)
            polygons.append(tuple(lonlat_to_mercator(shapely.get_coordinates(ring))[:-1] for ring in rings))
        elif isinstance(part, shapely.LineString):
            lines.append(lonlat_to_mercator(shapely.get_coordinates(part)))
    (west, south), (east, north) = lonlat_to_mercator(np.array(geometry.bounds).reshape(2, 2))
    bounds = (float(west), float(south), float(east), float(north))
    return ProjectedShape(tuple(polygons), tuple(lines), bounds, seen_from_above(feature.tags))
