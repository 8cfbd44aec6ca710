"""Starts a training: freezes its data, makes its row, and queues it."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.models import Job, JobFigure, JobState
from annotation.common.services.jobs import enqueue
from annotation.learning.errors import TrainingRunningError
from annotation.learning.kinds import kind_for
from annotation.learning.models import REGION, DataSet, TrainingRun
from annotation.learning.run_settings import changed
from annotation.learning.services.scope import hold
from annotation.review.services.audit import record
from annotation.sources.models import Imagery, MapSnapshot, Region

KIND = "learning.train"


@transaction.atomic
def start(
    *,
    region: Region | None,
    user: User | None,
    kind: str = REGION,
    preset: str = "compact",
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    job: Job | None = None,
    sources: tuple[Imagery, MapSnapshot] | None = None,
    wake: bool = True,
) -> TrainingRun:
    """A training run of the region, or of a model for all regions, with a job of its own or as a part of `job`.

    A run that was stopped or failed on the same data, settings and seed is taken up again from its checkpoints; a `job`
    that comes twice gets its run back. `wake=False` is for callers that run the job themselves.

    Args:
        settings: what is to differ from the preset, by dotted name, such as {"evidence.epochs": 20}.
        sources: imagery and map to learn from; those in use where none are named.

    Raises:
        InvalidError: unknown_kind, wrong_scope or unknown_preset; invalid_setting; no_pairs, no_anchors or
            too_few_mapped_tiles.
        ConflictError: training_running, while another training of this kind, and region, is not finished.
    """
    if job is not None and (mine := TrainingRun.objects.filter(job=job).first()):
        return mine
    of_kind = kind_for(kind, region)
    config = of_kind.config_of(preset)
    if settings:
        config = of_kind.checked(changed(config, settings))
    region_id = region.pk if region else None
    hold(kind, region_id)
    data_set = of_kind.freeze(region=region, config=config, sources=sources)
    _check_idle(kind, region, job)
    run = _unfinished(data_set, preset, config, seed) or TrainingRun.objects.create(
        kind=kind, region=region, data_set=data_set, preset=preset, config=config, seed=seed, created_by=user
    )
    _attach(run, job or _enqueue(run, user, wake))
    record(
        actor=user, action="training.started", object_kind="training_run", object_id=run.pk, scope_id=region_id,
        kind=kind, preset=preset, seed=seed, data_set=data_set.digest,
        **({"settings": dict(settings)} if settings else {}),
    )  # fmt: skip
    return run


def _check_idle(kind: str, region: Region | None, job: Job | None) -> None:
    """Refuse a second training of the kind, in the region or for all, while one runs."""
    runs = TrainingRun.objects.filter(kind=kind, region=region)
    running = runs.filter(job__in=Job.objects.unfinished(), model_version=None)
    busy = running.exclude(job=job).first() if job else running.first()
    if busy is not None:
        raise TrainingRunningError("such a model is being trained already; wait for that run or cancel it", run=busy.pk)


def _unfinished(data_set: DataSet, preset: str, config: dict[str, object], seed: int) -> TrainingRun | None:
    """A run on the same data and settings that ended without a model."""
    runs = TrainingRun.objects.filter(data_set=data_set, preset=preset, config=config, seed=seed, model_version=None)
    ended = runs.exclude(job__state__in=[JobState.QUEUED, JobState.RUNNING])
    return ended.order_by("-pk").first()


def _enqueue(run: TrainingRun, user: User | None, wake: bool) -> Job:
    params, key = {"run": run.pk}, f"run:{run.pk}"
    return enqueue(kind=KIND, params=params, scope_id=run.region_id, created_by=user, dedup_key=key, wake=wake)


def _attach(run: TrainingRun, job: Job) -> None:
    """Make `job` the run's job; the figures of the one before stay the start of its curve."""
    if run.job_id and run.job_id != job.pk:
        JobFigure.objects.filter(job_id=run.job_id).update(job=job)
    run.job = job
    run.save(update_fields=["job"])
