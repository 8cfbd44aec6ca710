"""Celery's doors to what leaves by itself: each is one call long."""

from celery import shared_task

from annotation.edits.services import freshness
from annotation.edits.services.uploads import watch
from annotation.edits.services.webhooks import deliver


@shared_task(name="annotation.edits.tasks.deliver_webhooks")
def deliver_webhooks() -> None:
    """Send to webhooks what is due."""
    deliver.deliver()


@shared_task(name="annotation.edits.tasks.watch_uploads")
def watch_uploads() -> None:
    """Ask the map what became of uploads, where uploads are on."""
    watch.start_due()


@shared_task(name="annotation.edits.tasks.ask_map_server")
def ask_map_server(change_id: int) -> None:
    """Ask the map's server about the building of an accepted change."""
    freshness.ask([change_id])
