"""How much of a region can be searched, and what the next model would learn from, in numbers and words."""

from __future__ import annotations

from typing import Any

from annotation.accounts.models import User
from annotation.accounts.permissions import has_role
from annotation.landmarks import engine, selectors
from annotation.landmarks.models import LANDMARKS, Landmark
from annotation.landmarks.services.keep_up import NO_WEIGHTS
from annotation.landmarks.services.model_kind import built_in
from annotation.learning import selectors as learning
from annotation.sources.models import Region
from annotation.sources.selectors import imagery_in_use

NO_TILES = "the region has no tiles yet: import imagery and a map, and have its tiles made"
NOT_READ = "no tile of the region was read yet: have the search updated"


def state_of(user: User, region: Region) -> dict[str, Any]:
    """What of a region can be found, as this person may know it."""
    row, imagery = selectors.index_serving(), imagery_in_use(region)
    tiles = selectors.mark_of(imagery, None)[1] if imagery is not None else 0
    index = engine.index_folder(row) if row is not None else None
    embedded = engine.tiles_found(index.regions, region.pk) if index is not None else 0
    weights = engine.weights_in_use()
    named = "" if row is None else f"model {row.model_id}" if row.model_id else "the model that ships"
    return {
        "model": named, "tiles": tiles, "embedded": embedded,
        "whole": row is not None and row.stale_since is None and embedded >= tiles,
        "job": selectors.update_job(), "may_update": has_role(user, "editor") and weights is not None,
        "remedy": NO_WEIGHTS if weights is None else NO_TILES if not tiles else "" if embedded else NOT_READ,
    }  # fmt: skip


def models_ahead() -> dict[str, Any]:
    """What the next search model would learn from, and what is in use meanwhile."""
    active = learning.models_in_use(LANDMARKS).filter(region=None).select_related("run__data_set").first()
    images = learning.ready_imagery().order_by()
    learnt = [one["imagery_id"] for one in active.run.data_set.payload.get("sources", [])] if active else []
    return {
        "images": images.count(), "regions": images.values("region").distinct().count(),
        "landmarks": Landmark.objects.count(), "new": images.exclude(pk__in=learnt).count(),
        "model": active.pk if active else None, "in_use": f"model {active.pk}" if active else built_in(),
        "weights": engine.weights_in_use() is not None,
    }  # fmt: skip
