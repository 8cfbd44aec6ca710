"""Rows of candidates: what they belong to, and their way into the queue in two COPY streams."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from django.utils import timezone

from annotation.changes import engine
from annotation.changes.models import Change, ChangeKind
from annotation.common.copy import copy_rows, draw_ids
from annotation.consistency.models import Scan
from annotation.review.models import ItemState, QueueItem
from annotation.sources.models import Footprint
from annotation.tiles.models import TilePair

STAGE = "changes"
WITHDRAWN_AT_ONCE = 10_000
ITEM = (
    "id", "created_at", "stage", "scope_id", "kind", "priority", "state", "decision", "version", "lease_token",
    "origin_id",
)  # fmt: skip
CHANGE = (
    "created_at", "scan_id", "item_id", "pair_id", "kind", "object_id", "footprint_id", "geometry", "confidence",
    "evidence", "fingerprint", "tags",
)  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """A candidate with the keys of the rows it belongs to; a new building has neither object nor footprint."""

    candidate: engine.Candidate
    mark: str
    pair_id: int
    object_id: int | None = None
    footprint_id: int | None = None
    tags: dict[str, str] = field(default_factory=dict)


class Rows:
    """The rows that candidates of one scan stand on.

    Args:
        only: the pairs that the candidates lie on, where they are known; None: any of the scan's imagery and map.
    """

    def __init__(self, scan: Scan, only: Collection[int] | None = None) -> None:
        self.scan = scan
        pairs = TilePair.objects.filter(imagery=scan.imagery, snapshot=scan.snapshot)
        pairs = pairs if only is None else pairs.filter(pk__in=only)
        self.pairs = {
            (z, x, y): pk for pk, z, x, y in pairs.values_list("pk", "tile__z", "tile__x", "tile__y").iterator()
        }

    def of(self, found: Sequence[engine.Candidate]) -> list[Prepared]:
        """The candidates with their rows, each suggestion once; those without a tile or footprint are left out."""
        footprints = self._footprints([one for one in found if one.kind != ChangeKind.ADD])
        prepared: dict[str, Prepared] = {}
        for one, mark in zip(found, engine.fingerprints(self.scan.imagery.sha256, found), strict=True):
            tile = one.tile
            pair_id = self.pairs.get((tile.z, tile.x, tile.y))
            object_id, footprint_id, tags = footprints.get(engine.object_key(one), (None, None, {}))
            if pair_id is None or (one.kind != ChangeKind.ADD and footprint_id is None):
                continue
            about = (None, None, {}) if one.kind == ChangeKind.ADD else (object_id, footprint_id, tags)
            prepared.setdefault(mark, Prepared(one, mark, pair_id, *about))
        return list(prepared.values())

    def _footprints(self, found: Sequence[engine.Candidate]) -> dict[str, tuple[int, int, dict[str, str]]]:
        """Object, footprint and tags by the library's key."""
        ids = [one.osm_id for one in found if one.osm_id is not None]
        shapes = [key.removeprefix("shape/") for one in found if (key := engine.object_key(one)).startswith("shape/")]
        rows = Footprint.objects.filter(snapshot=self.scan.snapshot)
        named = rows.filter(osm_id__in=ids).values_list("osm_type", "osm_id", "object_id", "pk", "tags")
        found_rows = {f"{osm_type}/{osm_id}": (object_id, pk, tags) for osm_type, osm_id, object_id, pk, tags in named}
        if shapes:
            by_shape = rows.filter(osm_id=None, object__shape__in=shapes)
            found_rows |= {
                f"shape/{shape}": (object_id, pk, tags)
                for shape, object_id, pk, tags in by_shape.values_list("object__shape", "object_id", "pk", "tags")
            }
        return found_rows


def without_stored(scan: Scan, prepared: Sequence[Prepared]) -> list[Prepared]:
    """Those that an earlier run of the same scan has not stored."""
    marks = RawSQL("SELECT unnest(%s::text[])", [[one.mark for one in prepared]])  # one parameter, not thousands
    stored = set(Change.objects.filter(scan=scan, fingerprint__in=marks).values_list("fingerprint", flat=True))
    return [one for one in prepared if one.mark not in stored]


def store(scan: Scan, batch: Sequence[Prepared]) -> None:
    """Append the candidates to the queue, in the caller's transaction."""
    if not batch:
        return
    now, ids = timezone.now(), draw_ids(QueueItem._meta.db_table, len(batch))
    shapes = engine.wkbs_of([one.candidate for one in batch])
    items = (
        (
            pk,
            now,
            STAGE,
            scan.region_id,
            one.candidate.kind,
            engine.confidence_of(one.candidate),
            "open",
            "",
            0,
            0,
            scan.pk,
        )
        for pk, one in zip(ids, batch, strict=True)
    )
    changes = (
        (
            now, scan.pk, pk, one.pair_id, one.candidate.kind, one.object_id, one.footprint_id,
            shape, engine.confidence_of(one.candidate),
            json.dumps(engine.evidence_of(one.candidate)), one.mark, json.dumps(one.tags),
        )
        for pk, one, shape in zip(ids, batch, shapes, strict=True)
    )  # fmt: skip
    copy_rows(QueueItem._meta.db_table, ITEM, items)
    copy_rows(Change._meta.db_table, CHANGE, changes)


def withdraw_older(scan: Scan, commit: Callable[[], AbstractContextManager[object]]) -> None:
    """Take suggestions of older scans out of the queue, some at a time; what somebody holds right now is marked.

    What waits for a second person stays: it was answered.
    Nobody else gets what is marked: once it is let go of, it leaves the queue as well (`rescore.start_where_let_go`).
    """
    older = QueueItem.objects.filter(
        stage=STAGE, scope_id=scan.region_id, state=ItemState.OPEN, not_for=None, change__scan__lt=scan.pk
    )
    free = older.filter(Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now()))
    while True:
        with commit():
            locked = free.select_for_update(skip_locked=True, of=("self",))
            ids = list(locked.values_list("pk", flat=True)[:WITHDRAWN_AT_ONCE])
            QueueItem.objects.filter(pk__in=ids).update(
                state=ItemState.WITHDRAWN, lease_holder=None, lease_expires_at=None
            )
            if len(ids) < WITHDRAWN_AT_ONCE:
                older.filter(outdated=False).update(outdated=True)
        if len(ids) < WITHDRAWN_AT_ONCE:
            return
