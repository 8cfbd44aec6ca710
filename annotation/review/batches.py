"""Reads of batches: which there are, how far they are, who works in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db.models import Count, Exists, OuterRef, QuerySet

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.review.counts import counts_of_batches
from annotation.review.models import Batch, ItemState, QueueItem


@dataclass
class Progress:
    """Items of a batch: how many wait, and the decisions in force by kind.

    Attributes:
        waiting: so many of the decided ones wait for a second answer; `decisions` are those of the others.
    """

    open: int = 0
    decided: int = 0
    withdrawn: int = 0
    waiting: int = 0
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
    """How far each batch is in one stage's items.

    What an answer was is told once nobody is to give a second one on its subject: the counts would tell it to them.
    """
    batches = list(batches)
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
    for batch_id, hidden in _hidden(stage, [one.pk for one in batches if one.second_share and found[one.pk].open]):
        one = found[batch_id]
        told = without(one.decisions, hidden)
        one.waiting, one.decisions = one.decided - sum(told.values()), told
    return found


def _hidden(stage: str, batch_ids: list[int]) -> Iterable[tuple[int, Counter[str]]]:
    """By batch, the decisions that a second answer has still to follow."""
    hidden: dict[int, Counter[str]] = {}
    if batch_ids:
        items = awaiting_second(QueueItem.objects.filter(stage=stage, batch__in=batch_ids)).order_by()
        for batch_id, decision, number in items.values_list("batch_id", "decision").annotate(Count("pk")):
            if batch_id is not None:
                hidden.setdefault(batch_id, Counter())[decision] = number
    return hidden.items()


def doubled_batches(scope_id: int) -> list[int]:
    """Batches of a region in which second answers may still come."""
    rows = Batch.objects.filter(scope_id=scope_id, second_share__gt=0, closed_at=None)
    return list(rows.values_list("pk", flat=True))


def awaiting_second(items: QuerySet[QueueItem]) -> QuerySet[QueueItem]:
    """Those of the items that are decided while a blind second answer on their subject is still to come."""
    same = {"batch": OuterRef("batch"), "subject_id": OuterRef("subject_id"), "stage": OuterRef("stage")}
    twins = QueueItem.objects.filter(**same, state=ItemState.OPEN)
    return items.filter(Exists(twins), batch__isnull=False, state=ItemState.DECIDED)


def without(counts: Mapping[str, int], hidden: Mapping[str, int]) -> dict[str, int]:
    """The counts less those hidden, which may have been read a moment later; what is left of nothing is left out."""
    return dict(Counter(counts) - Counter(hidden))


def twins_of(item: QueueItem) -> QuerySet[QueueItem]:
    """The other items on the same subject of the same batch."""
    if item.batch_id is None:
        return QueueItem.objects.none()
    return QueueItem.objects.filter(batch_id=item.batch_id, subject_id=item.subject_id).exclude(pk=item.pk)
