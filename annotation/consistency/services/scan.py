"""Runs a scan to its end: scores stored batch by batch, and the files of evidence and candidates."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice

from django.db import transaction

from annotation.common.services.jobs import JobContext
from annotation.consistency import engine, selectors
from annotation.consistency.models import Scan, ScanState, TileScore
from annotation.consistency.services.rescore import store_scores

BATCH = 256
Commit = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True)
class ScanCounts:
    """How many tiles a scan scored."""

    scored: int


def run(context: JobContext) -> None:
    """The job `consistency.scan`."""
    scan = Scan.objects.select_related("model", "imagery", "snapshot").get(pk=context.params["scan"])
    counts = scan_pairs(scan=scan, progress=context, commit=context.transaction)
    context.set_result({"scan": scan.pk, "scored": counts.scored})


def scan_pairs(*, scan: Scan, progress: engine.Progress, commit: Commit = transaction.atomic) -> ScanCounts:
    """Score every pair of the scan; a finished scan is left as it is.

    A run after a crash replaces what the one before stored, batch by batch, so that a scan never holds rows of two runs
    for one tile, and ends as an undisturbed one would.

    Args:
        commit: the transaction of a batch; a job passes its own, which only the owning run can commit.
    """
    if scan.state == ScanState.READY:
        return ScanCounts(scored=TileScore.objects.filter(scan=scan).count())
    pairs = list(selectors.pairs_to_scan(scan))
    rows = engine.scan_rows(scan, pairs, progress)
    scored: set[int] = set()
    while batch := list(islice(rows, BATCH)):
        with commit():
            scored |= store_scores(scan, batch)
    with commit():
        TileScore.objects.filter(scan=scan).exclude(pair_id__in=scored).delete()
        scan.state, scan.evidence_path = ScanState.READY, engine.evidence_path(scan)
        offset = engine.offset_of(scan)
        scan.offset_east_m, scan.offset_north_m = offset.east_m, offset.north_m
        scan.offset_confidence, scan.offset_tiles = offset.confidence, offset.tiles
        scan.save(
            update_fields=[
                "state", "evidence_path", "offset_east_m", "offset_north_m", "offset_confidence", "offset_tiles",
            ]
        )  # fmt: skip
    progress.report(1.0, f"{len(scored)} tiles scored")
    return ScanCounts(scored=len(scored))
