"""Reads of a region's batches of correspondences with how far each is, for lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from annotation.accounts.models import User
from annotation.correspondences.answers import ADJUDICATION, REVIEW
from annotation.review.batches import may_work, progress_of
from annotation.review.models import Batch


def described(batches: Sequence[Batch], user: User) -> list[Batch]:
    """The batches with `may_work`, `progress` and `disagreements` set."""
    progress, disagreements = progress_of(batches, REVIEW), progress_of(batches, ADJUDICATION)
    for batch in batches:
        shown: Any = batch
        shown.may_work = batch.closed_at is None and may_work(user, batch)
        shown.progress, shown.disagreements = progress[batch.pk], disagreements[batch.pk]
    return list(batches)
