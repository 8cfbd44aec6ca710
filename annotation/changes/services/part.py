"""A person cuts a building in two, or makes it one with the building beside it; undone with the answer."""

from __future__ import annotations

import json
from typing import Any

from django.contrib.gis.geos import GEOSGeometry, LineString
from django.db.models import F
from django.db.models.functions import Now

from annotation.accounts.models import User
from annotation.changes.cutting import halves, made_one
from annotation.changes.errors import BuildingTakenError
from annotation.changes.models import LEAVING, Change, ChangeKind
from annotation.changes.services.mapped_meanwhile import withdraw_mapped
from annotation.common.errors import InvalidError
from annotation.review.models import ItemState, QueueItem
from annotation.sources.engine import to_geos, to_shapely
from annotation.sources.models import Footprint

MOST_PLACES = 50


def cut_of(change: Change, shape: GEOSGeometry, value: Any) -> LineString:
    """The line that cuts the shape in two, checked.

    Raises:
        InvalidError: it is no line, or does not cut this outline into two buildings.
    """
    _refuse_removal(change, "is cut in two")
    if not isinstance(value, list) or not 2 <= len(value) <= MOST_PLACES:
        raise InvalidError(f"a cut is a list of 2 to {MOST_PLACES} places, each [longitude, latitude]")
    try:
        line = GEOSGeometry(json.dumps({"type": "LineString", "coordinates": value}), srid=4326)
    except Exception as error:  # GDAL's and GEOS' own, of what is no list of numbers
        raise InvalidError("every place of a cut must be [longitude, latitude]") from error
    if shape.geom_type != "Polygon" or len(shape.coords) != 1:  # type: ignore[attr-defined]
        raise InvalidError("only one outline without courtyards is cut in two: fill them first")
    base = change.footprint
    if base is not None and (base.osm_type == "relation" or base.in_relation):
        raise InvalidError(f"{base.key} is, or is named by, a relation: split it in JOSM")
    halves(shape.coords[0], line.coords)  # type: ignore[attr-defined]
    flat = [(x, y) for x, y, *_ in line.coords]  # type: ignore[attr-defined]  # GeoJSON may have heights
    return LineString(flat, srid=4326)


def neighbour_of(change: Change, key: Any) -> Footprint:
    """The building of the scanned map that a suggestion is to become one with.

    Raises:
        InvalidError: the map has no such building, or it is no single way.
    """
    _refuse_removal(change, "is made one with another")
    kind, _, number = key.partition("/") if isinstance(key, str) else ("", "", "")
    if kind != "way" or not number.isdecimal() or len(number) > 18:
        raise InvalidError("a building is made one with a way of the map, named such as way/12")
    found = Footprint.objects.filter(snapshot=change.scan.snapshot_id, osm_type=kind, osm_id=int(number)).first()
    if found is None or found.object_id == change.object_id:
        raise InvalidError(f"the scanned map has no other building {key}: choose one beside it")
    for one in (found, change.footprint):
        if one is not None and (one.osm_type != "way" or _holes(one.geometry)):
            raise InvalidError(f"{one.key} is a multipolygon: make it one with its neighbour in JOSM")
    return found


def shape_of_both(shape: GEOSGeometry, other: Footprint) -> GEOSGeometry:
    """The outline of the two.

    Raises:
        InvalidError: they have no wall in common.
    """
    return to_geos(made_one(to_shapely(shape), to_shapely(other.geometry)))


def set_aside(change: Change, user: User, other: Footprint) -> list[int]:
    """Take open suggestions about the other building out of the queue, as it is no building by itself any more.

    Raises:
        BuildingTakenError: somebody answered one in a way that edits the map, or has it on their screen.
    """
    about = QueueItem.objects.filter(
        change__object=other.object_id, change__scan__region=change.scan.region_id, change__edit_items__isnull=True
    ).exclude(pk=change.item_id)
    both = [one for one in (other.pk, change.footprint_id) if one is not None]
    list(Footprint.objects.select_for_update(no_key=True).filter(pk__in=both).order_by("pk").values_list("pk"))
    there = set(about.filter(state=ItemState.OPEN).values_list("pk", flat=True))
    free = about.filter(pk__in=there, state=ItemState.OPEN, not_for=None).exclude(
        lease_expires_at__gt=Now(), lease_holder__isnull=False
    ) | about.filter(pk__in=there, state=ItemState.OPEN, not_for=None, lease_holder=user)
    locked = list(free.order_by("pk").select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
    if set(locked) != there:
        raise BuildingTakenError(f"somebody looks at a suggestion about {other.key} right now: try again in a moment")
    if _answered(change, other):  # once they are locked, so that no answer comes between
        raise BuildingTakenError(
            f"an answer about {other.key} edits it already: take that back first, or leave the two buildings apart"
        )
    QueueItem.objects.filter(pk__in=locked).update(
        state=ItemState.WITHDRAWN, lease_holder=None, lease_expires_at=None, version=F("version") + 1
    )
    return locked


def put_back(change: Change) -> None:
    """Suggestions that were set aside for this answer come back, but for what the newest map says by now."""
    if not change.set_aside:
        return
    waiting = QueueItem.objects.filter(pk__in=change.set_aside, state=ItemState.WITHDRAWN, change__in_map_at=None)
    newest = Change.objects.filter(scan__region=change.scan.region_id, scan__gt=change.scan_id)
    if not newest.exists():
        locked = list(waiting.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
        QueueItem.objects.filter(pk__in=locked).update(state=ItemState.OPEN, version=F("version") + 1)
        withdraw_mapped(Change.objects.filter(item__in=locked), change.scan.region_id)


def _answered(change: Change, other: Footprint) -> bool:
    """Whether an answer in force about the other building, or one that makes it one with another, edits this map's."""
    answers = Change.objects.filter(item__decision__in=LEAVING, item__state=ItemState.DECIDED).exclude(pk=change.pk)
    return answers.filter(footprint=other).exists() or answers.filter(merged=other).exists()


def _refuse_removal(change: Change, what: str) -> None:
    if change.kind == ChangeKind.REMOVE:
        raise InvalidError(f"a building that goes {what} by nobody: reject the removal first")


def _holes(shape: GEOSGeometry) -> bool:
    return shape.geom_type != "Polygon" or len(shape.coords) != 1  # type: ignore[attr-defined]
