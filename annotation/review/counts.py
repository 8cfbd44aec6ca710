"""Reads of the counts that the database keeps of every queue; nothing here counts items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import QuerySet, Sum

from annotation.review.models import QueueCount


@dataclass(frozen=True)
class Sort:
    """What a count is of."""

    kind: str
    state: str
    decision: str


def counts_of(stage: str, scope_id: int, batch_id: int | None = None) -> Counter[Sort]:
    """Items of the region's queue, or of one batch of it, by kind, state and decision."""
    return _summed(QueueCount.objects.filter(stage=stage, scope_id=scope_id, batch_id=batch_id))


def counts_with_batches(stage: str, scope_id: int) -> Counter[Sort]:
    """The same over the region's queue and all of its batches."""
    return _summed(QueueCount.objects.filter(stage=stage, scope_id=scope_id))


def counts_of_batches(stage: str, batch_ids: Collection[int]) -> dict[int, Counter[Sort]]:
    """The same for each of these batches."""
    found: dict[int, Counter[Sort]] = {pk: Counter() for pk in batch_ids}
    rows = QueueCount.objects.filter(stage=stage, batch_id__in=list(batch_ids))
    for batch_id, kind, state, decision, number in rows.values_list("batch_id", "kind", "state", "decision").annotate(
        total=Sum("number")
    ):
        if number and batch_id is not None:
            found[batch_id][Sort(kind, state, decision)] = number
    return found


def _summed(rows: QuerySet[QueueCount]) -> Counter[Sort]:
    summed = rows.values_list("kind", "state", "decision").annotate(total=Sum("number"))
    return Counter({Sort(kind, state, decision): number for kind, state, decision, number in summed if number})
