"""Turn a scan into candidates in the queue, without what people have answered already."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from itertools import islice

from django.db import transaction

from annotation.changes import engine
from annotation.changes.models import Change
from annotation.changes.services.known import Known
from annotation.changes.services.mapped_meanwhile import withdraw_mapped
from annotation.changes.services.rescore import start_if_changed
from annotation.changes.services.store import Rows, store, withdraw_older, without_stored
from annotation.changes.services.turns import turn
from annotation.common.errors import InvalidError
from annotation.common.services.jobs import JobContext
from annotation.consistency.models import Scan, ScanState
from annotation.consistency.selectors import overtaken

BATCH = 5_000
Commit = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class FindCounts:
    """What a scan suggested: new in the queue, there already, answered before, without a tile or footprint.

    Attributes:
        in_map: of those in the queue, what left it since a map newer than the scanned one says it already.
    """

    made: int = 0
    kept: int = 0
    answered: int = 0
    lost: int = 0
    in_map: int = 0


def run(context: JobContext) -> None:
    """The job `changes.find`."""
    scan = Scan.objects.select_related("model", "imagery", "snapshot").get(pk=context.params["scan"])
    context.set_result(asdict(find_changes(scan=scan, progress=context, commit=context.transaction)))


def find_changes(*, scan: Scan, progress: engine.Progress, commit: Commit = transaction.atomic) -> FindCounts:
    """Store what the scan suggests as changes with queue items, the surest first in the queue.

    A second run adds only what is missing. Where people corrected transforms while the scan ran, what that touches is
    looked at again in a job of its own. Suggestions of older scans that nobody is looking at are withdrawn.

    Args:
        commit: the transaction of a batch; a job passes its own, which only the owning run can commit.

    Raises:
        InvalidError: the scan is not finished, or a newer one is.
    """
    if scan.state != ScanState.READY:
        raise InvalidError("the scan is not finished; wait for it, or start it again")
    with turn(scan.region_id, progress):
        if overtaken(scan):
            raise InvalidError("a newer scan of the region is finished: look for changes again, in that one")
        counts = keep_candidates(scan=scan, found=engine.candidates(scan, progress), progress=progress, commit=commit)
    start_if_changed(scan)
    return counts


def keep_candidates(
    *,
    scan: Scan,
    found: Iterable[engine.Candidate],
    progress: engine.Progress,
    commit: Commit = transaction.atomic,
) -> FindCounts:
    """Store the candidates that nobody answered, in batches; a run that was stopped goes on where it was.

    Args:
        found: the surest first, as a scan keeps them; no more than a batch of them is held.
    """
    withdraw_older(scan, commit)
    rows, known = Rows(scan), Known(scan)
    made = kept = answered = lost = 0
    for batch in _batches(found):
        engine.stop_if_asked(progress)
        prepared = rows.of(batch)
        missing = without_stored(scan, prepared)
        fresh = known.unanswered(missing)
        with commit():
            store(scan, fresh)
        made, kept = made + len(fresh), kept + len(prepared) - len(missing)
        answered, lost = answered + len(missing) - len(fresh), lost + len(batch) - len(prepared)
        progress.report(made / (made + BATCH), f"{made} suspected changes")
    with commit():
        mapped = withdraw_mapped(Change.objects.filter(scan=scan), scan.region_id)
    counts = FindCounts(made, kept, answered, lost, mapped.total())
    progress.report(
        1.0, f"{counts.made} new in the queue, {counts.kept} there already, {counts.answered} answered before"
    )
    return counts


def _batches(found: Iterable[engine.Candidate]) -> Iterator[list[engine.Candidate]]:
    rest = iter(found)
    while batch := list(islice(rest, BATCH)):
        yield batch
