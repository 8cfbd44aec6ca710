"""The first look: what was just imported, scanned by the general model; then a training follows, where it can."""

from __future__ import annotations

from dataclasses import asdict

from annotation.changes.engine import SpanProgress
from annotation.changes.services.find import find_changes
from annotation.common.services.jobs import JobContext
from annotation.consistency.engine import InvalidInputError
from annotation.consistency.models import Scan, ScanState
from annotation.consistency.services.scan import scan_pairs
from annotation.consistency.services.start import start as start_scan
from annotation.learning.services.general import enough_mapped, general_model
from annotation.pipeline.services.start import start_main_job
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.tiles.services.build_pairs import build

SPANS = {"pairs": (0.0, 0.1), "scan": (0.1, 0.95), "find": (0.95, 1.0)}
"""Where each step lies in the progress of the whole, by the time it takes."""


def run(context: JobContext) -> None:
    """The job `changes.first_look`; a run after a crash replaces what the one before scanned, and suggests no more.

    It ends, and the main job that follows is queued, in one transaction. Where the general model can't score this
    imagery the job says why in `skipped`, and training follows all the same.
    """
    region = Region.objects.get(pk=context.params["region"])
    imagery = Imagery.objects.select_related("region").get(pk=context.params["imagery"])
    snapshot = MapSnapshot.objects.get(pk=context.params["snapshot"])
    pairs = build(imagery=imagery, snapshot=snapshot, progress=_span(context, "pairs"))
    context.set_result({"pairs": asdict(pairs)})
    if pairs.mapped or context.params["include_unmapped"]:
        _look(context, region, (imagery, snapshot))
    else:
        context.set_result({"skipped": "no tile has a complete map: say where it is complete, or import more of it"})
    with context.transaction(final=True):
        context.job.refresh_from_db(fields=["params"])  # by now somebody may train by hand
        preset = context.job.params["training"]
        if preset and enough_mapped(imagery, snapshot, preset):
            job = start_main_job(
                region=region, user=context.job.created_by, preset=preset, after=context.job,
                include_unmapped=context.params["include_unmapped"], sources=(imagery, snapshot),
            )  # fmt: skip
            context.set_result({"training": str(job.pk)})


def _look(context: JobContext, region: Region, sources: tuple[Imagery, MapSnapshot]) -> None:
    """Scan with the general model and fill the queue."""
    scan = start_scan(
        region=region, user=context.job.created_by, model=general_model(), job=context.job, sources=sources,
        include_unmapped=context.params["include_unmapped"],
    )  # fmt: skip
    try:
        scored = scan_pairs(scan=scan, progress=_span(context, "scan"), commit=context.transaction)
    except InvalidInputError as error:
        with context.transaction():
            Scan.objects.filter(pk=scan.pk).update(state=ScanState.FAILED)
        context.set_result({"skipped": f"the general model can't look at this region: {error}"})
        return
    context.set_result({"scan": scan.pk, "scored": scored.scored})
    scan.refresh_from_db()
    changes = find_changes(scan=scan, progress=_span(context, "find"), commit=context.transaction)
    context.set_result({"changes": asdict(changes)})


def _span(context: JobContext, step: str) -> SpanProgress:
    return SpanProgress(context, *SPANS[step])
