"""Reads of a region's batches with how far each is, for lists and the bench."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotation.accounts.models import User
from annotation.anchors.answers import ADJUDICATION, ANSWERED, REVIEW
from annotation.anchors.outcomes import outcomes_of
from annotation.review.agreement import wilson
from annotation.review.batches import may_work, progress_of
from annotation.review.models import Batch
from annotation.review.selectors import newest_to_work_on
from annotation.sources.models import Region
from annotation.sources.selectors import batch_of_region


def visible_batch(user: User, batch_id: int) -> tuple[Batch, Region]:
    """The batch and its region, or NotFoundError where it is missing or not this person's to see."""
    return batch_of_region(user, REVIEW, batch_id)


def described(batches: Sequence[Batch], user: User) -> list[Batch]:
    """The batches with `may_work`, `progress`, `disagreements`, `inspected` and `acceptance` set."""
    progress, disagreements = progress_of(batches, REVIEW), progress_of(batches, ADJUDICATION)
    outcomes = outcomes_of([batch.pk for batch in batches])
    for batch in batches:
        counts = outcomes[batch.pk]
        shown: Any = batch
        shown.may_work = batch.closed_at is None and may_work(user, batch)
        shown.progress, shown.disagreements = progress[batch.pk], disagreements[batch.pk]
        shown.inspected = counts.total()
        shown.acceptance = wilson(counts["accept"], sum(counts[decision] for decision in ANSWERED))
    return list(batches)


def batch_to_work_on(user: User, region: Region, stage: str = REVIEW) -> Batch | None:
    """The newest batch of the region with something open, to review or to settle, that this person may answer."""
    return newest_to_work_on(user, REVIEW, region.pk, stage)
