"""What became of the neighbours that an edit has nodes in common with: in a newer map, or by another file's hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from django.contrib.gis.geos import GEOSGeometry
from django.db.models import Exists, OuterRef
from django.db.models.expressions import RawSQL

from annotation.changes.models import ChangeKind
from annotation.changes.selectors import shape_after
from annotation.edits.models import EditItem, Upload, UploadState
from annotation.edits.osmchange.joining import METRES_PER_DEGREE, NODE_M
from annotation.edits.states import State, base_state, merged_state, nodes_alone, nodes_moved, writes_nodes
from annotation.sources.engine import to_shapely
from annotation.sources.models import Footprint, MapSnapshot

NEAR = """SELECT near.id FROM unnest(%s::text[]) AS box (wkb)
JOIN sources_footprint AS near ON near.geometry && box.wkb::geometry WHERE near.snapshot_id = %s"""
DRAWN = """SELECT near.id FROM unnest(%s::text[]) AS box (wkb)
JOIN changes_change AS near ON near.geometry && box.wkb::geometry
UNION SELECT near.id FROM unnest(%s::text[]) AS box (wkb)
JOIN changes_change AS near ON near.adjusted && box.wkb::geometry"""
FAR_ENOUGH = 4 * NODE_M / METRES_PER_DEGREE
"""Degrees around a shape: more than `NODE_M` of longitude as far north as people build."""
MOVED = 2 * NODE_M / METRES_PER_DEGREE
"""Degrees: a node further than this from the shape that has it as a corner was moved since."""

JOINED = (
    "changeset {} joins a building to node/{} of {}, which this edit would move or delete: let that one reach the map "
    "and import it, or drop one of the two"
)

Found = tuple[str, str, str]
"""Key, code and detail of what stands against an edit."""


@dataclass(frozen=True)
class Joints:
    """What a file of an edit says of others: ways of neighbours with the versions it writes, and nodes of theirs."""

    ways: dict[int, int]
    nodes: set[int]


def against_neighbours(items: Sequence[EditItem], newest: MapSnapshot) -> dict[int, Found]:
    """By change: why an edit can't leave because of a neighbour, though its own building is as it was."""
    return moved_neighbours(items, newest) | joined_since(items, newest)


def joints_of(item: EditItem) -> Joints:
    """Of an edit that a file has: what it has in common with buildings that it is not about."""
    own = [state for state in (base_state(item), merged_state(item)) if state is not None]
    mine = {key for state in own for key in (state.key, *state.parts)}
    ways: dict[int, int] = {}
    nodes: set[int] = set()
    for one in item.operations or ():
        element = one["element"]
        if one["kind"] != "way" or one["action"] == "delete":
            continue
        if element["id"] > 0 and f"way/{element['id']}" not in mine:
            ways[element["id"]] = element["version"] or 0
        else:
            nodes |= {ref for ref in element["refs"] if ref > 0 and f"node/{ref}" not in mine}
    return Joints(ways, nodes)


def moved_neighbours(items: Sequence[EditItem], newest: MapSnapshot) -> dict[int, Found]:
    """Edits of a file whose neighbours are newer, gone or moved in the newest map."""
    told = [(item, joints_of(item)) for item in items if item.operations is not None]
    said = [(item, joints) for item, joints in told if joints.ways or joints.nodes]
    if not said:
        return {}
    shapes = [shape_after(item.change) for item, _ in said]
    near = _around(shapes, {newest.pk, *(item.change.scan.snapshot_id for item, _ in said)})
    found = {}
    for index, (item, joints) in enumerate(said):
        now = [row for row in near[index] if row.snapshot_id == newest.pk]
        before = [row for row in near[index] if row.snapshot_id == item.change.scan.snapshot_id]
        against = _of_ways(joints, now, before) or _of_nodes(joints, shapes[index], now, before)
        if against is not None:
            found[item.change_id] = against
    return found


