"""Celery's doors to the suggestions: each is one call long."""

from celery import shared_task

from annotation.changes.services import alerts as alerts_of_filters
from annotation.changes.services import rescore


@shared_task(name="annotation.changes.tasks.look_again")
def look_again() -> None:
    """Have suggestions renewed that somebody held while their tiles were scored anew, and holds no more."""
    rescore.start_where_let_go()


@shared_task(name="annotation.changes.tasks.alerts")
def alerts() -> None:
    """Tell owners of saved filters of what is new in them."""
    alerts_of_filters.tell()
