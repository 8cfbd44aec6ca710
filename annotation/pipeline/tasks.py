"""Celery's doors to the pipeline: each is one call long."""

from celery import shared_task

from annotation.pipeline.services import start_first_look


@shared_task(name="annotation.pipeline.tasks.first_looks")
def first_looks() -> None:
    """Start the first looks that wait for nothing more."""
    start_first_look.start_where_due()
