"""A queue item lives as long as the proposal it is about, a batch as long as its region."""

from typing import Any

from annotation.correspondences.answers import REVIEW
from annotation.correspondences.models import CorrespondencesReview
from annotation.review.models import Batch, QueueItem
from annotation.sources.models import Region


def delete_item(sender: type[CorrespondencesReview], instance: CorrespondencesReview, **kwargs: Any) -> None:
    """Delete the item of a deleted review, and its verdicts with it."""
    QueueItem.objects.filter(pk=instance.item_id).delete()


def delete_batches(sender: type[Region], instance: Region, **kwargs: Any) -> None:
    """Delete the batches of a deleted region; their items went with the proposals."""
    Batch.objects.filter(stage=REVIEW, scope_id=instance.pk).delete()
