"""Celery's doors to the jobs: each is one call long."""

from celery import shared_task

from annotation.common.services import jobs


@shared_task(name="annotation.common.tasks.run_job")
def run_job(job_id: str) -> None:
    """Run the job if it still waits; a message that comes twice or too late does nothing."""
    jobs.execute(job_id)


@shared_task(name="annotation.common.tasks.sweep_jobs")
def sweep_jobs() -> None:
    """Recover jobs whose worker or message was lost."""
    jobs.sweep()
