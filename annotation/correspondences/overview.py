"""Reads of a region's batches of correspondences with how far each is, for lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.correspondences.answers import ADJUDICATION, REVIEW
from annotation.review.batches import NO_BATCH, may_work, progress_of
from annotation.review.models import Batch
from annotation.sources.models import Region
from annotation.sources.selectors import get_region


def visible_batch(user: User, batch_id: int) -> tuple[Batch, Region]:
    """The batch and its region, or NotFoundError where it is missing or not this person's to see."""
    batch = Batch.objects.filter(pk=batch_id, stage=REVIEW).prefetch_related("people").first()
    if batch is None:
        raise NotFoundError(NO_BATCH)
    try:
        return batch, get_region(user, batch.scope_id)
    except NotFoundError as error:
        raise NotFoundError(NO_BATCH) from error


def described(batches: Sequence[Batch], user: User) -> list[Batch]:
    """The batches with `may_work`, `progress` and `disagreements` set."""
    progress, disagreements = progress_of(batches, REVIEW), progress_of(batches, ADJUDICATION)
    for batch in batches:
        shown: Any = batch
        shown.may_work = batch.closed_at is None and may_work(user, batch)
        shown.progress, shown.disagreements = progress[batch.pk], disagreements[batch.pk]
    return list(batches)
