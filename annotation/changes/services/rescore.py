"""Once people say otherwise where an image shows a map, what that touches is scored and suggested anew."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.contrib.gis.geos import GEOSGeometry
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from annotation.changes import engine
from annotation.changes.models import Change
from annotation.changes.services.known import Known
from annotation.changes.services.store import Prepared, Rows, store, without_stored
from annotation.common.models import Job, JobState
from annotation.common.services.jobs import JobContext, enqueue
from annotation.consistency.engine import Rescored, changed_tiles, rescore
from annotation.consistency.models import Scan, ScanState, TileScore
from annotation.consistency.services.rescore import store_scores
from annotation.review.models import ItemState, QueueItem
from annotation.tiles.models import TilePair

KIND = "changes.rescore"
AT_ONCE = 50
"""Changed tiles that are assessed together: a killed worker costs no more than these."""
MOST_ROUNDS = 1000
WRITERS = ("changes.find", "changes.main_job")
"""Jobs that store a scan's suggestions as well; they never wait for this one."""
ASK_AGAIN_SECONDS = 1.0


class _ChangedMeanwhileError(Exception):
    """A transform was changed while the job was about to end."""


def on_transform(sender: Any, pair_id: int, **kwargs: Any) -> None:
    """Hear that a pair's transform is another: have the newest scan that scored it look again, once this commits."""
    pair = TilePair.objects.select_related("tile").get(pk=pair_id)
    scan = Scan.objects.filter(region=pair.tile.region_id, state=ScanState.READY).order_by("-pk").first()
    if scan is not None and TileScore.objects.filter(scan=scan, pair=pair).exists():
        start(scan)


@transaction.atomic
def start(scan: Scan) -> Job:
    """The job that scores anew what is not as people say by now; one waits or runs for a scan."""
    _hold(scan)
    return enqueue(
        kind=KIND, params={"scan": scan.pk}, scope_id=scan.region_id, created_by=None, dedup_key=f"scan:{scan.pk}"
    )


def start_if_changed(scan: Scan) -> Job | None:
    """The same for answers that came while the scan ran; None where all is as people say."""
    return start(scan) if changed_tiles(scan) else None


def run(context: JobContext) -> None:
    """The job `changes.rescore`: round by round, until nothing is changed any more.

    Every tile is asked for what is said of it now, so that a job that was stopped, or comes twice, does nothing twice.
    """
    scan = Scan.objects.select_related("region", "model", "imagery", "snapshot").get(pk=context.params["scan"])
    tiles = 0
    _take_turns(scan, context)
    for _ in range(MOST_ROUNDS):
        changed = [] if _overtaken(scan) else changed_tiles(scan)
        for first in range(0, len(changed), AT_ONCE):
            some = changed[first : first + AT_ONCE]
            tiles += _rescored(scan, rescore(scan, some, context), context)
            context.report((first + len(some)) / len(changed), f"{tiles} tiles scored anew")
            engine.stop_if_asked(context)
        context.set_result({"scan": scan.pk, "scored": tiles})
        try:
            with context.transaction(final=True):
                _hold(scan)  # who answers now waits here, and finds the job ended
                if not _overtaken(scan) and changed_tiles(scan):
                    raise _ChangedMeanwhileError
        except _ChangedMeanwhileError:
            continue
        return


def _hold(scan: Scan) -> None:
    """Wait until no other answer and no end of a job is between looking at transforms and committing."""
    Scan.objects.select_for_update(no_key=True).get(pk=scan.pk)


def _take_turns(scan: Scan, context: JobContext) -> None:
    """Wait until nobody else stores suggestions of the region: of two that did, one would undo the other."""
    while Job.objects.filter(scope_id=scan.region_id, kind__in=WRITERS, state=JobState.RUNNING).exists():
        context.report(0.0, "waits until the region's suggestions are stored")
        engine.stop_if_asked(context)
        time.sleep(ASK_AGAIN_SECONDS)


def _overtaken(scan: Scan) -> bool:
    """Whether a newer scan is finished: what this one suggested is withdrawn, and is to stay so."""
    return Scan.objects.filter(region=scan.region_id, state=ScanState.READY, pk__gt=scan.pk).exists()


def _rescored(scan: Scan, found: Rescored, context: JobContext) -> int:
    pairs = {row.pair_id for row in found.scores}
    prepared = Rows(scan, pairs).of(found.candidates)
    with context.transaction():
        if _overtaken(scan):
            return 0
        store_scores(scan, found.scores)
        _update_queue(scan, pairs, prepared)
    return len(pairs)


def _update_queue(scan: Scan, pairs: set[int], prepared: Sequence[Prepared]) -> None:
    """Bring the suggestions of these pairs to what the scan says by now.

    What somebody decided, or holds right now, stays as it is.
    """
    by_mark = {one.mark: one for one in prepared}
    rows = Change.objects.filter(Q(pair__in=pairs) | Q(fingerprint__in=by_mark), scan=scan)
    free = QueueItem.objects.filter(change__in=rows, state__in=(ItemState.OPEN, ItemState.WITHDRAWN)).filter(
        Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())
    )
    items = set(free.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True))
    kept = {change.fingerprint: change for change in rows.filter(item__in=items)}
    gone = [change.item_id for mark, change in kept.items() if mark not in by_mark]
    QueueItem.objects.filter(pk__in=gone, state=ItemState.OPEN).update(
        state=ItemState.WITHDRAWN, lease_holder=None, lease_expires_at=None, version=F("version") + 1
    )
    known = Known(scan, itself=True)
    for one in known.unanswered([one for mark, one in by_mark.items() if mark in kept]):
        if one.mark in kept:
            _update(kept[one.mark], one)
    store(scan, known.unanswered(without_stored(scan, prepared)))


def _update(change: Change, one: Prepared) -> None:
    """The same suggestion as it is now: its shape, its odds, its tile."""
    confidence = engine.confidence_of(one.candidate)
    Change.objects.filter(pk=change.pk).update(
        geometry=GEOSGeometry(engine.wkbs_of([one.candidate])[0]), confidence=confidence, pair_id=one.pair_id,
        evidence=engine.evidence_of(one.candidate), kind=one.candidate.kind,
    )  # fmt: skip
    QueueItem.objects.filter(pk=change.item_id).update(
        state=ItemState.OPEN, priority=confidence, kind=one.candidate.kind, version=F("version") + 1
    )
