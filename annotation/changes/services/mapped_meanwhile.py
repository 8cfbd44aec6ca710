"""Suggestions that a newer map made needless leave the queue: what it has, has no more, or draws as proposed.

It is heard when its import ends, and again when an admin keeps the region on it, as it may not be the newest of all.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.contrib.gis.db.models import Extent
from django.contrib.gis.geos import GEOSGeometry, Polygon
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from annotation.changes.models import Change, ChangeKind
from annotation.changes.objects import SHARED_LEAST
from annotation.changes.services.store import WITHDRAWN_AT_ONCE
from annotation.common.shapes import Area, Difference, sharing
from annotation.review.models import ItemState, QueueItem
from annotation.review.services.lease import FREE
from annotation.sources.models import Footprint, MapSnapshot
from annotation.sources.selectors import telling_maps

RESHAPES = (ChangeKind.MODIFY, ChangeKind.SHIFTED)
LEFT = 1 / 3
"""Of the ground by which a proposed shape differs from the scanned map: where a newer one leaves no more, it was put
right, as exactly as people draw."""


def on_map(sender: Any, snapshot: MapSnapshot, **kwargs: Any) -> tuple[dict[str, Any], str]:
    """Hear that a map is stored, in the transaction that ends its import; what it made needless, for the result."""
    closed = withdraw_mapped(Change.objects.filter(scan__region=snapshot.region_id), snapshot.region_id)
    return {"in_the_map_by_now": dict(closed)}, words_of(closed) if closed else ""


def words_of(closed: Counter[str]) -> str:
    """How many were taken out of the queue, in words."""
    number = closed.total()
    return f"{number} {'suggestion is' if number == 1 else 'suggestions are'} in the map by now"


def withdraw_mapped(
    rows: QuerySet[Change], region_id: int, grounds: dict[int, GEOSGeometry] | None = None
) -> Counter[str]:
    """Take out of the queue what of these suggestions of a region a newer map says already; how many, by kind.

    Newer than the scanned one are the newest map of the region, and the one that it is kept on. Nothing that was
    decided is touched. What somebody holds right now is marked instead: they may answer it, nobody else gets it. Call
    it in a transaction.

    Args:
        grounds: where maps are known to be complete, by their ids, kept for who calls several times: of a map without
            coverage all its buildings are read for it.
    """
    grounds = {} if grounds is None else grounds
    closed: Counter[str] = Counter()
    for snapshot_id, older_ids in telling_maps(region_id).items():
        older = rows.filter(scan__region=region_id, item__state=ItemState.OPEN, scan__snapshot__in=older_ids)
        if older.exists():
            newer = MapSnapshot.objects.get(pk=snapshot_id)
            if snapshot_id not in grounds:
                grounds[snapshot_id] = _ground_of(newer)
            closed += _withdraw_said(newer, older, grounds[snapshot_id])
    return closed


def _withdraw_said(newer: MapSnapshot, older: QuerySet[Change], ground: GEOSGeometry) -> Counter[str]:
    closed: Counter[str] = Counter()
    said = sorted(_said_by(newer, older, ground).values_list("item", flat=True))
    for first in range(0, len(said), WITHDRAWN_AT_ONCE):
        # In the order of their ids, as everybody locks several: who answers one just now is waited for, nobody for us.
        items = QueueItem.objects.filter(pk__in=said[first : first + WITHDRAWN_AT_ONCE], state=ItemState.OPEN)
        locked = list(items.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
        found = dict(items.filter(FREE, pk__in=locked).values_list("pk", "kind"))
        items.filter(pk__in=found).update(
            state=ItemState.WITHDRAWN, not_for=None, lease_holder=None, lease_expires_at=None, version=F("version") + 1
        )
        Change.objects.filter(item__in=found).update(in_map_at=timezone.now())
        items.filter(pk__in=locked, outdated=False).update(outdated=True)
        closed.update(found.values())
    return closed


def _said_by(newest: MapSnapshot, older: QuerySet[Change], ground: GEOSGeometry) -> QuerySet[Change]:
    """Of suggestions of older maps: new buildings that this one has, gone ones that it lacks, shapes that it has taken.

    A building that the scanned map had in that place already is no news. One whose object is gone, while another
    stands where it was, was drawn anew and not taken away; outside of what the map holds it may stand yet. A shape is
    taken where little is left of what the scanned map had otherwise.
    """
    there = _covering(Footprint.objects.filter(snapshot=newest))
    before = _covering(Footprint.objects.filter(snapshot=OuterRef("scan__snapshot")))
    kept = Footprint.objects.filter(snapshot=newest, object=OuterRef("object"))
    mapped = Q(kind=ChangeKind.ADD) & there & ~before
    gone = Q(kind=ChangeKind.REMOVE) & ~Exists(kept) & ~there & Q(geometry__coveredby=ground)
    doubted = Area(Difference(OuterRef("footprint__geometry"), OuterRef("geometry")))
    right = kept.annotate(left=Area(Difference("geometry", OuterRef("geometry")))).filter(left__lte=LEFT * doubted)
    taken = Q(kind__in=RESHAPES) & Exists(right)
    return older.filter(mapped | gone | taken)


def _covering(footprints: QuerySet[Footprint]) -> Q:
    """Of an outer change: whether one of these stands in its place, by more than a wall in common."""
    return Q(Exists(sharing(footprints, "geometry", OuterRef("geometry"), SHARED_LEAST)))


def _ground_of(snapshot: MapSnapshot) -> GEOSGeometry:
    """Where the map is known to be complete: its coverage, or at least the box around its buildings."""
    if snapshot.coverage is not None:
        return snapshot.coverage
    west, south, east, north = Footprint.objects.filter(snapshot=snapshot).aggregate(box=Extent("geometry"))["box"] or (
        0.0, 0.0, 0.0, 0.0,
    )  # fmt: skip
    box = Polygon.from_bbox((west, south, east, north))
    box.srid = 4326
    return box
