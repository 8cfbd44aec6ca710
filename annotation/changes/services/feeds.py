"""The feed of a saved filter as it is now: what is open and fits, the newest first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from annotation.changes.asked import wanted_of_text
from annotation.changes.facets import wish_of
from annotation.changes.models import Change, SavedFilter
from annotation.review.lists import page_of
from annotation.review.models import ItemState

LATEST = 50


def newest_items(kept: SavedFilter, number: int = LATEST) -> list[int]:
    """Items of the newest open changes that fit."""
    wanted = replace(wanted_of_text(kept.query), states=[ItemState.OPEN.value], ordering="newest")
    return page_of("changes", kept.region_id, wish_of(kept.region_id, wanted), "newest", None, number).rows


def address_of(absolute: Callable[[str], str]) -> Callable[[Change], str]:
    """Where each change is looked at, given how an absolute address is made of a path."""
    return lambda change: absolute(f"/regions/{change.scan.region_id}/changes/{change.pk}/")
