"""Reads of batches: which there are, how far they are, who works in them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import QuerySet

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.review.counts import counts_of_batches
from annotation.review.models import Batch, ItemState, QueueItem


@dataclass
class Progress:
    """Items of a batch: how many wait, and the decisions in force by kind."""

    open: int = 0
    decided: int = 0
    withdrawn: int = 0
    decisions: dict[str, int] = field(default_factory=dict)


def batches_of(stage: str, scope_id: int) -> QuerySet[Batch]:
    """A region's batches, newest first."""
    rows = Batch.objects.filter(stage=stage, scope_id=scope_id)
    return rows.select_related("created_by").prefetch_related("people").order_by("-pk")


def get_batch(scope_id: int, batch_id: int, stage: str | None = None) -> Batch:
    """The batch of this region, or NotFoundError."""
    rows = Batch.objects.filter(scope_id=scope_id, pk=batch_id)
    batch = (rows.filter(stage=stage) if stage else rows).first()
    if batch is None:
        raise NotFoundError(NO_BATCH)
    return batch


NO_BATCH = "there is no such batch, or you are not a member of its region"


def may_work(user: User, batch: Batch) -> bool:
    """Whether the person gets items of the batch."""
    return batch.open_to_all or user.is_admin or batch.people.filter(pk=user.pk).exists()


def progress_of(batches: Iterable[Batch], stage: str) -> dict[int, Progress]:
    """How far each batch is in one stage's items."""
    found: dict[int, Progress] = {}
    for batch_id, counts in counts_of_batches(stage, [batch.pk for batch in batches]).items():
        one = found[batch_id] = Progress()
        for sort, number in counts.items():
            if sort.state == ItemState.DECIDED:
                one.decided += number
                one.decisions[sort.decision] = one.decisions.get(sort.decision, 0) + number
            elif sort.state == ItemState.OPEN:
                one.open += number
            else:
                one.withdrawn += number
    return found


def twins_of(item: QueueItem) -> QuerySet[QueueItem]:
    """The other items on the same subject of the same batch."""
    if item.batch_id is None:
        return QueueItem.objects.none()
    return QueueItem.objects.filter(batch_id=item.batch_id, subject_id=item.subject_id).exclude(pk=item.pk)
