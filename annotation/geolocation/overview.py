"""The state of the search for images, in words: what looks, in what, and what is missing."""

from __future__ import annotations

from typing import Any

from annotation.accounts.models import User
from annotation.geolocation import engine, selectors
from annotation.geolocation.models import ReferenceBase
from annotation.geolocation.services.keep_up import NO_WEIGHTS
from annotation.learning.services.locator_kind import built_in


def databases_for(user: User) -> dict[str, Any]:
    """The databases and the locator, as this person may know them; the job that builds is the admins'."""
    found = selectors.databases()
    weights = engine.locator_in_use()
    return {
        "serving": found.serving,
        "building": found.building,
        "job": found.job if user.is_admin else None,
        "locator": _in_words(weights),
        "remedy": _remedy(found, weights),
    }


def _in_words(weights: engine.Weights | None) -> str:
    if weights is None:
        return ""
    if weights.model is not None:
        return f"model {weights.model.pk}"
    return built_in()


def _remedy(found: selectors.Databases, weights: engine.Weights | None) -> str:
    if weights is None:
        return NO_WEIGHTS
    if found.serving is None:
        return "no features are built yet: an admin builds them on the page of reference imagery"
    if not found.serving.base_count and not ReferenceBase.objects.exists():
        return "there is no ground to look on yet: import imagery of a region, or register reference imagery"
    return ""
