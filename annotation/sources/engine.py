"""Rows of sources <-> the library's types, and the guarded reading of files from outside."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import shapely
from django.contrib.gis.geos import GEOSGeometry, MultiPolygon, Polygon
from django.db.models import QuerySet
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from annotation.common.errors import InvalidError
from annotation.sources.models import Footprint, Imagery, MapFeature, MapSnapshot
from mlcore.errors import MlcoreError
from mlcore.geometry.webmercator import zoom_for_resolution
from mlcore.maps.coverage import read_area
from mlcore.maps.features import MapFeature as LibraryFeature
from mlcore.maps.features import MemberRef, NodeRef, nodes_of, ways_of
from mlcore.maps.style import STYLE_FILE

MAX_AREA_VERTICES = 100_000
FINEST_M = 0.25
"""Imagery finer than this gets the grid of this resolution: more pixels show no more of a building."""
ZOOM_RANGE = (15, 20)
RENDERER_VERSION = 1
"""Grows when map tiles look different though the style file is the same."""


@lru_cache(maxsize=1)
def style_digest() -> str:
    """Names how maps are drawn: tiles drawn otherwise have another digest."""
    return hashlib.sha256(STYLE_FILE.read_bytes()).hexdigest()[:12] + f"-{RENDERER_VERSION}"


def tile_version(source: Imagery | MapSnapshot) -> str:
    """What ?v= of a source's tiles says: the same content and style have the same version, anything else another."""
    mark = source.sha256[:16]
    return f"{mark}-{style_digest()}" if isinstance(source, MapSnapshot) else mark


def shown_imagery(imagery: Imagery) -> dict[str, Any]:
    """What a review page says of the image, and needs to fetch its tiles."""
    return {
        "id": imagery.pk,
        "captured_on": imagery.captured_on,
        "attribution": imagery.attribution,
        "resolution_m": imagery.resolution_m,
        "tile_version": tile_version(imagery),
    }


def shown_snapshot(snapshot: MapSnapshot) -> dict[str, Any]:
    """What a review page says of the map, and needs to fetch its tiles."""
    return {
        "id": snapshot.pk,
        "taken_at": snapshot.taken_at,
        "attribution": snapshot.attribution,
        "tile_version": tile_version(snapshot),
    }


def to_shapely(geometry: GEOSGeometry) -> BaseGeometry:
    """GeoDjango's geometry as shapely's, both in degrees."""
    return shapely.from_wkb(bytes(geometry.wkb))


def to_geos(geometry: BaseGeometry) -> Any:
    """Shapely's geometry in degrees as GeoDjango's."""
    return GEOSGeometry(memoryview(shapely.to_wkb(geometry)), srid=4326)


def to_multipolygon(geometry: BaseGeometry) -> MultiPolygon:
    """The areas of a geometry as one valid MultiPolygon; lines and points are left out.

    Raises:
        InvalidError: no area is left.
    """
    valid = geometry if geometry.is_valid else shapely.make_valid(geometry)
    parts = [part for part in _parts(valid) if isinstance(part, shapely.Polygon) and part.area > 0]
    if not parts:
        raise InvalidError("the area is empty: draw a polygon with an extent")
    return MultiPolygon([Polygon(*_rings(part)) for part in parts], srid=4326)


def _parts(geometry: BaseGeometry) -> Iterator[BaseGeometry]:
    for part in shapely.get_parts(geometry):
        if part.geom_type in {"GeometryCollection", "MultiPolygon"}:
            yield from _parts(part)
        else:
            yield part


def _rings(polygon: shapely.Polygon) -> list[list[tuple[float, float]]]:
    rings = [polygon.exterior, *polygon.interiors]
    return [[(float(x), float(y)) for x, y in shapely.get_coordinates(ring)] for ring in rings]


def area_from_geojson(value: Any) -> MultiPolygon:
    """A GeoJSON Polygon or MultiPolygon, a Feature or a FeatureCollection of them, as one area in degrees.

    Raises:
        InvalidError: anything else, coordinates that are no longitude and latitude, or an area over the antimeridian.
    """
    try:
        shape = shapely.union_all([shapely.make_valid(_polygon(geometry)) for geometry in _geometries(value)])
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, ShapelyError) as error:
        raise InvalidError("the area is no GeoJSON polygon: give a Polygon or MultiPolygon in degrees") from error
    return _within_the_grid(to_multipolygon(shape))


