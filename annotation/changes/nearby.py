"""The buildings around a suggestion: what its shape may lean on, and must not lie over."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from django.contrib.gis.geos import GEOSGeometry, Polygon
from django.db.models import Exists, OuterRef, Q, QuerySet

from annotation.changes.models import Change, ChangeDecision
from annotation.changes.selectors import geojson
from annotation.review.models import ItemState
from annotation.sources.models import Footprint

METRES_PER_DEGREE = 111_320.0
NEAR_M = 25.0
MOST = 400
LEAST_OVERLAP_M2 = 0.2
"""Less is what rounding to seven digits makes of a wall in common."""


@dataclass(frozen=True)
class Overlap:
    """A building of the map that a shape lies over, and by how much more than the map or the proposal did."""

    key: str
    square_m: float


def neighbours(change: Change) -> list[dict[str, Any]]:
    """Outlines of other buildings of the scanned map within `NEAR_M` of the suggestion, as `{key, geometry}`."""
    boxes = [change.geometry.extent] + ([change.footprint.geometry.extent] if change.footprint else [])
    west, south, east, north = zip(*boxes, strict=True)
    up = NEAR_M / METRES_PER_DEGREE
    across = up / math.cos(math.radians(change.geometry.centroid.y))
    around = Polygon.from_bbox((min(west) - across, min(south) - up, max(east) + across, max(north) + up))
    around.srid = 4326
    rows = _others(change).filter(geometry__intersects=around).order_by("pk")[:MOST]
    return [{"key": row.key, "geometry": geojson(row.geometry)} for row in rows]


def overlaps(change: Change, shape: GEOSGeometry) -> list[Overlap]:
    """The buildings that a drawn shape lies over, the most first.

    What the map's own shape or the proposal shared with a building already is no fault of who draws. Buildings that
    are suggested to be changed or gone, or that people accepted as such, don't count: where they end is in question.
    """
    before = [change.geometry] + ([change.footprint.geometry] if change.footprint else [])
    return _over(change, shape, _others(change), before)


def overlaps_anew(change: Change, shape: GEOSGeometry, snapshot_id: int) -> list[Overlap]:
    """The same of a newer map: buildings that the scanned one lacked, or had in another shape; the proposal counts."""
    stood = Footprint.objects.filter(
        snapshot=change.scan.snapshot_id, object=OuterRef("object"), geometry__equals=OuterRef("geometry")
    )
    before = [change.footprint.geometry] if change.footprint else []
    return _over(change, shape, _others(change, snapshot_id).exclude(Exists(stood)), before)


def _over(
    change: Change, shape: GEOSGeometry, others: QuerySet[Footprint], before: list[GEOSGeometry]
) -> list[Overlap]:
    doubted = Change.objects.filter(scan=change.scan_id, object=OuterRef("object")).filter(
        Q(item__state=ItemState.OPEN) | Q(item__decision=ChangeDecision.ACCEPT)
    )
    rows = others.exclude(Exists(doubted)).filter(geometry__intersects=shape)
    found = []
    for row in rows:
        shared = _square_m(shape, row.geometry) - max((_square_m(one, row.geometry) for one in before), default=0.0)
        if shared > LEAST_OVERLAP_M2:
            found.append(Overlap(row.key, shared))
    return sorted(found, key=lambda one: -one.square_m)


def _others(change: Change, snapshot_id: int | None = None) -> QuerySet[Footprint]:
    rows = Footprint.objects.filter(snapshot=snapshot_id or change.scan.snapshot_id)
    rows = rows.only("osm_type", "osm_id", "geometry", "object")
    return rows.exclude(object=change.object_id) if change.object_id else rows


def _square_m(first: GEOSGeometry, second: GEOSGeometry) -> float:
    shared = first.intersection(second)
    scale = METRES_PER_DEGREE**2 * math.cos(math.radians(second.extent[1]))
    return float(shared.area) * scale
