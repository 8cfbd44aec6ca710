"""The main job: pairs, anchors, training, scan and candidates of a region in one go, resumable at any point."""

from __future__ import annotations

from dataclasses import asdict

from annotation.anchors.services.generate import generate_for
from annotation.changes.engine import SpanProgress
from annotation.changes.services.find import find_changes
from annotation.common.services.jobs import JobContext
from annotation.consistency.services.scan import scan_pairs
from annotation.consistency.services.start import start as start_scan
from annotation.learning.models import ModelVersion
from annotation.learning.services.registry import promote
from annotation.learning.services.start import start as start_training
from annotation.learning.services.train import train
from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.tiles.services.build_pairs import build

SPANS = {"pairs": (0.0, 0.04), "anchors": (0.04, 0.08), "training": (0.08, 0.8), "scan": (0.8, 0.92), "find": (0.92, 1)}
"""Where each step lies in the progress of the whole, by the time it takes."""


def run(context: JobContext) -> None:
    """The job `changes.main_job`; a run after a crash goes on where the one before was.

    Every step works on the imagery and the map that the job was started for, whatever is imported or pinned meanwhile.
    """
    region = Region.objects.get(pk=context.params["region"])
    imagery = Imagery.objects.select_related("region").get(pk=context.params["imagery"])
    snapshot = MapSnapshot.objects.get(pk=context.params["snapshot"])
    pairs = build(imagery=imagery, snapshot=snapshot, progress=_span(context, "pairs"))
    context.set_result({"pairs": asdict(pairs)})
    anchors = generate_for(imagery=imagery, snapshot=snapshot, progress=_span(context, "anchors"))
    context.set_result({"anchors": anchors.as_dict()})
    model = _model(context, region, (imagery, snapshot))
    context.set_result({"model": model.pk, "metrics": model.metrics})
    scan = start_scan(
        region=region,
        user=context.job.created_by,
        model=model,
        include_unmapped=context.params["include_unmapped"],
        job=context.job,
        sources=(imagery, snapshot),
    )
    scored = scan_pairs(scan=scan, progress=_span(context, "scan"), commit=context.transaction)
    context.set_result({"scan": scan.pk, "scored": scored.scored})
    scan.refresh_from_db()
    changes = find_changes(scan=scan, progress=_span(context, "find"), commit=context.transaction)
    context.set_result({"changes": asdict(changes)})


def _model(context: JobContext, region: Region, sources: tuple[Imagery, MapSnapshot]) -> ModelVersion:
    """A model trained on exactly what the job was started for, put in use: the one there is, or a new one."""
    training = start_training(
        region=region,
        user=context.job.created_by,
        preset=context.params["preset"],
        seed=context.params["seed"],
        job=context.job,
        sources=sources,
    )
    same = ModelVersion.objects.filter(
        run__data_set=training.data_set, run__config=training.config, run__seed=training.seed
    )
    model = same.order_by("-pk").first()
    if model is None:
        model = train(run=training, progress=_span(context, "training"), commit=context.transaction)
    elif training.pk != model.run_id:
        training.delete()
    with context.transaction():
        return promote(model=model, user=context.job.created_by)


def _span(context: JobContext, step: str) -> SpanProgress:
    return SpanProgress(context, *SPANS[step])
