"""What of a map is read from the database to draw one tile, at every zoom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.gis.db.models.functions import AsWKB
from django.contrib.gis.geos import Polygon
from django.db import connection
from django.db.models import Count, FloatField, Func, Q, QuerySet
from django.db.models.fields.json import KT

from annotation.sources.engine import LibraryFeature, drawn_feature
from annotation.sources.models import FeatureKind, Footprint, MapFeature, MapSnapshot
from annotation.tiles.engine import TileAddress

BUILDINGS_FROM_ZOOM = 14
MINOR_FROM_ZOOM = 13
MAJOR_ROADS = ("motorway", "trunk", "primary", "secondary", "motorway_link", "trunk_link", "primary_link")
MARGIN = 0.1
"""Share of the tile's side that lines and outlines may reach in from outside."""
LEAST_PX = 2
"""Areas smaller than this are left out at low zooms."""
MVT_SQL = """
WITH bounds AS (SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS geom),
found AS (
    SELECT ST_AsMVTGeom(ST_Transform(
               -- the projection ends before the poles: what lies beyond is cut off, since it can't be projected
               CASE WHEN ST_YMax(f.geometry) > 85.06 OR ST_YMin(f.geometry) < -85.06
                    THEN ST_ClipByBox2D(f.geometry, ST_MakeEnvelope(-180, -85.06, 180, 85.06, 4326))
                    ELSE f.geometry END, 3857), bounds.geom, 4096, 64, true) AS geom,
           f.id, f.osm_type || '/' || f.osm_id AS key, f.version, f.tags ->> 'building' AS building
    FROM sources_footprint f, bounds
    WHERE f.snapshot_id = %(snapshot)s AND f.geometry && ST_Transform(bounds.geom, 4326)
)
SELECT ST_AsMVT(found.*, 'footprints', 4096, 'geom') FROM found WHERE geom IS NOT NULL
"""


def features_on(snapshot: MapSnapshot, address: TileAddress) -> Iterator[LibraryFeature]:
    """Features to draw on a tile: fewer kinds and only the larger ones at low zooms."""
    west, south, east, north = address.bounds_lonlat
    pad_x, pad_y = (east - west) * MARGIN, (north - south) * MARGIN
    box = Polygon.from_bbox((west - pad_x, south - pad_y, east + pad_x, north + pad_y))
    box.srid = 4326
    around: dict[str, Any] = {"snapshot": snapshot, "geometry__bboverlaps": box}
    others: QuerySet[MapFeature] = MapFeature.objects.filter(**around)
    if address.z < MINOR_FROM_ZOOM:
        others = _larger_only(others, address)
    for kind, wkb, tags in others.order_by("pk").values_list("kind", AsWKB("geometry"), "tags"):
        yield drawn_feature(kind, bytes(wkb), tags)
    if address.z >= BUILDINGS_FROM_ZOOM:
        buildings = Footprint.objects.filter(**around).order_by("pk")
        for wkb, tags in buildings.values_list(AsWKB("geometry"), "tags"):
            yield drawn_feature("building", bytes(wkb), tags)


MOST_STREETS = 3


def streets_on(snapshot: MapSnapshot, address: TileAddress) -> list[str]:
    """Names of roads that cross a tile, at most MOST_STREETS, those of the most lines on it first.

    What is read are the roads on the tile, by their index, however large the map is.
    """
    box = Polygon.from_bbox(address.bounds_lonlat)
    box.srid = 4326
    roads = MapFeature.objects.filter(snapshot=snapshot, kind=FeatureKind.ROAD, geometry__intersects=box)
    named = roads.filter(tags__has_key="name").annotate(name=KT("tags__name")).exclude(name="").values("name")
    return [one["name"] for one in named.annotate(lines=Count("pk")).order_by("-lines", "name")[:MOST_STREETS]]


def _larger_only(features: QuerySet[MapFeature], address: TileAddress) -> QuerySet[MapFeature]:
    west, _, east, _ = address.bounds_lonlat
    least_degrees = LEAST_PX * (east - west) / 256
    large = features.extra(
        where=["ST_XMax(geometry) - ST_XMin(geometry) + ST_YMax(geometry) - ST_YMin(geometry) > %s"],
        params=[least_degrees],
    )
    kept = Q(kind__in=[FeatureKind.WATER, FeatureKind.GREEN, FeatureKind.RAIL])
    return large.filter(kept | Q(kind=FeatureKind.ROAD, tags__highway__in=MAJOR_ROADS))


def _side(function: str) -> Func:
    return Func("geometry", function=function, output_field=FloatField())


def footprints_mvt(snapshot: MapSnapshot, address: TileAddress) -> bytes:
    """The footprints of a tile as a Mapbox vector tile with one layer, `footprints`; empty where there are none."""
    if address.z < BUILDINGS_FROM_ZOOM:
        return b""
    with connection.cursor() as cursor:
        cursor.execute(MVT_SQL, {"z": address.z, "x": address.x, "y": address.y, "snapshot": snapshot.pk})
        row = cursor.fetchone()
    return bytes(row[0]) if row and row[0] else b""
