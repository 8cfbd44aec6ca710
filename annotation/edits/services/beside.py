"""The buildings beside the edits of a changeset, whose nodes their corners may share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence

import shapely
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from annotation.changes.models import LEAVING, Change, ChangeDecision, ChangeKind
from annotation.changes.objects import states_in
from annotation.edits.engine import final_geometry
from annotation.edits.models import Changeset, EditItem
from annotation.edits.neighbourhood import DRAWN, NEAR, boxes, hexes
from annotation.edits.osmchange.elements import Node
from annotation.edits.osmchange.joining import Neighbour
from annotation.edits.osmchange.nodes import OldNode
from annotation.edits.states import State, base_state, is_behind, merged_state, node_ids, of_footprint
from annotation.review.models import ItemState
from annotation.sources.engine import to_shapely
from annotation.sources.models import Footprint, MapSnapshot, SourceState
from annotation.sources.selectors import newest_snapshot

AT_ONCE = 500
NOT_BEFORE = Coalesce(OuterRef("version"), 0)
"""Of a building of a map: answers about this version or a later one are not in that map; if it has none, none is."""


def beside(changeset: Changeset, items: Sequence[EditItem]) -> dict[int, list[Neighbour]]:
    """Ways of the buildings beside each edit that draws a shape, by edit, as the region's newest map has them.

    Buildings that the changeset edits itself are left out: their nodes may move or go. So are those of which another
    edit or an open suggestion may move them before this one leaves, and those of maps without ids. One probe of the
    index for each edit, `AT_ONCE` of them in a query, and one for each building beside what a person drew.
    """
    drawing = [item for item in items if item.operations is None and _draws(item)]
    newest = newest_snapshot(changeset.region) if drawing else None
    if newest is None:
        return {}
    about = EditItem.objects.filter(changeset=changeset).values_list("object", "change__merged__object")
    edited = {number for pair in about for number in pair if number is not None}
    found: dict[int, list[Neighbour]] = {}
    for start in range(0, len(drawing), AT_ONCE):
        lot = drawing[start : start + AT_ONCE]
        near = list(_near(newest.pk, lot).exclude(object__in=edited).exclude(Exists(_moving()) | Exists(_going())))
        found |= _around(lot, near, _written(changeset, lot, near))
    return found


def nodes_beside(changeset: Changeset, items: Sequence[EditItem], wanted: Collection[int]) -> Iterator[Node]:
    """Nodes of the buildings around these edits: those that are wanted, each once.

    As the newest map has them; those that are gone from it, as the map that had them last, back to the changeset's own.
    """
    drawing = [item for item in items if _draws(item)]
    missing = set(wanted)
    for snapshot_id in _maps_since(changeset) if missing else ():
        for start in range(0, len(drawing), AT_ONCE):
            lot = drawing[start : start + AT_ONCE]
            ways = _around(lot, list(_near(snapshot_id, lot)), {})
            found = {node.id: node for beside in ways.values() for way in beside for node in way.nodes}
            yield from (found[number].plain for number in sorted(found.keys() & missing))
            missing -= found.keys()
        if not missing:
            return


def gone_nodes(changeset: Changeset, items: Sequence[EditItem]) -> set[int]:
    """Nodes that no edited building has any more in the region's newest map, though their own is at its version there.

    So it is where ways of a multipolygon were edited without it. What is at another version there is a conflict, and
    does not leave, or the map is the older one and tells nothing.
    """
    newest = (
        newest_snapshot(changeset.region) if any(item.operations is None and _draws(item) for item in items) else None
    )
    pairs = [(item.object_id, base_state(item)) for item in items]
    pairs += [(item.change.merged.object_id, merged_state(item)) for item in items if item.change.merged is not None]
    known = [(number, state) for number, state in pairs if number is not None and state is not None]
    older = {number for number, state in known if newest is not None and state.snapshot != newest.pk}
    if newest is None or not older:
        return set()
    theirs = {number: of_footprint(row) for number, row in states_in(newest, older).items()}
    there: set[int] = set()
    for number, state in known:
        there |= node_ids(_by_now(state, theirs.get(number)))
    return set().union(*(node_ids(state) for _, state in known)) - there


def _by_now(state: State, their: State | None) -> State:
    """What a map has of the building, if it tells something."""
    if their is None or (None not in {state.version, their.version} and state.version != their.version):
        return state
    return state if is_behind(their, state) else their


def _maps_since(changeset: Changeset) -> list[int]:
    """Maps on which its edits may have been joined to their neighbours, the newest first."""
    newest = newest_snapshot(changeset.region)
    maps = MapSnapshot.objects.filter(region=changeset.region, state=SourceState.READY, pk__gte=changeset.snapshot_id)
    others = maps.order_by("-pk").values_list("pk", flat=True)
    return list(dict.fromkeys([*([newest.pk] if newest is not None else []), *others]))


def _draws(item: EditItem) -> bool:
    return item.change.kind != ChangeKind.REMOVE and item.change.confirmed_on is None


def _near(snapshot_id: int, items: Sequence[EditItem]) -> QuerySet[Footprint]:
    """A map's buildings around these edits; `doubted` are those that somebody may be about to edit."""
    said = Q(item__state=ItemState.OPEN) | Q(item__decision__in=LEAVING)
    about = Change.objects.filter(said, object=OuterRef("object"))
    taken_in = Change.objects.filter(merged__object=OuterRef("object"), item__decision=ChangeDecision.ACCEPT)
    around = RawSQL(NEAR, [hexes(boxes(map(final_geometry, items))), snapshot_id])  # noqa: S611
    rows = Footprint.objects.filter(snapshot=snapshot_id, osm_id__gt=0, pk__in=around)
    rows = rows.annotate(doubted=Exists(about) | Exists(taken_in))
    return rows.only("object", "osm_type", "osm_id", "version", "tags", "nodes", "ways", "geometry")


