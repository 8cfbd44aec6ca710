"""Decisions of the drill that part a house, make two one, or put a courtyard into a single way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from annotation.changes.cutting import halves, made_one, square_m
from annotation.common.errors import InvalidError
from annotation.edits.osmchange.accepted import keeps_value
from annotation.edits.osmchange.nodes import rounded
from annotation.sources.models import Footprint

if TYPE_CHECKING:
    from tests.annotation.edits.drill import Drill

SIDE = 5e-6
"""Degrees: half of a courtyard's side."""
LEAST_M2 = 30


@dataclass(frozen=True)
class Parted:
    """One accepted change: the shape with what the answer carries, and what must be there afterwards.

    Attributes:
        after: (kind, key, shape, value of `building`) of each building that it makes, changes or takes away.
    """

    key: str
    shape: shapely.Polygon
    after: list[tuple[str, str | None, shapely.Polygon | None, str]]
    payload: dict[str, Any] = field(default_factory=dict)


def parted(drill: Drill, kind: str, ways: list[str]) -> Parted | None:
    """The first of these houses that it can be done to, which leaves the list; None where there is none."""
    draw = {"cut": _cut, "merge": _merge, "yard": _yard}[kind]
    for key in list(ways):
        row = drill.rows[key]
        if row.in_relation or "type" in row.tags:
            continue
        made = draw(drill, row, lambda other: other in ways)
        if made is not None:
            for gone in {key, made.payload.get("merge", key)}:
                ways.remove(gone)
            return made
    return None


def _cut(drill: Drill, row: Footprint, free: Callable[[str], bool]) -> Parted | None:
    shape = drill.shapes[row.key]
    if drill.beside(shape, {row.key}):
        return None
    a, b, c, d = shape.minimum_rotated_rectangle.exterior.coords[:4]
    long = np.hypot(*np.subtract(b, a)) > np.hypot(*np.subtract(c, b))
    ends = [(a, b), (d, c)] if long else [(b, c), (a, d)]
    line = [list(map(float, np.add(p, q) * 0.5 + np.subtract(q, p) * 0.05)) for p, q in ends]
    try:
        larger, smaller = (shapely.Polygon(half) for half in halves(shape.exterior.coords, line))
    except InvalidError:
        return None
    if "building" not in row.tags:
        return None
    after = [("cut", row.key, larger, ""), ("half", None, smaller, row.tags["building"])]
    return Parted(row.key, shape, after, {"cut": line})


def _merge(drill: Drill, row: Footprint, free: Callable[[str], bool]) -> Parted | None:
    shape = drill.shapes[row.key]
    for other in sorted(filter(free, drill.beside(shape, {row.key}))):
        rows = [row, drill.rows[other]]
        shared = {node[0] for node in rows[0].nodes} & {node[0] for node in rows[1].nodes}
        if len(shared) < 2 or rows[1].in_relation or all(map(keeps_value, rows)):
            continue
        try:
            both = made_one(shape, drill.shapes[other])
        except InvalidError:
            continue
        if both.interiors or drill.overlaps(both, {row.key, other}):
            continue
        kept, gone = sorted(rows, key=lambda one: (not keeps_value(one), -round(drill.shapes[one.key].area, 12)))
        after = [("merge", kept.key, both, ""), ("merged", gone.key, None, "")]
        return Parted(row.key, shape, after, {"merge": other})
    return None


def _yard(drill: Drill, row: Footprint, free: Callable[[str], bool]) -> Parted | None:
    shape, point = drill.shapes[row.key], drill.shapes[row.key].representative_point()
    hole = shapely.box(point.x - SIDE, point.y - SIDE, point.x + SIDE, point.y + SIDE)
    if square_m(shape) < LEAST_M2 or not shape.buffer(-SIDE).contains(hole) or "building" not in row.tags:
        return None
    drawn = shapely.Polygon(shape.exterior.coords, [[rounded(place) for place in hole.exterior.coords]])
    after = [("outline", row.key, None, ""), ("yard", None, drawn, row.tags["building"])]
    return Parted(row.key, drawn, after)
