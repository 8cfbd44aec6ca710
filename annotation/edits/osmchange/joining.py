"""Neighbours that share walls stay joined: corners on their nodes take these, corners on their walls may enter them."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
from scipy.spatial import cKDTree

from annotation.edits.osmchange.elements import MAX_WAY_NODES, Node, Operation, Way
from annotation.edits.osmchange.nodes import LonLat, OldNode, corners, rounded

NODE_M = 0.05
"""A corner this near to a neighbour's node lies on it: nobody draws a gap of a few centimetres."""
WALL_M = 0.02
"""A corner this near to a neighbour's wall lies on it; a wall through it bends by no more."""
METRES_PER_DEGREE = 111_320.0

Polygons = Sequence[Sequence[Sequence[LonLat]]]


@dataclass(frozen=True)
class Neighbour:
    """A way of a building beside an edit, as the newest map has it.

    Attributes:
        nodes: in its order, closed.
        open: it may take a node more: nobody else is about to edit it, and nothing of it is unknown.
    """

    id: int
    version: int | None
    tags: Mapping[str, str]
    nodes: tuple[OldNode, ...]
    open: bool = False

    @property
    def level(self) -> tuple[str, bool]:
        return level_of(self.tags)


@dataclass
class Joints:
    """Where corners meet neighbours: nodes by place; places on walls with the way and the number of its side.

    A node that another edit of the changeset makes as well (its id is below zero) may lie on a wall, too.
    """

    nodes: dict[LonLat, OldNode] = field(default_factory=dict)
    walls: dict[LonLat, tuple[Neighbour, int]] = field(default_factory=dict)


def level_of(tags: Mapping[str, str]) -> tuple[str, bool]:
    """What tells whether two buildings can have a wall in common: their layer, and whether they are underground."""
    return tags.get("layer", "0"), tags.get("location") == "underground"


def brought(
    polygons: Polygons,
    own: Sequence[OldNode],
    beside: Sequence[Neighbour],
    *,
    walls: bool,
    holes: Sequence[Sequence[LonLat]] = (),
) -> tuple[Polygons, Joints]:
    """The shape with corners brought onto the nodes beside it, at most `NODE_M`, and what meets where.

    Corners that lie where the building's own nodes are stay: what the map has apart is not this edit's matter. Each
    node takes the nearest corner. A shape that would cross itself stays as it was drawn, joined to nothing. An own node
    that something else is as well (an entrance, the corner of a neighbour, the end of a path) and that lies on a wall
    of the shape becomes a corner of it, so that it stays in the way.

    Args:
        own: nodes of the building in the map; those that others use, too, hold a corner as a neighbour's do.
        walls: look for walls as well, which are entered where a person drew the corner.
        holes: courtyards in the map whose nodes are of other ways than the building's own; their corners stay as well.
    """
    polygons = _with_own(polygons, [node for node in own if node.shared])
    places = {rounded((node.lon, node.lat)) for node in own} | {place for ring in holes for place in corners(ring)}
    rings = [corners(ring) for part in polygons for ring in part]
    free = [point for point in dict.fromkeys(point for ring in rings for point in ring) if point not in places]
    targets = {node.id: node for way in beside for node in way.nodes} | {node.id: node for node in own if node.shared}
    if not free or not targets:
        return polygons, Joints()
    plane = Plane(free[0][1])
    to = _onto_nodes(free, sorted(targets.values(), key=lambda node: node.id), plane)
    joints = Joints({rounded((node.lon, node.lat)): node for node in to.values()})
    moved = [[[joints_at(to, rounded(point)) for point in ring] for ring in part] for part in polygons]
    if not sound(moved):
        return polygons, Joints()
    if walls:
        apart = [point for point in free if point not in to]
        common = [place for place, node in joints.nodes.items() if node.id < 0]
        joints.walls = _on_walls([*apart, *common], beside, plane)
    return moved, joints


def ends_joined(joints: Joints, ends: Sequence[LonLat], beside: Sequence[Neighbour]) -> Joints:
    """With the places in which a cut meets the outline, which a person drew: nodes and walls of neighbours there."""
    nodes = {node.id: node for way in beside for node in way.nodes}
    if not ends or not nodes:
        return joints
    plane = Plane(ends[0][1])
    onto = _onto_nodes(ends, sorted(nodes.values(), key=lambda node: node.id), plane)
    places = {point: joints_at(onto, point) for point in ends if point not in onto or onto[point].id < 0}
    walls = _on_walls(list(places.values()), beside, plane)
    on = {point: walls[place] for point, place in places.items() if place in walls}
    return Joints({**joints.nodes, **onto}, {**joints.walls, **on})


def joints_at(to: Mapping[LonLat, OldNode], point: LonLat) -> LonLat:
    """Where a corner goes."""
    node = to.get(point)
    return point if node is None else rounded((node.lon, node.lat))


def joined(operations: Iterable[Operation], joints: Joints, own: Sequence[OldNode]) -> list[Operation]:
    """The operations with neighbours' nodes in place of those that would be made, or moved, onto them.

    A node of the building that would be moved there leaves it, `if-unused`. Walls that a corner lies on take its node;
    each neighbour's way is written once.
    """
    there = {node.id: node for node in own}
    swapped: dict[int, int] = {}
    kept: list[Operation] = []
    at: dict[LonLat, int] = {}
    for one in operations:
        node = one.element
        if not isinstance(node, Node) or one.action == "delete":
            kept.append(one)
            continue
        place = (node.lon, node.lat)
        target = joints.nodes.get(place)
        if target is None or target.id == node.id:
            kept.append(one)
            at[place] = node.id
            continue
        swapped[node.id] = at[place] = target.id
        if one.action == "modify":
            was = there[node.id]
            kept.append(Operation("delete", Node(was.id, was.version, was.lon, was.lat), if_unused=True))
    done = [_with_refs(one, swapped) for one in kept]
    written = {one.element.id for one in done if isinstance(one.element, Way)}
    return [*done, *_entered(joints, at, written)]


