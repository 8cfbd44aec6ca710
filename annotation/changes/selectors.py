"""Reads of suspected changes: lists, one change, and what the queue's page needs of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.gis.geos import GEOSGeometry
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from annotation.accounts.models import User
from annotation.anchors.models import Anchor
from annotation.changes.models import Change, ChangeDecision, ChangeKind
from annotation.changes.objects import Base, edited_since, states_in
from annotation.common.errors import NotFoundError
from annotation.common.keyset import Cursor, Page
from annotation.consistency.models import TileScore
from annotation.learning.selectors import shown_model
from annotation.review.lists import Wish, page_of
from annotation.review.models import ItemState, QueueItem
from annotation.sources.engine import shown_imagery, shown_snapshot
from annotation.sources.models import Footprint, Region
from annotation.sources.selectors import newest_snapshot, visible_regions


def changes_of(region: Region) -> QuerySet[Change]:
    """A region's changes with what a list shows of them."""
    in_changeset = Change.objects.filter(pk=OuterRef("pk"), edit_items__isnull=False)
    rows = Change.objects.filter(scan__region=region).annotate(exported=Exists(in_changeset))
    return rows.select_related("item", "item__decided_by", "footprint", "pair__tile")


def current_changes(region: Region) -> QuerySet[Change]:
    """Changes that no newer scan replaced."""
    return changes_of(region).exclude(item__state=ItemState.WITHDRAWN)


@dataclass(frozen=True)
class Wanted:
    """Which changes a list holds, in which order. Without a state: those that no newer scan replaced."""

    kinds: Sequence[str] = ()
    states: Sequence[str] = ()
    decisions: Sequence[str] = ()
    min_confidence: float | None = None
    max_confidence: float | None = None
    scan: int | None = None
    exported: bool | None = None
    ordering: str = "newest"


def page_of_changes(region: Region, wanted: Wanted, cursor: Cursor | None, size: int) -> Page[Change]:
    """One page of a region's changes with what a list shows of them."""

    def narrow(items: QuerySet[QueueItem]) -> QuerySet[QueueItem]:
        if wanted.min_confidence is not None:
            items = items.filter(priority__gte=wanted.min_confidence)
        if wanted.max_confidence is not None:
            items = items.filter(priority__lte=wanted.max_confidence)
        if wanted.scan is not None:
            items = items.filter(change__scan=wanted.scan)
        if wanted.exported is not None:
            held = Exists(Change.objects.filter(item=OuterRef("pk"), edit_items__isnull=False))
            items = items.filter(held if wanted.exported else ~held)
        return items

    states = wanted.states or (ItemState.OPEN.value, ItemState.DECIDED.value)
    if wanted.decisions:
        states = [one for one in states if one == ItemState.DECIDED]
    wish = Wish(wanted.kinds or ChangeKind.values, states, wanted.decisions or ChangeDecision.values, narrow)
    page = page_of("changes", region.pk, wish, wanted.ordering, cursor, size)
    rows = {change.item_id: change for change in changes_of(region).filter(item__in=page.rows)}
    return Page([rows[pk] for pk in page.rows if pk in rows], page.next, page.previous)


def get_change(user: User, change_id: int) -> Change:
    """The change, or NotFoundError where it is missing or in a region the person may not see."""
    rows = with_subject(Change.objects.filter(pk=change_id, scan__region__in=visible_regions(user)))
    change = rows.first()
    if change is None:
        raise NotFoundError("there is no such change, or you are not a member of its region")
    return change


def with_subject(rows: QuerySet[Change]) -> QuerySet[Change]:
    """The rows with everything `subject` reads, in one query."""
    scores = TileScore.objects.filter(scan=OuterRef("scan"), pair=OuterRef("pair"))
    anchors = Anchor.objects.filter(pair=OuterRef("pair")).order_by("-created_at")
    rows = rows.annotate(
        probability=Subquery(scores.values("probability")[:1]), anchor_summary=Subquery(anchors.values("summary")[:1])
    )
    return rows.select_related(
        "item",
        "item__decided_by",
        "footprint",
        "pair__tile",
        "scan__imagery",
        "scan__snapshot",
        "scan__region",
        "scan__model__run",
    )


def subject_of_item(item: QueueItem) -> dict[str, Any]:
    """The queue's view of an item of this stage."""
    return subject(with_subject(Change.objects.filter(item=item)).get())


def geojson(geometry: GEOSGeometry) -> dict[str, Any]:
    """A GEOS polygon or multipolygon as a GeoJSON geometry, in full precision."""
    return {"type": geometry.geom_type, "coordinates": geometry.coords}  # type: ignore[attr-defined]


def subject(change: Change) -> dict[str, Any]:
    """Everything the queue's page shows of one change."""
    imagery, snapshot, footprint = change.scan.imagery, change.scan.snapshot, change.footprint
    shown: Any = change  # annotated by `with_subject`
    tile = change.pair.tile
    return {
        "id": change.pk,
        "kind": change.kind,
        "geometry": geojson(change.geometry),
        "adjusted": geojson(change.adjusted) if change.adjusted else None,
        "footprint": _footprint(footprint) if footprint else None,
        "confidence": change.confidence,
        "evidence": change.evidence,
        "tile": {"z": tile.z, "x": tile.x, "y": tile.y},
        "probability": shown.probability,
        "imagery": shown_imagery(imagery),
        "snapshot": shown_snapshot(snapshot),
        "bbox": _bbox(change),
        "older_than_edit": older_than_edit(change),
        "newest_map": newest_map(change),
        "model": shown_model(change.scan.model),
        "anchor": shown.anchor_summary,
    }


def newest_map(change: Change) -> dict[str, Any] | None:
    """What a newer map than the scanned one says of the building: gone or edited; None where it says nothing new."""
    if change.footprint is None or change.object_id is None:
        return None
    newest = newest_snapshot(change.scan.region)
    if newest is None or newest.pk == change.scan.snapshot_id:
        return None
    state = states_in(newest, [change.object_id]).get(change.object_id)
    base = Base(change.object_id, change.footprint.version, change.footprint.geometry)
    if not edited_since(base, state):
        return None
    return {"state": "gone" if state is None else "edited", "taken_at": newest.taken_at}


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
    }


def _bbox(change: Change) -> list[float]:
    boxes = [change.geometry.extent]
    boxes += [change.adjusted.extent] if change.adjusted else []
    boxes += [change.footprint.geometry.extent] if change.footprint else []
    west, south, east, north = zip(*boxes, strict=True)
    return [min(west), min(south), max(east), max(north)]
