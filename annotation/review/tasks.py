"""Celery's doors to the queue: each is one call long."""

from celery import shared_task

from annotation.review.services import assign, counts


@shared_task(name="annotation.review.tasks.fold_counts")
def fold_counts() -> None:
    """Fold the differences that answers left in the counts of queues."""
    counts.fold()


@shared_task(name="annotation.review.tasks.put_back")
def put_back() -> None:
    """Put items back that were given to a person for a time that is over."""
    assign.put_back_what_ended()
