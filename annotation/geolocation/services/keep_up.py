"""Keeps the feature database up with what it is built of: bases that come and go, and the locator that is in use."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.geolocation import engine, selectors
from annotation.geolocation.errors import NoLocatorError
from annotation.geolocation.models import DatabaseState, FeatureDatabase
from annotation.learning.models import LOCATOR, ModelState, ModelVersion
from annotation.review.services import audit
from annotation.sources.models import Imagery, SourceState

NO_WEIGHTS = (
    "there are no weights that look for images: put a locator in use on a page of training, or set "
    "MAPWRIGHT_LOCATOR_WEIGHTS to a file"
)


@transaction.atomic
def start(*, user: User | None, wake: bool = True) -> Job:
    """Queue the job that builds features of what is new; one at a time.

    Raises:
        NoLocatorError: there are no weights to build them with.
    """
    weights = engine.locator_in_use()
    if weights is None:
        raise NoLocatorError(NO_WEIGHTS)
    if not FeatureDatabase.objects.filter(model_digest=weights.sha256).exists():
        row_of(weights)
    job = _enqueue(user, wake)
    audit.record(
        actor=user, action="features.build", object_kind="feature_database", object_id=weights.sha256[:16],
        scope_id=None,
    )  # fmt: skip
    return job


def row_of(weights: engine.Weights) -> FeatureDatabase:
    """The database of a locator: the one it has, or a new one."""
    row, _ = FeatureDatabase.objects.get_or_create(
        model_digest=weights.sha256,
        defaults={"model": weights.model, "folder": f"geolocation/databases/{weights.sha256[:16]}"},
    )
    if row.state == DatabaseState.RETIRED:
        row.state = DatabaseState.BUILDING
        row.save(update_fields=["state"])
    return row


def bases_changed() -> None:
    """Note that bases came or went, and queue their features; until somebody builds a database nothing is noted."""
    rows = FeatureDatabase.objects.exclude(state=DatabaseState.RETIRED)
    if rows.update(stale_since=timezone.now()) and engine.locator_in_use() is not None:
        _enqueue(None, True)


def on_imagery(sender: Any, *, instance: Imagery, **kwargs: Any) -> None:
    """Receiver of saved and deleted imagery: what is ready and has no bases yet, or had some, is another state."""
    if instance.state == SourceState.READY:
        bases_changed()


def on_model(sender: Any, *, instance: ModelVersion, **kwargs: Any) -> None:
    """Receiver of saved models: a locator that comes into use, or goes, has the features of the other one built."""
    if instance.kind == LOCATOR and instance.state != ModelState.CANDIDATE:
        bases_changed()


def _enqueue(user: User | None, wake: bool) -> Job:
    return jobs.enqueue(
        kind=selectors.BUILD, params={}, scope_id=None, created_by=user, dedup_key=selectors.ONE_BUILD, wake=wake
    )
