"""Reads of suspected changes: lists, one change, and what the queue's page needs of it."""

import json
from collections.abc import Collection, Sequence
from typing import Any

from django.contrib.gis.db.models import GeometryField
from django.contrib.gis.db.models.functions import AsGeoJSON
from django.contrib.gis.geos import GEOSGeometry
from django.db.models import Exists, F, Func, OuterRef, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils import timezone

from annotation.accounts.models import User
from annotation.anchors.models import Anchor
from annotation.changes.facets import Wanted, wish_of
from annotation.changes.models import Change
from annotation.changes.objects import Base, edited_since, states_in
from annotation.changes.standing import standing_of
from annotation.common.errors import NotFoundError
from annotation.common.keyset import Cursor, Page
from annotation.common.shapes import SIDES, Side
from annotation.consistency.models import Scan, TileScore
from annotation.learning.selectors import shown_model
from annotation.review.lists import page_of
from annotation.review.models import ItemState, QueueItem, Verdict
from annotation.sources.engine import shown_imagery, shown_snapshot
from annotation.sources.models import Footprint, MapSnapshot, Region
from annotation.sources.selectors import newest_snapshot_id, visible_regions

PLAIN = (
    "id", "item", "scan", "kind", "confidence", "state", "decision", "version", "decided_by", "decided_at", "exported",
    "created_at", "reason", "comment", "flagged_to",
)  # fmt: skip
"""What a list tells of a change just as the database has it."""
OUTLINE_DEG = 2e-6
"""Corners nearer to the outline than that, 20 cm, are left out of a small picture."""
JOINED = ("z", "x", "y", "osm_type", "osm_id", "digest")


class Drawn(Func):
    """A shape with the corners that a small picture shows; never less than a shape."""

    function, output_field = "ST_SimplifyPreserveTopology", GeometryField(srid=4326)
    template = f"%(function)s(%(expressions)s, {OUTLINE_DEG})"


def changes_of(region: Region) -> QuerySet[Change]:
    """A region's changes with what is shown of them one by one."""
    rows = with_answer(Change.objects.filter(scan__region=region))
    return rows.select_related("item", "item__decided_by", "item__assigned_to", "footprint", "pair__tile")


def with_answer(changes: QuerySet[Change]) -> QuerySet[Change]:
    """With reason and comment of the answer in force, and whether a changeset holds it."""
    return changes.annotate(exported=Exists(_in_changeset()), **_said())


def _said() -> dict[str, Subquery]:
    """Reason and comment of the answer in force."""
    answers = Verdict.objects.in_force().filter(item=OuterRef("item"))
    return {name: Subquery(answers.values(name)[:1]) for name in ("reason", "comment")}


def _in_changeset() -> QuerySet[Change]:
    return Change.objects.filter(pk=OuterRef("pk"), edit_items__isnull=False)


