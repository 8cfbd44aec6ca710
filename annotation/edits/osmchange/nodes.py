"""Which nodes of a way a new outline keeps, moves, gains and loses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from annotation.edits.osmchange.elements import MAX_WAY_NODES, NewIds, Node, RefusedError

DIGITS = 7
"""OSM keeps degrees to seven digits, about a centimetre."""

FIRST = 1.0
"""Square degrees, more than any building's corners lie apart."""

LonLat = tuple[float, float]


@dataclass(frozen=True)
class OldNode:
    """A node of the way as the map has it.

    Attributes:
        shared: used elsewhere or tagged, so neither moved nor deleted with its way alone.
        tagged: has tags of its own; None where the map's import did not keep that.
    """

    id: int
    version: int | None
    lon: float
    lat: float
    shared: bool
    tagged: bool | None = None

    @property
    def plain(self) -> Node:
        """The element as the map has it."""
        return Node(self.id, self.version, self.lon, self.lat)


@dataclass(frozen=True)
class Outline:
    """The way's new node list (closed) and what happens to nodes for it."""

    refs: tuple[int, ...]
    created: tuple[Node, ...]
    moved: tuple[Node, ...]
    dropped: tuple[OldNode, ...]


def rounded(point: Sequence[float]) -> LonLat:
    """A point as OSM stores it."""
    return round(float(point[0]), DIGITS), round(float(point[1]), DIGITS)


def corners(ring: Sequence[Sequence[float]]) -> list[LonLat]:
    """A closed ring's corners once each, as OSM stores them; corners that fall together are one."""
    points: list[LonLat] = []
    for point in map(rounded, ring):
        if not points or point != points[-1]:
            points.append(point)
    if len(points) > 1 and points[0] == points[-1]:
        points.pop()
    return points


def ring_corners(ring: Sequence[Sequence[float]]) -> list[LonLat]:
    """A closed ring's corners as one way can have them.

    Raises:
        RefusedError: they are too few, or too many.
    """
    points = corners(ring)
    if len(points) < 3:
        raise RefusedError(
            "too_small", "the outline has fewer than three corners a centimetre apart; reject the change"
        )
    if len(points) + 1 > MAX_WAY_NODES:
        raise RefusedError("too_many_nodes", f"a way has at most {MAX_WAY_NODES} nodes; simplify the shape")
    return points


def new_outline(points: Sequence[LonLat], ids: NewIds) -> Outline:
    """Every corner is a new node."""
    created = tuple(Node(ids.node(), None, lon, lat) for lon, lat in points)
    refs = tuple(node.id for node in created)
    return Outline((*refs, refs[0]), created, (), ())


def fit_outline(
    old: Sequence[OldNode], points: Sequence[LonLat], ids: NewIds, given: Mapping[LonLat, int] | None = None
) -> Outline:
    """Give the corners the way's old nodes, as many as possible, at the least total squared distance moved.

    A node that is used elsewhere keeps its place: it stays in the way only where a corner lies exactly on it.

    Args:
        given: nodes that corners in these places have already, by another outline of the same edit.
    """
    given = given or {}
    points = same_turn(old, points)
    nodes = list({node.id: node for node in old}.values())
    chosen: dict[int, OldNode] = {}
    still: dict[LonLat, OldNode] = {}
    for node in sorted(nodes, key=lambda node: not node.shared):
        still.setdefault(rounded((node.lon, node.lat)), node)
    for index, point in enumerate(points):
        if point in still and point not in given:
            chosen[index] = still.pop(point)
    taken = {node.id for node in chosen.values()}
    free = [node for node in nodes if node.id not in taken and not node.shared]
    open_corners = [index for index, point in enumerate(points) if index not in chosen and point not in given]
    moved: list[Node] = []
    for index, node in assigned(points, open_corners, free):
        chosen[index] = node
        moved.append(Node(node.id, node.version, *points[index]))
    created = {index: Node(ids.node(), None, *points[index]) for index in open_corners if index not in chosen}
    had = {index: given[point] for index, point in enumerate(points) if point in given}
    had |= {index: node.id for index, node in created.items()} | {index: node.id for index, node in chosen.items()}
    refs = [had[index] for index in range(len(points))]
    used = set(refs)
    dropped = tuple(node for node in nodes if node.id not in used and not node.shared)
    return Outline((*refs, refs[0]), tuple(created.values()), tuple(moved), dropped)


def assigned(
    points: Sequence[LonLat], indices: Sequence[int], nodes: Sequence[OldNode], first: int = 0
) -> list[tuple[int, OldNode]]:
    """Pairs of a corner's index and a node, at the least total squared distance; the `first` nodes before others."""
    if not indices or not nodes:
        return []
    scale = math.cos(math.radians(points[0][1]))
    new = np.array([(points[i][0] * scale, points[i][1]) for i in indices])
    old = np.array([(node.lon * scale, node.lat) for node in nodes])
    cost = ((new[:, None, :] - old[None, :, :]) ** 2).sum(axis=-1)
    cost[:, :first] -= FIRST
    rows, columns = linear_sum_assignment(cost * 1e12)
    return [(indices[row], nodes[column]) for row, column in zip(rows, columns, strict=True)]


def same_turn(old: Sequence[OldNode], points: Sequence[LonLat]) -> list[LonLat]:
    """The corners in the old way's direction of turn, so that the difference stays small."""
    before = _area([(node.lon, node.lat) for node in old])
    return list(points) if before * _area(points) >= 0 else list(reversed(points))


def _area(points: Sequence[LonLat]) -> float:
    lon0, lat0 = points[0] if points else (0.0, 0.0)
    shifted = [(lon - lon0, lat - lat0) for lon, lat in points]
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(shifted, shifted[1:] + shifted[:1], strict=True))