def _moving() -> QuerySet[Change]:
    """Of a building of a map: what may move or delete its nodes, and is not in that map yet."""
    shapes = Q(item__state=ItemState.OPEN, kind__in=(ChangeKind.MODIFY, ChangeKind.SHIFTED))
    rows = Change.objects.filter(shapes | Q(item__decision=ChangeDecision.ACCEPT), object=OuterRef("object"))
    rows = rows.annotate(known=Coalesce("edit_items__base_version", "footprint__version"))
    return rows.filter(Q(known__gte=NOT_BEFORE) | Q(known__isnull=True))


def _going() -> QuerySet[Change]:
    """Of a building of a map: answers that make it one with another, and are not in that map yet."""
    rows = Change.objects.filter(merged__object=OuterRef("object"), item__decision=ChangeDecision.ACCEPT)
    return rows.filter(Q(merged__version__gte=NOT_BEFORE) | Q(merged__version__isnull=True))


def _written(changeset: Changeset, items: Sequence[EditItem], near: Sequence[Footprint]) -> dict[int, int]:
    """Ways of these buildings that files of the region's changesets write, with the versions they write them over."""
    if not near or all(item.change.adjusted is None and item.change.cut is None for item in items):
        return {}
    around = hexes(boxes(row.geometry for row in near))
    drawn = RawSQL(DRAWN, [around, around])  # noqa: S611
    frozen = EditItem.objects.filter(changeset__region=changeset.region, operations__isnull=False, change__in=drawn)
    found: dict[int, int] = {}
    for operations in frozen.values_list("operations", flat=True):
        for one in operations or ():
            if one["kind"] == "way" and one["action"] == "modify":
                number, version = one["element"]["id"], one["element"]["version"]
                found[number] = max(found.get(number, 0), version or 0)
    return found


def _around(
    items: Sequence[EditItem], near: Sequence[Footprint], written: Mapping[int, int]
) -> dict[int, list[Neighbour]]:
    """Of the buildings near these edits: ways of those around each one, by edit."""
    found: dict[int, list[Neighbour]] = defaultdict(list)
    if not near:
        return found
    tree = shapely.STRtree([to_shapely(row.geometry) for row in near])
    ways = [list(_ways(row, written)) for row in near]
    around = boxes(map(final_geometry, items))
    for index, row in sorted(tree.query(around, predicate="intersects").T.tolist()):
        if near[row].object_id != items[index].object_id:
            found[items[index].pk] += ways[row]
    return found


def _ways(row: Footprint, written: Mapping[int, int]) -> Iterator[Neighbour]:
    """The way of a building, or those of a multipolygon; a way of its own may take a node more."""
    mapped = row.version is not None and row.version > written.get(row.osm_id or 0, -1)
    sure = mapped and not row.doubted  # type: ignore[attr-defined]
    courses = [(row.osm_id, row.version, row.nodes, sure)] if row.osm_type == "way" else []
    courses += [(number, version, nodes, False) for number, version, _, nodes, _ in row.ways or ()]
    for number, version, kept, free in courses:
        nodes = tuple(OldNode(int(ref), seen, lon, lat, *more) for ref, seen, lon, lat, *more in kept)
        if nodes and number and all(node.id > 0 for node in nodes):
            closed = nodes[0].id == nodes[-1].id and len(nodes) > 3
            yield Neighbour(number, version, row.tags, nodes, free and closed)