def _within_the_grid(area: MultiPolygon) -> MultiPolygon:
    """The area itself.

    Raises:
        InvalidError: it reaches beyond the grid, or over the antimeridian.
    """
    west, south, east, north = area.extent
    if not (west >= -180 and east <= 180 and south >= -80 and north <= 80):
        raise InvalidError("the area must lie between 180 W and 180 E and between 80 S and 80 N, longitude first")
    if east - west > 180:
        raise InvalidError("the area crosses the antimeridian: make one region on each side of it")
    return area


def _geometries(value: Any) -> list[dict[str, Any]]:
    if value["type"] == "FeatureCollection":
        return [feature["geometry"] for feature in value["features"]]
    return [value["geometry"] if value["type"] == "Feature" else value]


def _polygon(geometry: dict[str, Any]) -> BaseGeometry:
    if geometry["type"] not in {"Polygon", "MultiPolygon"}:
        raise ValueError(geometry["type"])
    shape = shapely.force_2d(shapely.from_geojson(json.dumps(geometry)))
    coordinates = shapely.get_coordinates(shape)
    if len(coordinates) > MAX_AREA_VERTICES:
        raise InvalidError(f"the area has more than {MAX_AREA_VERTICES} vertices: simplify it")
    if not shapely.is_valid_input(shape) or not (abs(coordinates) < 1e6).all():
        raise ValueError("coordinates out of range")
    return shape


def area_from_file(path: Path) -> MultiPolygon:
    """The area of a GeoJSON file, as the library reads it: its polygons, whatever else lies beside them.

    Raises:
        InvalidError: the file can't be read as an area.
    """
    try:
        area = read_area(path)
    except MlcoreError as error:
        raise InvalidError(str(error)) from error
    return _within_the_grid(to_multipolygon(area))


def grid_zoom(resolution_m: float, lat: float) -> int:
    """The zoom of a region's grid for imagery of this resolution (metres on the ground per pixel)."""
    try:
        zoom = zoom_for_resolution(max(resolution_m, FINEST_M), lat)
    except (MlcoreError, ValueError) as error:
        raise InvalidError(f"no grid fits a resolution of {resolution_m} m/px at latitude {lat}") from error
    return min(max(zoom, ZOOM_RANGE[0]), ZOOM_RANGE[1])


def map_feature_of(row: Footprint | MapFeature) -> LibraryFeature:
    """A row as the library's feature, with everything an edit needs."""
    extra: dict[str, Any] = {}
    if isinstance(row, Footprint):
        extra["nodes"] = nodes_of(row.nodes)
        extra["members"] = tuple(MemberRef(*member) for member in row.members)
        extra["ways"] = ways_of(row.ways or ())
        extra["in_relation"] = row.in_relation
    kind: Any = "building" if isinstance(row, Footprint) else row.kind
    osm_type: Any = row.osm_type or None
    return LibraryFeature(
        kind=kind,
        geometry=to_shapely(row.geometry),
        tags=row.tags,
        osm_type=osm_type,
        osm_id=row.osm_id,
        version=row.version,
        timestamp=row.edited_at,
        **extra,
    )


def parts_of(feature: LibraryFeature) -> tuple[list[Any], list[Any], list[Any] | None]:
    """Nodes, members and member ways of a building as its row keeps them; ways are None but for a relation."""
    members = [[m.type, m.ref, m.role, *([True] if m.building else [])] for m in feature.members]
    ways = [[w.id, w.version, dict(w.tags), _nodes(w.nodes), w.used] for w in feature.ways]
    return _nodes(feature.nodes), members, ways if feature.members else None


def _nodes(nodes: Iterable[NodeRef]) -> list[list[Any]]:
    return [[node.id, node.version, node.lon, node.lat, node.shared, node.tagged] for node in nodes]


def features_of(snapshot: MapSnapshot) -> Iterator[LibraryFeature]:
    """Every feature of a snapshot: buildings first, then the rest, each in the order of import."""
    rows: Iterable[QuerySet[Any]] = (
        Footprint.objects.filter(snapshot=snapshot).order_by("pk"),
        MapFeature.objects.filter(snapshot=snapshot).order_by("pk"),
    )
    for queryset in rows:
        for row in queryset.iterator(chunk_size=5000):
            yield map_feature_of(row)


def drawn_feature(kind: Any, wkb: bytes, tags: dict[str, str]) -> LibraryFeature:
    """A feature as far as drawing needs it."""
    return LibraryFeature(kind=kind, geometry=shapely.from_wkb(wkb), tags=tags)