def _with_refs(one: Operation, swapped: Mapping[int, int]) -> Operation:
    way = one.element
    if not isinstance(way, Way) or one.action == "delete" or swapped.keys().isdisjoint(way.refs):
        return one
    return replace(one, element=replace(way, refs=tuple(swapped.get(ref, ref) for ref in way.refs)))


def _entered(joints: Joints, at: Mapping[LonLat, int], written: Collection[int]) -> list[Operation]:
    """The neighbours' ways with the corners that lie on their walls."""
    new: dict[int, list[tuple[int, float, int]]] = defaultdict(list)
    ways: dict[int, Neighbour] = {}
    for place, (way, side) in joints.walls.items():
        if place not in at or way.id in written:
            continue
        start = way.nodes[side]
        away = math.hypot((place[0] - start.lon) * math.cos(math.radians(place[1])), place[1] - start.lat)
        new[way.id].append((side, away, at[place]))
        ways[way.id] = way
    operations = []
    for number, found in sorted(new.items()):
        way = ways[number]
        if len(way.nodes) + len(found) > MAX_WAY_NODES:
            continue
        refs: list[int] = []
        for side, node in enumerate(way.nodes):
            refs.append(node.id)
            refs += [ref for _, _, ref in sorted(one for one in found if one[0] == side)]
        operations.append(Operation("modify", Way(way.id, way.version, tuple(refs), way.tags)))
    return operations


class Plane:
    """Metres to the east and to the north, at a latitude."""

    def __init__(self, lat: float) -> None:
        self.scale = np.array([METRES_PER_DEGREE * math.cos(math.radians(lat)), METRES_PER_DEGREE])

    def of(self, points: Sequence[LonLat]) -> np.ndarray:
        return np.array(points, dtype=float).reshape(-1, 2) * self.scale


def _onto_nodes(free: Sequence[LonLat], nodes: Sequence[OldNode], plane: Plane) -> dict[LonLat, OldNode]:
    """Which node each corner lies on, the nearest pairs first."""
    tree = cKDTree(plane.of([(node.lon, node.lat) for node in nodes]))
    away, index = tree.query(plane.of(free), distance_upper_bound=NODE_M)
    pairs = sorted((d, int(i), point) for d, i, point in zip(away, index, free, strict=True) if np.isfinite(d))
    taken: set[int] = set()
    found: dict[LonLat, OldNode] = {}
    for _, number, point in pairs:
        if number not in taken:
            taken.add(number)
            found[point] = nodes[number]
    return found


def _on_walls(free: Sequence[LonLat], beside: Sequence[Neighbour], plane: Plane) -> dict[LonLat, tuple[Neighbour, int]]:
    """Which wall of a way that may take a node each corner lies on, away from the wall's ends."""
    sides = [(way, number) for way in beside if way.open for number in range(len(way.nodes) - 1)]
    if not free or not sides:
        return {}
    ends = [[(way.nodes[n].lon, way.nodes[n].lat), (way.nodes[n + 1].lon, way.nodes[n + 1].lat)] for way, n in sides]
    lines = [shapely.LineString(plane.of(pair)) for pair in ends]
    points = shapely.points(plane.of(free))
    tree = shapely.STRtree(lines)
    found: dict[LonLat, tuple[Neighbour, int]] = {}
    for corner, line in sorted(tree.query(points, predicate="dwithin", distance=WALL_M).T.tolist()):
        along = shapely.line_locate_point(lines[line], points[corner])
        if NODE_M < along < lines[line].length - NODE_M:
            found.setdefault(free[corner], sides[line])
    return found


def _with_own(polygons: Polygons, nodes: Sequence[OldNode]) -> Polygons:
    """The shape with the nodes that lie on its walls, away from its corners, as corners."""
    if not nodes or not polygons:
        return polygons
    plane = Plane(nodes[0].lat)
    at = list(dict.fromkeys(rounded((node.lon, node.lat)) for node in nodes))
    tree = shapely.STRtree(shapely.points(plane.of(at)))
    taken: set[int] = set()
    made = []
    for part in polygons:
        rings = []
        for ring in part:
            grown: list[LonLat] = []
            for start, end in itertools.pairwise(map(rounded, ring)):
                wall = shapely.LineString(plane.of([start, end]))
                near = tree.query(wall, predicate="dwithin", distance=WALL_M).tolist() if start != end else []
                along = sorted((float(shapely.line_locate_point(wall, tree.geometries[n])), n) for n in near)
                inside = [n for away, n in along if NODE_M < away < wall.length - NODE_M and n not in taken]
                taken.update(inside)
                grown += [start, *(at[n] for n in inside)]
            rings.append([*grown, grown[0]])
        made.append(rings)
    return made if taken and sound(made) else polygons


def sound(polygons: Polygons) -> bool:
    try:
        parts = [shapely.Polygon(part[0], part[1:]) for part in polygons]
    except ValueError:
        return False
    return all(part.is_valid and part.area > 0 for part in parts)
