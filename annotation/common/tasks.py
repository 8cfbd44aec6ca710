"""Celery's doors to the jobs: each is one call long."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready, worker_shutdown

from annotation.common.services import jobs, workers

_beats: list[workers.Beat] = []


@shared_task(name="annotation.common.tasks.run_job")
def run_job(job_id: str) -> None:
    """Run the job if it still waits; a message that comes twice or too late does nothing."""
    jobs.execute(job_id)


@shared_task(name="annotation.common.tasks.sweep_jobs")
def sweep_jobs() -> None:
    """Recover jobs whose worker or message was lost."""
    jobs.sweep()


@worker_ready.connect
def say_that_a_worker_is_there(sender: Any, **kwargs: Any) -> None:
    """A worker tells which queues it serves, and goes on telling that it lives."""
    beat = workers.Beat(sender.hostname, list(sender.app.amqp.queues.consume_from))
    _beats.append(beat)
    beat.start()


@worker_shutdown.connect
def say_that_a_worker_is_gone(**kwargs: Any) -> None:
    """A worker that ends in peace says so."""
    while _beats:
        _beats.pop().stop()
