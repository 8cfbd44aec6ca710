"""Keeps the search index up with what it is made of: tiles, scores, landmarks, and the model that is in use."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.consistency.models import Scan, ScanState
from annotation.landmarks import engine, selectors
from annotation.landmarks.errors import NoSearchModelError
from annotation.landmarks.models import LANDMARKS, IndexState, SearchIndex
from annotation.learning.models import ModelState, ModelVersion
from annotation.review.services import audit
from annotation.sources.models import Imagery, Region, SourceState

NO_WEIGHTS = (
    "there are no weights that find places: put a model in use on a page of training, or set "
    "MAPWRIGHT_LANDMARKS_WEIGHTS to a file"
)


@transaction.atomic
def start(*, user: User | None, region: Region | None = None, wake: bool = True) -> Job:
    """Queue the job that brings the index up to what is there; one at a time.

    Args:
        region: whose tiles are read first.

    Raises:
        NoSearchModelError: there are no weights to make it with.
    """
    weights = engine.weights_in_use()
    if weights is None:
        raise NoSearchModelError(NO_WEIGHTS)
    row_of(weights)
    job = _enqueue(user, wake, region.pk if region else None)
    audit.record(
        actor=user, action="index.update", object_kind="search_index", object_id=weights.sha256[:16],
        scope_id=region.pk if region else None,
    )  # fmt: skip
    return job


def row_of(weights: engine.Weights) -> SearchIndex:
    """The index of a model: the one it has, or a new one."""
    row, _ = SearchIndex.objects.get_or_create(
        model_digest=weights.sha256,
        defaults={"model": weights.model, "folder": f"landmarks/indexes/{weights.sha256[:16]}"},
    )
    if row.state == IndexState.RETIRED:
        row.state = IndexState.BUILDING
        row.save(update_fields=["state"])
    return row


def changed() -> None:
    """Note that the index lacks something, and queue its update; until somebody makes the first, nothing is noted."""
    rows = SearchIndex.objects.exclude(state=IndexState.RETIRED)
    if rows.update(stale_since=timezone.now()) and engine.weights_in_use() is not None:
        _enqueue(None, True, None)


def on_imagery(sender: Any, *, instance: Imagery, **kwargs: Any) -> None:
    """Receiver of saved and deleted imagery."""
    if instance.state == SourceState.READY:
        changed()


def on_region(sender: Any, *, instance: Region, update_fields: Any = None, **kwargs: Any) -> None:
    """Receiver of saved regions: another imagery may be in use now."""
    if update_fields and "pinned_imagery" in update_fields:
        changed()


def on_tiles(sender: Any, **kwargs: Any) -> None:
    """Receiver of tiles that were made."""
    changed()


def on_scan(sender: Any, *, instance: Scan, **kwargs: Any) -> None:
    """Receiver of saved scans: a finished one has other scores."""
    if instance.state == ScanState.READY:
        changed()


def on_model(sender: Any, *, instance: ModelVersion, **kwargs: Any) -> None:
    """Receiver of saved models: one that comes into use, or goes, has an index of its own made, or the other's."""
    if instance.kind == LANDMARKS and instance.state != ModelState.CANDIDATE:
        changed()


def _enqueue(user: User | None, wake: bool, region_id: int | None) -> Job:
    return jobs.enqueue(
        kind=selectors.UPDATE, params={"region": region_id}, scope_id=None, created_by=user,
        dedup_key=selectors.ONE_UPDATE, wake=wake,
    )  # fmt: skip
