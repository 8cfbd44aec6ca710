"""Turn a scan into candidates in the queue, without what people have answered already."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from annotation.changes import engine
from annotation.changes.models import Change, ChangeKind
from annotation.common.errors import InvalidError
from annotation.common.services.jobs import JobContext
from annotation.consistency.models import Scan, ScanState
from annotation.review.models import ItemState, QueueItem, Verdict, VerdictEvent
from annotation.sources.models import Footprint
from annotation.tiles.models import TilePair

BATCH = 500
STAGE = "changes"
PART = Q(kind=ChangeKind.MODIFY, evidence__has_key="more_m2")
"""Changes that add a part to a building."""
Commit = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class FindCounts:
    """What a scan suggested: new in the queue, there already, answered before, without a tile or footprint."""

    made: int = 0
    kept: int = 0
    answered: int = 0
    lost: int = 0


@dataclass(frozen=True)
class Prepared:
    """A candidate with the keys of the rows it belongs to."""

    candidate: engine.Candidate
    mark: str
    pair_id: int
    footprint_id: int | None


def run(context: JobContext) -> None:
    """The job `changes.find`."""
    scan = Scan.objects.select_related("model", "imagery", "snapshot").get(pk=context.params["scan"])
    context.set_result(asdict(find_changes(scan=scan, progress=context, commit=context.transaction)))


def find_changes(*, scan: Scan, progress: engine.Progress, commit: Commit = transaction.atomic) -> FindCounts:
    """Store what the scan suggests as changes with queue items, the surest first in the queue.

    A second run adds only what is missing. Suggestions of older scans that nobody is looking at are withdrawn.

    Args:
        commit: the transaction of a batch; a job passes its own, which only the owning run can commit.

    Raises:
        InvalidError: the scan is not finished.
    """
    if scan.state != ScanState.READY:
        raise InvalidError("the scan is not finished; wait for it, or start it again")
    found = list(engine.candidates(scan, engine.SpanProgress(progress, 0.0, 0.9)))
    return keep_candidates(scan=scan, found=found, progress=engine.SpanProgress(progress, 0.9, 1.0), commit=commit)


def keep_candidates(
    *,
    scan: Scan,
    found: Sequence[engine.Candidate],
    progress: engine.Progress,
    commit: Commit = transaction.atomic,
) -> FindCounts:
    """Store the candidates that nobody answered, in batches."""
    with commit():
        _withdraw_older(scan)
    prepared, lost = _prepare(scan, found)
    there = set(Change.objects.filter(scan=scan).values_list("fingerprint", flat=True))
    missing = [one for one in prepared if one.mark not in there]
    fresh = _unanswered(scan, missing)
    for start in range(0, len(fresh), BATCH):
        engine.stop_if_asked(progress)
        with commit():
            _store(scan, fresh[start : start + BATCH])
        progress.report(min(start + BATCH, len(fresh)) / len(fresh), f"{len(fresh)} suspected changes")
    counts = FindCounts(len(fresh), len(prepared) - len(missing), len(missing) - len(fresh), lost)
    progress.report(1.0, f"{counts.made} suspected changes in the queue, {counts.answered} were answered before")
    return counts


def _prepare(scan: Scan, found: Sequence[engine.Candidate]) -> tuple[list[Prepared], int]:
    """Candidates with their rows, the surest first, each fingerprint once; and how many have no row to stand on."""
    pairs = {
        (z, x, y): pk
        for pk, z, x, y in TilePair.objects.filter(imagery=scan.imagery, snapshot=scan.snapshot).values_list(
            "pk", "tile__z", "tile__x", "tile__y"
        )
    }
    rows = Footprint.objects.filter(snapshot=scan.snapshot)
    named = rows.exclude(osm_id=None).values_list("pk", "osm_type", "osm_id")
    footprints = {f"{osm_type}/{osm_id}": pk for pk, osm_type, osm_id in named}
    footprints |= {engine.footprint_key(row): row.pk for row in rows.filter(osm_id=None)}
    prepared: dict[str, Prepared] = {}
    lost = 0
    for candidate in sorted(found, key=lambda one: -one.confidence):
        tile = candidate.tile
        pair_id = pairs.get((tile.z, tile.x, tile.y))
        footprint_id = footprints.get(engine.object_key(candidate))
        if pair_id is None or (candidate.kind != ChangeKind.ADD and footprint_id is None):
            lost += 1
            continue
        mark = engine.fingerprint(scan.imagery.sha256, candidate)
        about = None if candidate.kind == ChangeKind.ADD else footprint_id
        prepared.setdefault(mark, Prepared(candidate, mark, pair_id, about))
    return list(prepared.values()), lost


def _withdraw_older(scan: Scan) -> None:
    """Take suggestions of older scans out of the queue, except those somebody holds right now."""
    older = QueueItem.objects.filter(
        stage=STAGE, scope_id=scan.region_id, state=ItemState.OPEN, change__scan__lt=scan.pk
    )
    free = older.filter(Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now()))
    ids = list(free.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
    QueueItem.objects.filter(pk__in=ids).update(state=ItemState.WITHDRAWN, lease_holder=None, lease_expires_at=None)


def _unanswered(scan: Scan, missing: Sequence[Prepared]) -> list[Prepared]:
    """Those that nobody answered on this imagery, nobody holds from an older scan, and that are in no changeset."""
    others = Change.objects.filter(scan__region=scan.region_id).exclude(scan=scan)
    same_image = Q(scan__imagery__sha256=scan.imagery.sha256) & ~Q(item__state=ItemState.WITHDRAWN)
    known = others.filter(same_image)
    separate = Verdict.objects.filter(
        item=OuterRef("item"), item_version=OuterRef("item__version"), event=VerdictEvent.DECIDE,
        reason=engine.SEPARATE,
    )  # fmt: skip
    apart, known = known.filter(PART & Exists(separate)), known.exclude(PART & Exists(separate))
    marks = set(known.values_list("fingerprint", flat=True))
    out = others.filter(edit_items__isnull=False)
    edited = Footprint.objects.filter(changes__in=out)
    touched = {engine.footprint_key(footprint) for footprint in edited.distinct()}
    drawn = engine.Drawn((known | out).filter(PART | Q(kind=ChangeKind.ADD)).distinct().select_related("footprint"))
    return [
        one
        for one in _told_apart(missing, apart)
        if one.mark not in marks
        and engine.object_key(one.candidate) not in touched
        and not drawn.has(engine.newly_drawn(one.candidate))
    ]


def _told_apart(missing: Sequence[Prepared], apart: QuerySet[Change]) -> list[Prepared]:
    """Parts of buildings of which people said that they are buildings of their own, as such."""
    said = engine.Drawn(apart.select_related("footprint"))
    return [
        replace(one, candidate=engine.as_new(one.candidate), footprint_id=None) if said.has(one.candidate.part) else one
        for one in missing
    ]


def _store(scan: Scan, batch: Sequence[Prepared]) -> None:
    changes = [
        engine.unsaved(scan, one.candidate, mark=one.mark, pair_id=one.pair_id, footprint_id=one.footprint_id)
        for one in batch
    ]
    items = QueueItem.objects.bulk_create(
        [
            QueueItem(stage=STAGE, scope_id=scan.region_id, kind=change.kind, priority=change.confidence)
            for change in changes
        ]
    )
    for change, item in zip(changes, items, strict=True):
        change.item = item
    Change.objects.bulk_create(changes)
