"""A queue item lives as long as the change it is about."""

from typing import Any

from annotation.changes.models import Change
from annotation.review.models import QueueItem


def delete_item(sender: type[Change], instance: Change, **kwargs: Any) -> None:
    """Delete the item of a deleted change, and its verdicts with it."""
    QueueItem.objects.filter(pk=instance.item_id).delete()
