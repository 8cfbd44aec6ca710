"""Starts a training: freezes its data, makes its row, and queues it."""

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.models import Job, JobFigure, JobState
from annotation.common.services.jobs import enqueue
from annotation.learning import engine
from annotation.learning.errors import TrainingRunningError, UnknownPresetError
from annotation.learning.models import DataSet, TrainingRun
from annotation.learning.services.freeze import freeze
from annotation.review.services.audit import record
from annotation.sources.models import Imagery, MapSnapshot, Region

KIND = "learning.train"


@transaction.atomic
def start(
    *,
    region: Region,
    user: User | None,
    preset: str = "compact",
    seed: int = 0,
    job: Job | None = None,
    sources: tuple[Imagery, MapSnapshot] | None = None,
    wake: bool = True,
) -> TrainingRun:
    """A training run of the region, with a job of its own or as a part of the running `job`.

    A run that was stopped or failed on the same data, settings and seed is taken up again from its checkpoints; a `job`
    that comes twice gets its run back. `wake=False` is for callers that run the job themselves.

    Args:
        sources: imagery and map to learn from; those in use where none are named.

    Raises:
        InvalidError: no_pairs, no_anchors, too_few_mapped_tiles or unknown_preset.
        ConflictError: training_running, while another training of the region is not finished.
    """
    if job is not None and (mine := TrainingRun.objects.filter(job=job).first()):
        return mine
    try:
        config = engine.config_of(preset)
    except engine.ConfigError as error:
        raise UnknownPresetError(str(error)) from error
    Region.objects.select_for_update(no_key=True).get(pk=region.pk)
    data_set = freeze(region=region, needed=engine.tiles_needed(config), sources=sources)
    _check_idle(region, job)
    run = _unfinished(data_set, preset, config, seed) or TrainingRun.objects.create(
        region=region, data_set=data_set, preset=preset, config=config, seed=seed, created_by=user
    )
    _attach(run, job or _enqueue(run, user, wake))
    record(
        actor=user, action="training.started", object_kind="training_run", object_id=run.pk, scope_id=region.pk,
        preset=preset, seed=seed, data_set=data_set.digest,
    )  # fmt: skip
    return run


def _check_idle(region: Region, job: Job | None) -> None:
    """Refuse a second training of the region while one runs."""
    running = TrainingRun.objects.filter(region=region, job__in=Job.objects.unfinished(), model_version=None)
    busy = running.exclude(job=job).first() if job else running.first()
    if busy is not None:
        raise TrainingRunningError("the region is being trained already; wait for that run or cancel it", run=busy.pk)


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