def listed(region: Region, items: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The rows of a list by item, read as plain values: a page may hold hundreds of them."""
    shape = Coalesce("adjusted", "geometry")
    rows = with_answer(Change.objects.filter(scan__region=region, item__in=items)).annotate(
        flagged_to=F("item__assigned_to__username"),
        **{side: Side(shape, function=f"ST_{side}") for side in SIDES},
        outline=AsGeoJSON(Drawn(shape), precision=7),
        z=F("pair__tile__z"), x=F("pair__tile__x"), y=F("pair__tile__y"),
        osm_type=F("object__osm_type"), osm_id=F("object__osm_id"), digest=F("object__shape"),
        state=F("item__state"), decision=F("item__decision"), version=F("item__version"),
        decided_by=F("item__decided_by__username"), decided_at=F("item__decided_at"),
    )  # fmt: skip
    return {row["item"]: _row(row) for row in rows.values(*PLAIN, *SIDES, *JOINED, "outline")}


def _row(found: dict[str, Any]) -> dict[str, Any]:
    key = f"{found['osm_type']}/{found['osm_id']}" if found["osm_id"] is not None else f"shape/{found['digest']}"
    return {
        **{name: found[name] for name in PLAIN},
        "reason": found["reason"] or "",
        "comment": found["comment"] or "",
        "key": None if found["osm_type"] is None else key,
        "tile": {name: found[name] for name in ("z", "x", "y")},
        "bbox": [found[side] for side in SIDES],
        "outline": json.loads(found["outline"]),
    }


def current_changes(region: Region) -> QuerySet[Change]:
    """Changes that no newer scan replaced."""
    return changes_of(region).exclude(item__state=ItemState.WITHDRAWN)


def page_of_changes(region: Region, wanted: Wanted, cursor: Cursor | None, size: int) -> Page[dict[str, Any]]:
    """One page of a region's changes with what a list shows of them, as the API gives it."""
    page = page_of("changes", region.pk, wish_of(region.pk, wanted), wanted.ordering, cursor, size)
    rows = listed(region, page.rows)
    return Page([rows[pk] for pk in page.rows if pk in rows], page.next, page.previous)


def plain_changes(region: Region, wanted: Wanted) -> QuerySet[Change]:
    """Every change that is wanted, in the order they were found in, without anything beside them: for files of many."""
    return Change.objects.filter(item__in=items_that_fit(region, wanted)).order_by("pk")


def items_that_fit(region: Region, wanted: Wanted) -> QuerySet[QueueItem]:
    """The queue's items of every change that is wanted."""
    wish = wish_of(region.pk, wanted)
    items = QueueItem.objects.filter(stage="changes", scope_id=region.pk, state__in=wish.states)
    if wanted.decisions or wanted.exported:
        items = items.filter(decision__in=wish.decisions)
    return wish.narrow(items.filter(kind__in=wish.kinds))


def marks_on_map(region: Region, wanted: Wanted, most: int) -> tuple[list[dict[str, Any]], bool]:
    """Where the wanted changes lie, the first of their order: {id, kind, confidence, state, decision, lon, lat}.

    Returns:
        At most `most` of them, and whether there are more.
    """
    page = page_of("changes", region.pk, wish_of(region.pk, wanted), wanted.ordering, None, most)
    shape = Coalesce("adjusted", "geometry")
    sides = {side: Side(shape, function=f"ST_{side}") for side in SIDES}
    known = RawSQL("SELECT unnest(%s::bigint[])", [page.rows])
    rows = Change.objects.filter(item__in=known).annotate(**sides, state=F("item__state"), decision=F("item__decision"))
    found = rows.values("id", "item", "kind", "confidence", "state", "decision", *SIDES)
    by_item = {row.pop("item"): row for row in found}
    return [_mark(by_item[pk]) for pk in page.rows if pk in by_item], page.next is not None


def _mark(row: dict[str, Any]) -> dict[str, Any]:
    west, south, east, north = (row.pop(side) for side in SIDES)
    return {**row, "lon": round((west + east) / 2, 7), "lat": round((south + north) / 2, 7)}


def shape_after(change: Change) -> GEOSGeometry:
    """What would stand: as a person drew it, or as proposed; where a person said that it stands, as mapped."""
    if change.confirmed_on is not None and change.footprint is not None:
        return change.footprint.geometry
    return change.adjusted or change.geometry


def models_behind(region_id: int) -> list[int]:
    """The models whose scans of a region suggested anything, the newest first."""
    scans = Scan.objects.filter(Exists(Change.objects.filter(scan=OuterRef("pk"))), region=region_id)
    return sorted(set(scans.values_list("model", flat=True)), reverse=True)


def get_change(user: User, change_id: int) -> Change:
    """The change, or NotFoundError where it is missing or in a region the person may not see."""
    rows = with_subject(Change.objects.filter(pk=change_id, scan__region__in=visible_regions(user)))
    change = rows.select_related("item__decided_by").first()
    if change is None:
        raise NotFoundError("there is no such change, or you are not a member of its region")
    return change


def place_in_queue(user: User, region_id: int, change_id: int) -> QueueItem | None:
    """The queue's item of a change of this region; None where there is no such change, or not for this person."""
    changes = Change.objects.filter(pk=change_id, scan__region=region_id, scan__region__in=visible_regions(user))
    return QueueItem.objects.filter(change__in=changes).first()


def with_subject(rows: QuerySet[Change]) -> QuerySet[Change]:
    """The rows with everything `subject` reads, in one query."""
    scores = TileScore.objects.filter(scan=OuterRef("scan"), pair=OuterRef("pair"))
    anchors = Anchor.objects.filter(pair=OuterRef("pair")).order_by("-created_at")
    rows = rows.annotate(
        probability=Subquery(scores.values("probability")[:1]), anchor_summary=Subquery(anchors.values("summary")[:1]),
        confirms=F("scan__region__confirm_standing"),
    )  # fmt: skip
    beside = ("item", "footprint", "merged", "pair__tile", "scan__imagery", "scan__snapshot", "scan__model__run")
    return rows.select_related(*beside).defer(
        "fingerprint", "scan__model__about", "scan__model__metrics", "scan__model__run__config",
        "scan__model__run__metrics", "scan__imagery__footprint", "scan__imagery__repairs", "scan__snapshot__coverage",
        "scan__snapshot__repairs", "footprint__nodes", "footprint__members", "footprint__ways",
        "merged__nodes", "merged__members", "merged__ways", "merged__geometry", "merged__tags",
    )  # fmt: skip


def subject_of_item(item: QueueItem) -> dict[str, Any]:
    """The queue's view of an item of this stage."""
    return subject(with_subject(Change.objects.filter(item=item)).get())


def pages_of_items(items: Collection[int]) -> dict[int, str]:
    """The page of the change that each item is about."""
    rows = Change.objects.filter(item__in=items).values_list("item", "scan__region", "pk")
    return {item: reverse("change", args=place) for item, *place in rows}


def geojson(geometry: GEOSGeometry) -> dict[str, Any]:
    """A GEOS polygon or multipolygon as a GeoJSON geometry, in full precision."""
    return {"type": geometry.geom_type, "coordinates": geometry.coords}  # type: ignore[attr-defined]


def subject(change: Change) -> dict[str, Any]:
    """Everything the queue's page shows of one change."""
    imagery, snapshot, footprint = change.scan.imagery, change.scan.snapshot, change.footprint
    shown: Any = change  # annotated by `with_subject`
    tile, newer = change.pair.tile, newer_map(change)
    states = newer[1] if newer else None
    standing = standing_of(change, states, timezone.now().date()) if shown.confirms else None
    return {
        "id": change.pk,
        "kind": change.kind,
        "geometry": geojson(change.geometry),
        "adjusted": geojson(change.adjusted) if change.adjusted else None,
        "cut": change.cut.coords if change.cut is not None else None,
        "merged": change.merged.key if change.merged is not None else None,
        "footprint": _footprint(footprint) if footprint else None,
        "confidence": change.confidence,
        "evidence": change.evidence,
        "tile": {"z": tile.z, "x": tile.x, "y": tile.y},
        "probability": shown.probability,
        "imagery": shown_imagery(imagery),
        "snapshot": shown_snapshot(snapshot),
        "bbox": _bbox(change),
        "older_than_edit": older_than_edit(change),
        "newest_map": _said_by(newer, change) if newer else None,
        "standing": vars(standing) if standing else None,
        "second": change.item.state == ItemState.OPEN and change.item.not_for_id is not None,
        "model": shown_model(change.scan.model),
        "anchor": shown.anchor_summary,
    }


def newer_map(change: Change) -> tuple[MapSnapshot, dict[int, Footprint]] | None:
    """A map newer than the scanned one, with the building of the change by object where that map has it."""
    if change.footprint is None or change.object_id is None:
        return None
    newest_id = newest_snapshot_id(change.scan.region_id)
    if newest_id is None or newest_id == change.scan.snapshot_id:
        return None
    newest = MapSnapshot.objects.get(pk=newest_id)
    return newest, states_in(newest, [change.object_id])


def _said_by(newer: tuple[MapSnapshot, dict[int, Footprint]], change: Change) -> dict[str, Any] | None:
    """What the newer map says of the building: gone or edited; None where it says nothing new."""
    if change.footprint is None or change.object_id is None:
        return None
    newest, states = newer
    state = states.get(change.object_id)
    if not edited_since(Base(change.object_id, change.footprint.version, change.footprint.geometry), state):
        return None
    return {"snapshot": newest.pk, "state": "gone" if state is None else "edited", "taken_at": newest.taken_at}


def said_by_newer_map(change: Change) -> dict[str, Any] | None:
    """What a map newer than the scanned one says of the building; None where it says nothing new."""
    newer = newer_map(change)
    return _said_by(newer, change) if newer else None


def older_than_edit(change: Change) -> bool:
    """Whether the image was taken before the object was last edited in the map."""
    captured_on = change.scan.imagery.captured_on
    edited_at = change.footprint.edited_at if change.footprint else None
    return bool(captured_on and edited_at and captured_on < edited_at.date())


def _footprint(footprint: Footprint) -> dict[str, Any]:
    return {
        "key": footprint.key,
        "geometry": geojson(footprint.geometry),
        "tags": footprint.tags,
        "version": footprint.version,
        "edited_at": footprint.edited_at,
        "in_relation": footprint.in_relation,
    }


def _bbox(change: Change) -> list[float]:
    boxes = [change.geometry.extent]
    boxes += [change.adjusted.extent] if change.adjusted else []
    boxes += [change.footprint.geometry.extent] if change.footprint else []
    west, south, east, north = zip(*boxes, strict=True)
    return [min(west), min(south), max(east), max(north)]
