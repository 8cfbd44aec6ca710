"""Reads of a group: the suggestions of one scan around one of them, and how each stands for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.gis.db.models.functions import Distance
from django.db.models import QuerySet
from django.db.models.functions import Now

from annotation.accounts.models import User
from annotation.changes.models import Change, ChangeKind, GroupMove
from annotation.changes.objects import Base, edited_since, states_in
from annotation.changes.selectors import geojson, older_than_edit
from annotation.common.errors import NotFoundError
from annotation.consistency.models import ShiftOrigin, TileScore
from annotation.review.models import ItemState, QueueItem
from annotation.sources.models import MapSnapshot
from annotation.sources.selectors import newest_snapshot_id, visible_regions

MOST = 200
"""Suggestions of one group that are moved at once: the nearest ones."""
REACHES = {"tile": 0, "around": 1}
"""How many tiles a group reaches beyond the tile of its suggestion."""


@dataclass(frozen=True)
class Group:
    """The suggestions around one, the nearest first.

    Attributes:
        members: rows with `standing`, "" where the person may move it, else the reason why it stays.
        more: so many lie farther away and are not among the members.
        offset: the registration shift of the suggestion's tile as `{east_m, north_m, confidence, origin}`; None where
            none is known.
    """

    members: list[dict[str, Any]]
    more: int
    offset: dict[str, Any] | None


def in_reach(change: Change, reach: str) -> QuerySet[Change]:
    """Suggestions of the change's scan on its tile or around it, those that were withdrawn left out."""
    tile, far = change.pair.tile, REACHES[reach]
    near = {"pair__tile__x__range": (tile.x - far, tile.x + far), "pair__tile__y__range": (tile.y - far, tile.y + far)}
    return Change.objects.filter(scan=change.scan_id, **near).exclude(item__state=ItemState.WITHDRAWN)


def group_of(user: User, change: Change, reach: str) -> Group:
    """Everything that the page shows of a suggestion's group before it is moved."""
    rows = in_reach(change, reach)
    count = rows.count()
    nearest = rows.select_related("item__decided_by", "footprint", "scan__imagery").alias(
        away=Distance("geometry", change.geometry)
    )
    changes = list(nearest.order_by("away", "pk")[:MOST])
    held = _held_by_others(user, changes)
    newer = _newer_in_the_map(change, changes)
    members = [
        {
            "item": one.item_id,
            "change": one.pk,
            "kind": one.kind,
            "version": one.item.version,
            "geometry": geojson(one.adjusted or one.geometry),
            "confidence": one.confidence,
            "standing": _standing(user, one, held),
            "decided_by": one.item.decided_by.username if one.item.decided_by else None,
            "doubt": "newer_map" if one.pk in newer else "older_image" if older_than_edit(one) else "",
        }
        for one in changes
    ]
    return Group(members, count - len(members), shift_of(change))


def shift_of(change: Change) -> dict[str, Any] | None:
    """How far the image lies off the map on the change's tile, by the scan's registration."""
    known = TileScore.objects.filter(scan=change.scan_id, pair=change.pair_id, shift_east_m__isnull=False)
    score = known.exclude(shift_origin=ShiftOrigin.NONE).first()
    if score is None:
        return None
    return {
        "east_m": score.shift_east_m,
        "north_m": score.shift_north_m,
        "confidence": score.shift_confidence or 0.0,
        "origin": score.shift_origin,
    }


def get_move(user: User, move_id: int) -> GroupMove:
    """The move, or NotFoundError where it is missing or in a region the person may not see."""
    move = GroupMove.objects.filter(pk=move_id, change__scan__region__in=visible_regions(user)).first()
    if move is None:
        raise NotFoundError("there is no such move, or you are not a member of its region")
    return move


def _standing(user: User, change: Change, held: set[int]) -> str:
    if change.item.state == ItemState.DECIDED:
        return "decided"
    if change.item_id in held:
        return "held"
    if change.item.assigned_to_id not in {None, user.pk}:
        return "flagged"
    return "removal" if change.kind == ChangeKind.REMOVE else ""


def _held_by_others(user: User, changes: Sequence[Change]) -> set[int]:
    live = QueueItem.objects.filter(change__in=changes, state=ItemState.OPEN, lease_expires_at__gt=Now())
    return set(live.exclude(lease_holder=user).values_list("pk", flat=True))


def _newer_in_the_map(change: Change, changes: Sequence[Change]) -> set[int]:
    """Which of them a map newer than the scanned one has edited or lacks."""
    newest = newest_snapshot_id(change.scan.region_id)
    bases = {
        one.pk: Base(one.object_id, one.footprint.version, one.footprint.geometry)
        for one in changes
        if one.footprint is not None and one.object_id is not None
    }
    if newest is None or newest == change.scan.snapshot_id or not bases:
        return set()
    states = states_in(MapSnapshot.objects.get(pk=newest), [base.object_id for base in bases.values()])
    return {pk for pk, base in bases.items() if edited_since(base, states.get(base.object_id))}
