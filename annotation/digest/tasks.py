"""Celery's door to the digests."""

from celery import shared_task
from django.utils import timezone

from annotation.digest.services import send


@shared_task(name="annotation.digest.tasks.send_digests")
def send_digests() -> None:
    """Send the digests of periods that are over."""
    send.tell(timezone.now())
