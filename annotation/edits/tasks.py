"""Celery's doors to what leaves by itself: each is one call long."""

from celery import shared_task

from annotation.edits.services.webhooks import deliver


@shared_task(name="annotation.edits.tasks.deliver_webhooks")
def deliver_webhooks() -> None:
    """Send to webhooks what is due."""
    deliver.deliver()
