"""Accepted changes as changesets of one small area each: planned first, with what stands against them, then made."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import shapely
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from annotation.accounts.models import User
from annotation.changes.models import Change, ChangeKind
from annotation.common.errors import InvalidError
from annotation.edits import selectors
from annotation.edits.engine import Area, AreaLimits, Placed, accepted_change, areas
from annotation.edits.models import Changeset
from annotation.edits.osmchange.compile import compile_change
from annotation.edits.osmchange.elements import MAX_CHANGES, NewIds, RefusedError
from annotation.edits.selectors import NEWEST_FIRST
from annotation.edits.services import changesets, policy
from annotation.edits.services.choosing import lock_items, new_item, one_per_building, refuse_missing
from annotation.edits.services.tags import Wished
from annotation.sources.engine import to_shapely
from annotation.sources.models import Region

MOST, MOST_AREAS = 5000, 500
"""Changes that are planned at once, and changesets made of them."""


ADD = ChangeKind.ADD


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


@dataclass(frozen=True)
class _Against:
    """Changes that no person's verdict accounts for, and those that the newest map contradicts."""

    unvouched: set[int]
    contradicted: set[int]


def plan(
    *, region: Region, change_ids: Sequence[int] | None = None, most_edits: int | None = None,
    most_km: float | None = None, demolish: bool = False,
) -> Plan:  # fmt: skip
    """What would be made of the accepted changes named, else of all; nothing is written.

    Each map and each image has areas of its own. Where there are more changes than are planned at once, neighbours come
    first, along the curve of Hilbert by which PostGIS sorts shapes: once these are made, the next ones are planned.

    Args:
        most_edits, most_km: of one area; left out: as the installation says.

    Raises:
        NotAcceptedError, NothingAcceptedError: as for a changeset.
    """
    rows = selectors.exportable_changes(region)
    total = rows.count()
    if change_ids is not None:
        rows = rows.filter(pk__in=change_ids)
    found = _found(rows)
    refuse_missing(found, change_ids)
    chosen = one_per_building(found)
    limits = AreaLimits((most_km or settings.CHANGESET_KM) * 1000, most_edits or settings.CHANGESET_EDITS, MAX_CHANGES)
    lots: dict[tuple[int, int], list[_Tried]] = defaultdict(list)
    for change in chosen:
        lots[change.scan.snapshot_id, change.scan.imagery_id].append(_tried(change, demolish))
    edits = [new_item(None, change, demolish) for change in chosen]
    against = _Against(
        unvouched=set(policy.without_verdict(edits)),
        contradicted={one.change for one in selectors.conflicts_of(region, edits)},
    )
    planned = [
        _planned(area, snapshot, {one.placed.change: one for one in lot}, against)
        for (snapshot, _), lot in sorted(lots.items())
        for area in areas([one.placed for one in lot], limits)
    ][:MOST_AREAS]
    return Plan(planned, total - sum(len(area.change_ids) for area in planned))


def _found(rows: QuerySet[Change]) -> list[Change]:
    """At most as many as are planned at once, neighbours first; in the order of the decisions, the newest first."""
    ids = list(rows.order_by("geometry", "pk").values_list("pk", flat=True)[: MOST + 1])
    found = Change.objects.filter(pk__in=ids[:MOST])
    if len(ids) > MOST:
        # Of one building everything is planned at once, so that the newest decision on it is known.
        others = rows.exclude(pk__in=ids[:MOST]).order_by()
        found = found.exclude(Exists(others.filter(object_id=OuterRef("object_id"))))
        found = found.exclude(Exists(others.filter(kind=ADD, geometry__intersects=OuterRef("geometry"))), kind=ADD)
    return list(found.select_related("scan", "footprint", "merged", "item").order_by(*NEWEST_FIRST))


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
        Region.objects.select_for_update(no_key=True).get(pk=region.pk)  # first, as each changeset does
        lock_items(region, named)
        return [
            changesets.make(user=user, region=region, change_ids=list(group), wished=wished, demolish=demolish)
            for group in groups
        ]


def _tried(change: Change, demolish: bool) -> _Tried:
    """What the edit would be by itself; new elements count as they come, shared ones once for each edit."""
    drawn = to_shapely(change.adjusted or change.geometry)
    base = change.footprint
    shape = drawn if base is None else shapely.GeometryCollection([drawn, to_shapely(base.geometry)])
    parts = {key for one in (base, change.merged) if one is not None for key in one.parts}
    nodes = frozenset(int(key.removeprefix("node/")) for key in parts if key.startswith("node/"))
    refused, elements = None, 0
    try:
        elements = len(compile_change(accepted_change(new_item(None, change, demolish)), NewIds()))
    except RefusedError as error:
        refused = error
    return _Tried(Placed(change.pk, shape, nodes, elements), refused)


def _planned(area: Area, snapshot: int, tried: dict[int, _Tried], against: _Against) -> PlannedArea:
    reasons = []
    refused = [error for change in area.changes if (error := tried[change].refused) is not None]
    for code, count in sorted(Counter(error.code for error in refused).items()):
        first = next(error for error in refused if error.code == code)
        reasons.append(Reason(code, f"{count} of its edits can't be written as osmChange yet: {first.reason}"))
    contradicted = len(against.contradicted & set(area.changes))
    if contradicted:
        reasons.append(Reason("conflicting_edits", f"the newest map says otherwise than {contradicted} of its edits"))
    nobody = len(against.unvouched & set(area.changes))
    if nobody:
        reasons.append(Reason("no_verdict", f"{nobody} of its edits carry no person's verdict in force"))
    if area.elements > MAX_CHANGES:
        reasons.append(
            Reason(
                "too_many_changes", f"it touches {area.elements} elements and OSM takes {MAX_CHANGES}: leave some out"
            )
        )
    return PlannedArea(area.changes, area.box, area.elements, snapshot, reasons)
