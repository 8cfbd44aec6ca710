"""Which accepted changes go into a changeset: locked against an undo, one for each building."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from annotation.changes.engine import repeated_drawings
from annotation.changes.models import Change, ChangeKind
from annotation.common.errors import InvalidError
from annotation.edits import selectors
from annotation.edits.engine import base_of
from annotation.edits.errors import NotAcceptedError, NothingAcceptedError
from annotation.edits.models import Changeset, EditItem
from annotation.edits.osmchange.compile import keeps_value
from annotation.review.models import QueueItem
from annotation.sources.models import Region

MAX_EDITS = 1000
"""Edits taken into one changeset unless named; a changeset stays reviewable."""
MAX_ELEMENTS = 9_500
"""Elements that edits taken unnamed may touch, at most: OSM takes 10,000."""


def locked_changes(region: Region, change_ids: Sequence[int] | None) -> list[Change]:
    """The accepted changes asked for, with their queue items locked against an undo."""
    rows = selectors.exportable_changes(region)
    if change_ids is not None:
        rows = rows.filter(pk__in=change_ids)
    wanted = list(rows.values_list("pk", "item_id", "scan__snapshot_id")[: None if change_ids else 10 * MAX_EDITS])
    if change_ids is None:
        wanted = [row for row in wanted if row[2] == wanted[0][2]][:MAX_EDITS]
    _lock([row[1] for row in wanted])
    changes = list(
        selectors.exportable_changes(region)
        .filter(pk__in=[row[0] for row in wanted])
        .select_related("scan__snapshot", "scan__imagery", "footprint", "merged")
    )
    refuse_missing(changes, change_ids)
    if len({change.scan.snapshot_id for change in changes}) > 1:
        raise InvalidError("these changes are based on different maps; make one changeset for each map")
    return changes


def lock_items(region: Region, change_ids: Sequence[int]) -> None:
    """Lock the queue items of these changes against an undo, all at once and so in one order."""
    _lock(list(selectors.exportable_changes(region).filter(pk__in=change_ids).values_list("item_id", flat=True)))


def _lock(items: Sequence[int]) -> None:
    list(QueueItem.objects.select_for_update().filter(pk__in=items).order_by("pk"))


def refuse_missing(changes: Sequence[Change], change_ids: Sequence[int] | None) -> None:
    """Where something that was asked for is not there, or nothing is.

    Raises:
        NotAcceptedError: with the ids.
        NothingAcceptedError: there is nothing.
    """
    if change_ids is not None and {change.pk for change in changes} != set(change_ids):
        missing = sorted(set(change_ids) - {change.pk for change in changes})
        raise NotAcceptedError(
            f"{len(missing)} of these changes are not accepted, or they or their building are in a changeset already; "
            "leave them out",
            change_ids=missing,
        )
    if not changes:
        raise NothingAcceptedError("there is no accepted change that is not in a changeset yet; decide some first")


def one_per_building(changes: Sequence[Change]) -> list[Change]:
    """The newest decision on each building, mapped or new; an older one on the same stays out."""
    seen: set[int | None] = set()
    chosen: list[Change] = []
    repeated = repeated_drawings(changes)
    for change, again in zip(changes, repeated, strict=True):
        about = {change.object_id, change.merged.object_id if change.merged else None} - {None}
        if again or about & seen:
            continue
        seen |= about
        chosen.append(change)
    return chosen


def within_limit(changes: Sequence[Change]) -> list[Change]:
    """As many of them, from the first on, as surely fit into one OSM changeset; at least one."""
    touched = accumulate(map(_elements, changes))
    return [
        change for n, (change, sum_) in enumerate(zip(changes, touched, strict=True)) if not n or sum_ <= MAX_ELEMENTS
    ]


def _elements(change: Change) -> int:
    """Elements that the edit may touch, at most: the object and its parts, corners that are drawn, nodes that go."""
    bases = [one for one in (change.footprint, change.merged) if one is not None]
    drawn = 0 if change.kind == ChangeKind.REMOVE else (change.adjusted or change.geometry).num_coords
    return drawn + sum(len(base.parts) + len(base.members) + 1 for base in bases) + (6 if change.cut is not None else 2)


def new_item(changeset: Changeset | None, change: Change, demolish: bool) -> EditItem:
    """The edit that makes the change, not saved yet."""
    version = change.footprint.version if change.footprint else None
    item = EditItem(changeset=changeset, change=change, object_id=change.object_id, base_version=version)
    base = base_of(item)
    if base is not None and change.kind == ChangeKind.REMOVE and change.confirmed_on is None:
        item.demolish = demolish or keeps_value(base)
    return item
