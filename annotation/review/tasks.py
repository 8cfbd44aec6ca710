"""Celery's doors to the queue: each is one call long."""

from celery import shared_task

from annotation.review.services import counts


@shared_task(name="annotation.review.tasks.fold_counts")
def fold_counts() -> None:
    """Fold the differences that answers left in the counts of queues."""
    counts.fold()
