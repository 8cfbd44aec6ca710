"""Edits of one changeset that meet: what they draw onto one place is one node, and a corner on a new wall is in it.

Each edit stays whole by itself, whichever of them is dropped later: a node in common is a new one that each of them
makes under the same id, or one that the map has and that stays where it is. None takes a node that another one moves.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from scipy.spatial import cKDTree

from annotation.edits.osmchange.accepted import AcceptedChange, keeps_value
from annotation.edits.osmchange.elements import NewIds
from annotation.edits.osmchange.joining import NODE_M, WALL_M, Neighbour, Plane, sound
from annotation.edits.osmchange.nodes import LonLat, OldNode, corners, rounded
from annotation.edits.osmchange.parting import cut_ends

Level = tuple[str, bool]


@dataclass(frozen=True)
class _Point:
    """A place that an edit's outline has, or that its cut ends in."""

    edit: int
    place: LonLat
    level: Level


def met(
    changes: Mapping[int, AcceptedChange], written: Sequence[Neighbour], ids: NewIds, gone: Collection[int] = ()
) -> dict[int, AcceptedChange]:
    """The changes with what they have in common where they meet, as ways beside each (`AcceptedChange.beside`).

    A wall takes a corner that lies on it (`WALL_M`) where a person drew one of the two. Corners within `NODE_M` take a
    node of the other one's building that stays, else a new one.

    Args:
        changes: those that no file has yet, by edit.
        written: ways that the changeset's files have, with nodes that stay.
        gone: nodes that these buildings have no more in the newest map; none is taken.
    """
    shapes = {edit: change for edit, change in changes.items() if change.draws and change.polygons}
    if not shapes or len(changes) + len(written) < 2:
        return dict(changes)
    plane = Plane(next(iter(shapes.values())).polygons[0][0][0][1])
    shapes = _with_corners_on_walls(shapes, plane)
    known = {**changes, **shapes}
    there = [(edit, node, change.level) for edit, change in known.items() for node in staying(change)]
    there += [(0, node, way.level) for way in written for node in way.nodes]
    there = [one for one in there if one[1].id not in gone]
    free = [point for edit, change in shapes.items() for point in _free(edit, change)]
    nodes = _of_others(free, there, plane)
    for group in _on_one_place([point for point in free if point not in nodes], shapes, plane):
        node = OldNode(ids.node(), None, *group[0].place, False)
        for point in group:
            nodes[point] = [node]
    beside: dict[int, list[OldNode]] = defaultdict(list)
    for point in free:
        beside[point.edit] += nodes.get(point, ())
    return known | {edit: _beside(known[edit], found) for edit, found in beside.items() if found}


def staying(change: AcceptedChange) -> list[OldNode]:
    """Nodes of its building that stay where they are and in it: all, where it changes tags alone."""
    if not change.draws:
        base = change.base
        goes = change.kind == "remove" and base is not None and not (change.demolish or keeps_value(base))
        return [] if goes else change.own
    places = {place for part in change.polygons for ring in part for place in corners(ring)}
    found: dict[LonLat, OldNode] = {}
    for node in sorted(change.own, key=lambda node: not node.shared):
        place = rounded((node.lon, node.lat))
        if place in places:
            found.setdefault(place, node)
    return list(found.values())


def _beside(change: AcceptedChange, nodes: Iterable[OldNode]) -> AcceptedChange:
    layer, underground = change.level
    tags = {"layer": layer, **({"location": "underground"} if underground else {})}
    return replace(change, beside=[*change.beside, Neighbour(0, None, tags, tuple(dict.fromkeys(nodes)))])


def _free(edit: int, change: AcceptedChange) -> list[_Point]:
    """Its corners, and the ends of its cut, that lie where the building has no node: those that may be joined."""
    own = {rounded((node.lon, node.lat)) for node in change.own}
    own |= {place for ring in (change.base.holes if change.base else ()) for place in corners(ring)}
    places = [place for part in change.polygons for ring in part for place in corners(ring)]
    drawn = dict.fromkeys([*places, *cut_ends(change)])
    return [_Point(edit, place, change.level) for place in drawn if place not in own]


