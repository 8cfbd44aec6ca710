"""Cuts accepted changes into small areas: neighbours stay together, and nothing is left to chance."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

METRES_PER_DEGREE = 111_320.0
TOUCHING_DEG = 2e-7
"""Two centimetres: shapes that share a wall or a corner."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Placed:
    """An accepted change and where it is.

    Attributes:
        shape: what it draws and what the map has there now, in degrees.
        nodes: ids of the nodes that the map's outline lies on.
        elements: elements of the map that it touches.
    """

    change: int
    shape: BaseGeometry
    nodes: frozenset[int]
    elements: int


@dataclass(frozen=True)
class Limits:
    """What one area holds at most; a single row of joined buildings that is larger stays whole.

    Attributes:
        most_m: of its longer side, metres.
    """

    most_m: float
    most_edits: int
    most_elements: int


@dataclass(frozen=True)
class Area:
    """Changes that leave together, by id in rising order; `box` is (west, south, east, north) in degrees."""

    changes: tuple[int, ...]
    box: Box
    elements: int


def areas(placed: Iterable[Placed], limits: Limits) -> list[Area]:
    """Areas within the limits, from north to south and west to east; the same for any order of the changes.

    Buildings that share nodes or walls are joined first. What does not fit is cut across its longer side, where the
    widest gap is in its middle half, until it does.
    """
    ordered = sorted(placed, key=lambda one: one.change)
    if not ordered:
        return []
    found: list[Area] = []
    waiting = [[_area(group) for group in _joined(ordered)]]
    while waiting:
        parts = waiting.pop()
        whole = _together(parts)
        if len(parts) == 1 or _fits(whole, limits):
            found.append(whole)
        else:
            waiting += _cut(parts, whole)
    return sorted(found, key=lambda area: (-area.box[3], area.box[0], area.changes))


def size_m(box: Box) -> tuple[float, float]:
    """Width and height of a box in metres."""
    west, south, east, north = box
    width = (east - west) * METRES_PER_DEGREE * math.cos(math.radians((south + north) / 2))
    return width, (north - south) * METRES_PER_DEGREE


def _joined(placed: Sequence[Placed]) -> list[list[Placed]]:
    """Groups of changes that share nodes or walls, by union and find."""
    parent = list(range(len(placed)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(one: int, other: int) -> None:
        low, high = sorted((root(one), root(other)))
        parent[high] = low

    first: dict[int, int] = {}
    for index, one in enumerate(placed):
        for node in one.nodes:
            join(index, first.setdefault(node, index))
    shapes = np.array([one.shape for one in placed], dtype=object)
    pairs = shapely.STRtree(shapes).query(shapes, predicate="dwithin", distance=TOUCHING_DEG)
    for one, other in pairs.T:
        join(int(one), int(other))
    groups: dict[int, list[Placed]] = defaultdict(list)
    for index, one in enumerate(placed):
        groups[root(index)].append(one)
    return list(groups.values())


def _area(group: Sequence[Placed]) -> Area:
    west, south, east, north = shapely.total_bounds([one.shape for one in group])
    box = (float(west), float(south), float(east), float(north))
    return Area(tuple(one.change for one in group), box, sum(one.elements for one in group))


def _together(parts: Sequence[Area]) -> Area:
    boxes = np.array([part.box for part in parts])
    low, high = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    changes = sorted(change for part in parts for change in part.changes)
    return Area(tuple(changes), box, sum(part.elements for part in parts))


def _fits(area: Area, limits: Limits) -> bool:
    counts = len(area.changes) <= limits.most_edits and area.elements <= limits.most_elements
    return counts and max(size_m(area.box)) <= limits.most_m


def _cut(parts: Sequence[Area], whole: Area) -> list[list[Area]]:
    width, height = size_m(whole.box)
    axis = 0 if width >= height else 1
    middles = [(part.box[axis] + part.box[axis + 2]) / 2 for part in parts]
    order = sorted(range(len(parts)), key=lambda index: (middles[index], parts[index].changes))
    count = len(order)
    places = range(max(1, count // 4), min(count - 1, count - count // 4) + 1)
    at = max(
        places, key=lambda place: (middles[order[place]] - middles[order[place - 1]], -abs(2 * place - count), -place)
    )
    return [[parts[index] for index in order[:at]], [parts[index] for index in order[at:]]]