def joined_since(items: Iterable[EditItem], newest: MapSnapshot) -> dict[int, Found]:
    """Edits that move nodes which a file of another changeset has joined a building to, and the map does not show yet.

    So are removals of a building whose nodes a file needs that is not in the map: they would be gone when it comes. A
    map that was made after that file left has the say: there the nodes are used by somebody else, or they are free.
    """
    moving = [one for one in map(_moving, items) if one is not None]
    if not moving:
        return {}
    made_at = newest.taken_at or newest.created_at
    around = hexes(boxes(base.geometry for _, base, _ in moving))
    drawn = RawSQL(DRAWN, [around, around])  # noqa: S611
    frozen = EditItem.objects.filter(changeset__region=newest.region_id, operations__isnull=False, change__in=drawn)
    done = Upload.objects.filter(changeset=OuterRef("changeset"), state=UploadState.DONE)
    frozen = frozen.exclude(Exists(done.filter(done_at__lt=made_at))).exclude(changeset__handed_out_at__lt=made_at)
    frozen = frozen.annotate(there=Exists(done)).select_related("change__footprint", "change__merged").order_by("pk")
    others = [(other, joints_of(other).nodes) for other in frozen]
    found = {}
    for item, base, nodes in moving:
        goes = item.change.kind == ChangeKind.REMOVE
        for other, joined in others:
            shared = sorted(nodes & joined)
            apart = other.changeset_id != item.changeset_id and other.change_id != item.change_id
            if shared and apart and not (goes and other.there):
                found[item.change_id] = base.key, "joined_since", JOINED.format(other.changeset_id, shared[0], base.key)
                break
    return found


def _moving(item: EditItem) -> tuple[EditItem, State, set[int]] | None:
    """An edit that no file has, its base, and nodes of that which it moves or deletes."""
    base = base_state(item)
    if base is None or item.operations is not None or not writes_nodes(item, base):
        return None
    nodes = nodes_alone(base) if item.change.kind == ChangeKind.REMOVE else nodes_moved(item, base)
    return (item, base, set(nodes)) if nodes else None


def boxes(shapes: Iterable[GEOSGeometry]) -> np.ndarray:
    bounds = shapely.bounds([to_shapely(shape) for shape in shapes])
    return shapely.box(*(bounds + FAR_ENOUGH * np.array([-1, -1, 1, 1])).T)


def hexes(shapes: np.ndarray) -> list[str]:
    return list(shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True))


def _around(shapes: Sequence[GEOSGeometry], maps: set[int]) -> dict[int, list[Footprint]]:
    """Buildings of these maps around each shape, by its index."""
    around = boxes(shapes)
    rows: list[Footprint] = []
    for snapshot in sorted(maps):
        ids = RawSQL(NEAR, [hexes(around), snapshot])  # noqa: S611
        fields = ("snapshot", "osm_type", "osm_id", "version", "nodes", "ways", "geometry")
        rows += Footprint.objects.filter(snapshot=snapshot, pk__in=ids).only(*fields)
    found: dict[int, list[Footprint]] = defaultdict(list)
    tree = shapely.STRtree([to_shapely(row.geometry) for row in rows])
    for index, row in sorted(tree.query(around, predicate="intersects").T.tolist()):
        found[index].append(rows[row])
    return found


def _of_ways(joints: Joints, now: Sequence[Footprint], before: Sequence[Footprint]) -> Found | None:
    there = {row.osm_id: row for row in now if row.osm_type == "way"}
    known = {row.osm_id for row in before if row.osm_type == "way"}
    for number, version in sorted(joints.ways.items()):
        key, row = f"way/{number}", there.get(number)
        if row is None and number in known:
            return key, "newer_neighbour", f"{key}, whose wall it was joined to, is gone from the newest map"
        if row is not None and row.version is not None and row.version > version:
            what = f"is at version {row.version} by now, the file was written over {version}"
            return key, "newer_neighbour", f"{key}, whose wall it was joined to, {what}"
    return None


def _of_nodes(
    joints: Joints, shape: GEOSGeometry, now: Sequence[Footprint], before: Sequence[Footprint]
) -> Found | None:
    there, known = dict(_nodes(now)), dict(_nodes(before))
    corners = shapely.MultiPoint(shapely.get_coordinates(to_shapely(shape)))
    for number in sorted(joints.nodes):
        key = f"node/{number}"
        if number not in there and number in known:
            return key, "newer_neighbour", f"{key}, a corner that it shares with {known[number][0]}, is gone from there"
        if number in there and corners.distance(shapely.Point(*there[number][1])) > MOVED:
            return key, "newer_neighbour", f"{key}, a corner that it shares with {there[number][0]}, was moved since"
    return None


def _nodes(rows: Sequence[Footprint]) -> Iterator[tuple[int, tuple[str, Any]]]:
    """Nodes of buildings with one that has each, and where it lies."""
    for row in rows:
        for course in (row.nodes, *(way[3] for way in row.ways or ())):
            for ref, _, lon, lat, *_ in course:
                yield int(ref), (row.key, (lon, lat))