def _of_others(
    free: Sequence[_Point], there: Sequence[tuple[int, OldNode, Level]], plane: Plane
) -> dict[_Point, list[OldNode]]:
    """Nodes of other edits' buildings that lie where each point is."""
    found: dict[_Point, list[OldNode]] = {}
    if not free or not there:
        return found
    tree = cKDTree(plane.of([(node.lon, node.lat) for _, node, _ in there]))
    for point, near in zip(free, tree.query_ball_point(plane.of([one.place for one in free]), NODE_M), strict=True):
        others = [there[n] for n in sorted(near)]
        nodes = [node for edit, node, level in others if edit != point.edit and level == point.level]
        if nodes:
            found[point] = nodes
    return found


def _held(point: _Point, change: AcceptedChange, plane: Plane) -> bool:
    """Whether a node of the map holds it: one beside the edit, or one of its own that is something else as well."""
    beside = [node for way in change.beside if way.level == point.level for node in way.nodes]
    nodes = [*beside, *(node for node in change.own if node.shared)]
    if not nodes:
        return False
    away = plane.of([(node.lon, node.lat) for node in nodes]) - plane.of([point.place])
    return bool((np.hypot(*away.T) <= NODE_M).any())


def _on_one_place(free: Sequence[_Point], shapes: Mapping[int, AcceptedChange], plane: Plane) -> list[list[_Point]]:
    """Points of several edits that become one node, one of each; the first says where. What a node holds stays out."""
    if len(free) < 2:
        return []
    at = plane.of([one.place for one in free])
    pairs = cKDTree(at).query_pairs(NODE_M)
    near: dict[int, list[int]] = defaultdict(list)
    for one, other in pairs:
        if free[one].edit != free[other].edit and free[one].level == free[other].level:
            near[one].append(other)
            near[other].append(one)
    taken = {number for number in near if _held(free[number], shapes[free[number].edit], plane)}
    groups = []
    for first in sorted(near):
        if first in taken:
            continue
        group = {free[first].edit: first}
        for other in sorted(near[first], key=lambda n: (float(np.hypot(*(at[n] - at[first]))), n)):
            if other not in taken:
                group.setdefault(free[other].edit, other)
        if len(group) > 1:
            taken.update(group.values())
            groups.append([free[n] for n in group.values()])
    return groups


def _with_corners_on_walls(shapes: Mapping[int, AcceptedChange], plane: Plane) -> dict[int, AcceptedChange]:
    """The changes with the corners of others that lie on their walls, away from the walls' ends."""
    points = [
        _Point(edit, place, change.level)
        for edit, change in shapes.items()
        for place in dict.fromkeys([*_places(change), *cut_ends(change)])
    ]
    tree = shapely.STRtree(shapely.points(plane.of([one.place for one in points])))
    grown = {}
    for edit, change in shapes.items():
        old = change.base is not None and bool(change.base.holes)  # its courtyards stay as they are
        parts = []
        for part in change.polygons:
            rings = [
                ring if old and number else _grown(ring, edit, change, shapes, points, tree, plane)
                for number, ring in enumerate(part)
            ]
            parts.append(rings)
        same = parts == [list(part) for part in change.polygons]
        grown[edit] = change if same or not sound(parts) else replace(change, polygons=parts)
    return grown


def _grown(
    ring: Sequence[Sequence[float]], edit: int, change: AcceptedChange, shapes: Mapping[int, AcceptedChange],
    points: Sequence[_Point], tree: shapely.STRtree, plane: Plane,
) -> Sequence[LonLat]:  # fmt: skip
    course = [*corners(ring), corners(ring)[0]]
    walls = shapely.linestrings(plane.of(course)[np.arange(len(course) - 1)[:, None] + [0, 1]])
    on: dict[int, list[tuple[float, LonLat]]] = defaultdict(list)
    for wall, number in tree.query(walls, predicate="dwithin", distance=WALL_M).T.tolist():
        point = points[number]
        other = shapes[point.edit]
        if point.edit == edit or point.level != change.level or not (change.drawn or other.drawn):
            continue
        along = float(shapely.line_locate_point(walls[wall], tree.geometries[number]))
        if NODE_M < along < walls[wall].length - NODE_M:
            on[wall].append((along, point.place))
    if not on:
        return ring  # type: ignore[return-value]
    made: list[LonLat] = []
    for wall, start in enumerate(course[:-1]):
        made.append(start)
        last = -NODE_M
        for along, place in sorted(on[wall]):
            if along - last > NODE_M:
                made.append(place)
                last = along
    return [*made, made[0]]


def _places(change: AcceptedChange) -> list[LonLat]:
    return list(itertools.chain.from_iterable(corners(ring) for part in change.polygons for ring in part))
