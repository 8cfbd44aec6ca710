"""Once people say otherwise where an image shows a map, what that touches is scored and suggested anew."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from annotation.changes import engine
from annotation.changes.models import Change
from annotation.changes.services.mapped_meanwhile import withdraw_mapped
from annotation.changes.services.renew import outdated_items, renew
from annotation.changes.services.start import start_find
from annotation.changes.services.store import Rows
from annotation.changes.services.turns import turn
from annotation.common.models import Job
from annotation.common.services.jobs import JobContext, enqueue
from annotation.consistency.engine_rescore import Rescored, Rescoring, changed_tiles
from annotation.consistency.models import Scan, ScanState, TileScore
from annotation.consistency.selectors import overtaken
from annotation.consistency.services.rescore import mark_outdated, store_scores
from annotation.review.models import ItemState, QueueItem
from annotation.review.services.lease import FREE
from annotation.review.services.second import ANSWERED_FIRST
from annotation.tiles.engine import TileAddress, tile_address, tiles_at
from annotation.tiles.models import Tile, TilePair
from annotation.tiles.services.lock import locked_pairs

KIND = "changes.rescore"
AT_ONCE = 50
"""Changed tiles that are assessed together: a killed worker costs no more than these."""
MOST_ROUNDS = 1000


class _ChangedMeanwhileError(Exception):
    """A transform was changed, or a suggestion let go of, while the job was about to end."""


@transaction.atomic
def on_transform(sender: Any, pair_id: int, **kwargs: Any) -> None:
    """Hear that a pair's transform is another: have the newest scan that scored it look again, once this commits."""
    pair = TilePair.objects.select_related("tile").get(pk=pair_id)
    scan = Scan.objects.filter(region=pair.tile.region_id, state=ScanState.READY).order_by("-pk").first()
    if scan is None or not TileScore.objects.filter(scan=scan, pair=pair).exists():
        return
    _hold(scan)
    if mark_outdated(scan, [tile_address(pair.tile)]):
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
    changed = changed_tiles(scan)
    with transaction.atomic():
        return start(scan) if mark_outdated(scan, changed) else None


def start_where_let_go() -> int:
    """Have suggestions looked at again that somebody held while their tiles were, and holds no more; how many scans.

    What a newer map says already leaves the queue without a look.
    """
    for region_id in set(outdated_items().filter(FREE).values_list("scope_id", flat=True)):
        with transaction.atomic():
            withdraw_mapped(Change.objects.filter(item__in=outdated_items().filter(FREE)), region_id)
    scans = Scan.objects.filter(pk__in=outdated_items().filter(FREE).values("change__scan"))
    for scan in scans:
        start(scan)
    return len(scans)


def give_up(sender: Any, job: Job, **kwargs: Any) -> None:
    """Hear that the job failed or was stopped: people get what it was to look at again as it is."""
    if job.kind == KIND:
        _show_as_they_are(job.params["scan"])


def run(context: JobContext) -> None:
    """The job `changes.rescore`: round by round, until nothing is outdated any more.

    What is to be done is asked of the rows, so that a job that was stopped, or comes twice, does nothing twice.
    """
    scan = Scan.objects.select_related("region", "model", "imagery", "snapshot").get(pk=context.params["scan"])
    rescoring: Rescoring | None = None
    tiles = 0
    for _ in range(MOST_ROUNDS):
        waiting = [] if overtaken(scan) else _waiting(scan)
        for first in range(0, len(waiting), AT_ONCE):
            rescoring = rescoring or Rescoring(scan)
            some = waiting[first : first + AT_ONCE]
            done, upto = first / len(waiting), (first + len(some)) / len(waiting)
            with turn(scan.region_id, context, done):
                found = rescoring.of(some, engine.SpanProgress(context, done, upto))
                tiles += _rescored(scan, some, found, context)
            context.report(upto, f"{tiles} tiles scored anew")
            engine.stop_if_asked(context)
        context.set_result({"scan": scan.pk, "scored": tiles})
        try:
            with context.transaction(final=True):
                _hold(scan)  # who answers now waits here, and finds the job ended
                if overtaken(scan):
                    if _withdraw_let_go(scan.pk):
                        start_find(region=scan.region, user=None)  # the newer scan may suggest the same
                elif _waiting(scan):
                    raise _ChangedMeanwhileError
        except _ChangedMeanwhileError:
            continue
        return


def _hold(scan: Scan) -> None:
    """Wait until no answer and no look at transforms is before its commit; pairs are locked before, scores after."""
    Scan.objects.select_for_update(no_key=True).get(pk=scan.pk)


def _waiting(scan: Scan) -> list[TileAddress]:
    """Tiles that are to be scored anew, and those of suggestions that were held when theirs was, in order."""
    scores = TileScore.objects.filter(scan=scan, outdated=True).values("pair__tile")
    let_go = _held_of(scan.pk).filter(FREE).values("change__pair__tile")
    return sorted(tile_address(tile) for tile in Tile.objects.filter(pk__in=scores.union(let_go)))


def _held_of(scan_id: int) -> QuerySet[Any]:
    return outdated_items().filter(change__scan=scan_id)


def _withdraw_let_go(scan_id: int) -> int:
    """What people held while a newer scan took the place of this one, and hold no more, leaves the queue too.

    What waits for a second person was answered, and goes to them.
    """
    _held_of(scan_id).filter(ANSWERED_FIRST, FREE).update(outdated=False)
    free = _held_of(scan_id).filter(FREE).select_for_update(skip_locked=True, of=("self",))
    return QueueItem.objects.filter(pk__in=list(free.values_list("pk", flat=True))).update(
        state=ItemState.WITHDRAWN, lease_holder=None, lease_expires_at=None
    )


def _show_as_they_are(scan_id: int) -> None:
    _held_of(scan_id).update(outdated=False)


def _rescored(scan: Scan, changed: list[TileAddress], found: Rescored, context: JobContext) -> int:
    """Store what was found, unless a newer scan is finished by now; what people said meanwhile stays to be done."""
    pairs = {row.pair_id for row in found.scores}
    prepared = Rows(scan, pairs).of(found.candidates)
    with context.transaction():
        locked_pairs(pairs)
        _hold(scan)
        if overtaken(scan):
            return 0
        store_scores(scan, found.scores)
        touched = Tile.objects.filter(pairs__in=pairs)
        mark_outdated(scan, changed_tiles(scan, on=[tile_address(tile) for tile in touched]))
        renew(scan, pairs, prepared)
        # A tile that the scan has no score of is not looked at again.
        stray = Change.objects.filter(scan=scan, pair__tile__in=tiles_at(scan.region_id, changed))
        _held_of(scan.pk).filter(change__in=stray.exclude(pair__in=pairs)).update(outdated=False)
    return len(pairs)
