"""Jobs: enqueue, run, cancel, and recover work whose worker or message was lost. The row is the truth."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.db import IntegrityError, InterfaceError, OperationalError, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.module_loading import import_string

from annotation.common.engine import MlcoreError, StoppedError
from annotation.common.errors import ConflictError, DomainError
from annotation.common.logs import about
from annotation.common.models import Job, JobQuerySet, JobState
from annotation.common.services.job_context import Echo, JobContext
from annotation.common.services.workers import queue_of
from annotation.common.signals import job_ended

__all__ = ["JobContext", "cancel", "cancel_scope", "cancel_unfinished", "enqueue", "execute", "run_now", "sweep"]
logger = logging.getLogger(__name__)
RUN_TASK = "annotation.common.tasks.run_job"


def enqueue(
    *,
    kind: str,
    params: Mapping[str, Any],
    scope_id: int | None,
    created_by: Any,
    dedup_key: str = "",
    wake: bool = True,
) -> Job:
    """Make a job in the caller's transaction and wake a worker once it commits.

    An unfinished job of the same kind and `dedup_key` is returned instead of a second one. `wake=False` is for
    callers that run it themselves with `run_now`.
    """
    if kind not in settings.JOB_RUNNERS:
        raise ValueError(f"no runner for jobs of kind {kind!r}: name it in settings.JOB_RUNNERS")
    job = Job(kind=kind, params=dict(params), scope_id=scope_id, created_by=created_by, dedup_key=dedup_key)
    job.heartbeat_at = None if wake else timezone.now()
    existing = _inserted_or_existing(job)
    if existing is not job:
        return existing
    if wake:
        transaction.on_commit(lambda: send_wakeup(job.pk, kind, job.params), robust=True)
    return job


def _inserted_or_existing(job: Job, tries: int = 2) -> Job:
    """The job, or the unfinished one of its key; tried again where that one ended between the two questions."""
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError:
        same = Job.objects.unfinished().filter(kind=job.kind, dedup_key=job.dedup_key)
        existing = same.first() if job.dedup_key else None
        if existing is not None:
            return existing
        if tries == 1:
            raise
    else:
        return job
    return _inserted_or_existing(job, tries - 1)


def send_wakeup(job_id: uuid.UUID, kind: str, params: Mapping[str, Any]) -> bool:
    """Send the message that makes a worker look at the job; without a broker the sweeper does it later."""
    try:
        current_app.send_task(RUN_TASK, args=[str(job_id)], queue=queue_of(kind, params), retry=False)
    except Exception as error:
        logger.warning("job %s waits for the sweeper: the broker does not answer (%s)", job_id, error)
        return False
    Job.objects.filter(pk=job_id, state=JobState.QUEUED).update(heartbeat_at=timezone.now())
    return True


def claim(job_id: uuid.UUID | str) -> Job | None:
    """Take a queued job for this run; None when another run has it or it is finished."""
    now = timezone.now()
    taken = Job.objects.filter(pk=job_id, state=JobState.QUEUED).update(
        state=JobState.RUNNING,
        run_token=uuid.uuid4(),
        attempts=F("attempts") + 1,
        heartbeat_at=now,
        started_at=now,
        error_code="",
        error_detail="",
    )
    return Job.objects.get(pk=job_id) if taken else None


def execute(job_id: uuid.UUID | str, echo: Echo | None = None) -> bool:
    """Claim and run a job to its end; False when it was not there to be claimed."""
    job = claim(job_id)
    if job is None:
        return False
    with about(job=str(job.pk), kind=job.kind):
        _run(job, echo)
    return True


def _run(job: Job, echo: Echo | None) -> None:
    context = JobContext(job, echo)
    runner: Callable[[JobContext], None] = import_string(settings.JOB_RUNNERS[job.kind])
    try:
        with context.heartbeat():
            runner(context)
            context.flush()
    except StoppedError:
        _finish(context, JobState.CANCELLED, "", "")
    except (DomainError, MlcoreError) as error:
        _fail(context, error.code, str(error))
    except (OperationalError, InterfaceError) as error:
        logger.warning("job %s lost the database and waits for the sweeper: %s", job.pk, error)
    except MemoryError:
        _fail(context, "out_of_memory", "it ran out of memory; use a smaller input or a larger machine")
    except Exception as error:
        logger.exception("job %s (%s) failed", job.pk, job.kind)
        _fail(context, "internal_error", f"{type(error).__name__}: {error}")
    else:
        if not context.committed:
            context.succeed()


def _fail(context: JobContext, code: str, detail: str) -> None:
    cancelled = context.mine().filter(cancel_requested=True).exists()
    _finish(context, JobState.CANCELLED if cancelled else JobState.FAILED, code, detail)


def _finish(context: JobContext, state: JobState, code: str, detail: str) -> None:
    ended = context.mine().update(
        state=state,
        error_code=code,
        error_detail=detail.replace("\x00", ""),
        finished_at=timezone.now(),
        run_token=None,
    )
    if ended:
        context.job.refresh_from_db()
        job_ended.send(Job, job=context.job)


def run_now(job: Job, echo: Echo | None = None) -> Job:
    """Run the job in this process, or, where a worker has it already, wait for that run; returns the finished row."""
    if not execute(job.pk, echo):
        while not Job.objects.get(pk=job.pk).finished:
            time.sleep(0.5)
    job.refresh_from_db()
    return job


def cancel(job: Job) -> Job:
    """Ask a job to stop: at once where it only waits, at its next step where it runs."""
    now = timezone.now()
    waiting = Job.objects.filter(pk=job.pk, state=JobState.QUEUED)
    running = Job.objects.filter(pk=job.pk, state=JobState.RUNNING)
    stopped = waiting.update(state=JobState.CANCELLED, cancel_requested=True, finished_at=now)
    if not stopped and not running.update(cancel_requested=True):
        raise ConflictError("the job has ended already; there is nothing to cancel")
    job.refresh_from_db()
    if stopped:
        job_ended.send(Job, job=job)
    return job


def cancel_unfinished(job_id: uuid.UUID) -> None:
    """Stop a job whose object is going away; one that has ended is left alone."""
    _stop_all(Job.objects.filter(pk=job_id))


def cancel_scope(scope_id: int) -> None:
    """Stop every job of a region; part of the region's deletion."""
    _stop_all(Job.objects.for_scope(scope_id))


