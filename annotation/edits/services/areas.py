"""Accepted changes as changesets of one small area each: planned first, with what stands against them, then made."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import shapely
from django.conf import settings
from django.db import transaction

from annotation.accounts.models import User
from annotation.changes.models import Change
from annotation.common.errors import InvalidError
from annotation.edits import selectors
from annotation.edits.engine import Area, AreaLimits, Placed, accepted_change, areas
from annotation.edits.models import Changeset, EditItem
from annotation.edits.osmchange.compile import compile_change
from annotation.edits.osmchange.elements import MAX_CHANGES, NewIds, RefusedError
from annotation.edits.services import changesets, policy
from annotation.edits.services.choosing import new_item, one_per_building, refuse_missing
from annotation.edits.services.tags import Wished
from annotation.sources.engine import to_shapely
from annotation.sources.models import Region

MOST = 5000
"""Changes that are planned at once."""


@dataclass(frozen=True)
class Reason:
    """One thing that stands against an export of an area, and what to do."""

    code: str
    detail: str


@dataclass(frozen=True)
class PlannedArea:
    """A changeset that would be made.

    Attributes:
        box: (west, south, east, north) in degrees.
        elements: elements that its osmChange touches at most.
        snapshot: the map that it is based on.
        why_not: what its export would be refused for.
    """

    change_ids: tuple[int, ...]
    box: tuple[float, float, float, float]
    elements: int
    snapshot: int
    why_not: list[Reason] = field(default_factory=list)


@dataclass(frozen=True)
class Plan:
    """Areas, and how many accepted changes are not among them."""

    areas: list[PlannedArea]
    remaining: int


@dataclass(frozen=True)
class _Tried:
    """A change as its edit would be: where, how large, and why it can't be written, if so."""

    placed: Placed
    refused: RefusedError | None


def plan(
    *, region: Region, change_ids: Sequence[int] | None = None, most_edits: int | None = None,
    most_km: float | None = None, demolish: bool = False,
) -> Plan:  # fmt: skip
    """What would be made of the accepted changes named, else of the newest; nothing is written.

    Each map and each image has areas of its own.

    Args:
        most_edits, most_km: of one area; left out: as the installation says.

    Raises:
        NotAcceptedError, NothingAcceptedError: as for a changeset.
    """
    rows = selectors.exportable_changes(region)
    total = rows.count()
    if change_ids is not None:
        rows = rows.filter(pk__in=change_ids)
    found = list(rows.select_related("scan", "footprint", "item")[:MOST])
    refuse_missing(found, change_ids)
    chosen = one_per_building(found)
    limits = AreaLimits((most_km or settings.CHANGESET_KM) * 1000, most_edits or settings.CHANGESET_EDITS, MAX_CHANGES)
    lots: dict[tuple[int, int], list[_Tried]] = defaultdict(list)
    for change in chosen:
        lots[change.scan.snapshot_id, change.scan.imagery_id].append(_tried(change, demolish))
    vouched = set(policy.without_verdict(EditItem(change=change) for change in chosen))
    planned = [
        _planned(area, snapshot, {one.placed.change: one for one in lot}, vouched)
        for (snapshot, _), lot in sorted(lots.items())
        for area in areas([one.placed for one in lot], limits)
    ]
    return Plan(planned, max(0, total - len(chosen)))


def make_many(
    *, user: User, region: Region, groups: Sequence[Sequence[int]], wished: Wished, demolish: bool = False
) -> list[Changeset]:
    """A changeset for each group of accepted changes, all of them or none.

    Raises:
        InvalidError: a change is in two groups, or there are too many.
        NotAcceptedError: some are not accepted, or in a changeset by now: plan again.
    """
    named = [change for group in groups for change in group]
    if len(named) != len(set(named)):
        raise InvalidError("a change is in two of the groups: plan them again")
    if len(named) > MOST:
        raise InvalidError(f"at most {MOST} changes go into changesets at once: name fewer")
    with transaction.atomic():
        return [
            changesets.make(user=user, region=region, change_ids=list(group), wished=wished, demolish=demolish)
            for group in groups
        ]


def _tried(change: Change, demolish: bool) -> _Tried:
    """What the edit would be by itself; new elements count as they come, shared ones once for each edit."""
    drawn = to_shapely(change.adjusted or change.geometry)
    base = change.footprint
    shape = drawn if base is None else shapely.GeometryCollection([drawn, to_shapely(base.geometry)])
    nodes = frozenset(int(node[0]) for node in base.nodes) if base is not None else frozenset()
    refused, elements = None, 0
    try:
        elements = len(compile_change(accepted_change(new_item(None, change, demolish)), NewIds()))
    except RefusedError as error:
        refused = error
    return _Tried(Placed(change.pk, shape, nodes, elements), refused)


def _planned(area: Area, snapshot: int, tried: dict[int, _Tried], unvouched: set[int]) -> PlannedArea:
    reasons = []
    refused = [error for change in area.changes if (error := tried[change].refused) is not None]
    for code, count in sorted(Counter(error.code for error in refused).items()):
        first = next(error for error in refused if error.code == code)
        reasons.append(Reason(code, f"{count} of its edits can't be written as osmChange yet: {first.reason}"))
    nobody = len(unvouched & set(area.changes))
    if nobody:
        reasons.append(Reason("no_verdict", f"{nobody} of its edits carry no person's verdict in force"))
    if area.elements > MAX_CHANGES:
        reasons.append(
            Reason(
                "too_many_changes", f"it touches {area.elements} elements and OSM takes {MAX_CHANGES}: leave some out"
            )
        )
    return PlannedArea(area.changes, area.box, area.elements, snapshot, reasons)