def _stop_all(jobs: JobQuerySet) -> None:
    jobs.filter(state=JobState.QUEUED).update(
        state=JobState.CANCELLED, cancel_requested=True, finished_at=timezone.now()
    )
    jobs.filter(state=JobState.RUNNING).update(cancel_requested=True)


def sweep() -> int:
    """Recover lost work: requeue runs without a heartbeat (or give them up), wake queued jobs; returns how many."""
    now = timezone.now()
    with transaction.atomic():
        stale = Job.objects.filter(
            state=JobState.RUNNING, heartbeat_at__lt=now - timedelta(seconds=settings.JOB_STALE_SECONDS)
        )
        lost = list(stale.select_for_update(skip_locked=True, no_key=True))
        for job in lost:
            _recover(job)
    unheard = Q(heartbeat_at__isnull=True) | Q(heartbeat_at__lt=now - timedelta(seconds=settings.JOB_REWAKE_SECONDS))
    waiting = (
        Job.objects.filter(unheard, state=JobState.QUEUED).order_by("created_at").values_list("pk", "kind", "params")
    )
    woken = 0
    for job_id, kind, params in waiting[:1000]:
        if not send_wakeup(job_id, kind, params):
            break
        woken += 1
    return len(lost) + woken


def _recover(job: Job) -> None:
    job.run_token = None
    if job.cancel_requested:
        job.state, job.finished_at = JobState.CANCELLED, timezone.now()
    elif job.attempts >= job.max_attempts:
        job.state, job.finished_at, job.error_code = JobState.FAILED, timezone.now(), "worker_lost"
        job.error_detail = (
            f"its worker died {job.attempts} times (out of memory, killed, or the machine restarted); "
            "give it more memory or a smaller input, then start it again"
        )
    else:
        job.state, job.heartbeat_at = JobState.QUEUED, None
    job.save()
    if job.finished:
        job_ended.send(Job, job=job)
