"""The drill: seeded decisions on a real extract, of which every tool must make the same map."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
import shapely
import shapely.affinity

from annotation.edits.models import EditItem
from annotation.edits.osmchange.nodes import rounded
from annotation.sources.models import Footprint
from tests.annotation.edits.drill_parted import parted
from tests.annotation.edits.extract import Extract, missing, orphans
from tests.annotation.edits.town import Town, as_accepted, as_drawn, differing, polygon_of

PARTED = {"cut": 0.05, "merge": 0.05, "yard": 0.05}
SHARES = {
    **PARTED, "add": 0.2, "courtyard": 0.05, "modify": 0.25, "shifted": 0.15, "remove": 0.1, "demolish": 0.1,
}  # fmt: skip
METRE = 1 / 111_320
APART = 2 * METRE
SLIVER = 1e-14
"""Square degrees, about a square decimetre: what rounding to a centimetre leaves along a common wall."""


@dataclass(frozen=True)
class Decided:
    """A building after an accepted change: `shape` is None where it is none any more; `key` is empty if it is new.

    Of a house that is cut, made one with another or hollowed there are two.

    Attributes:
        ways: the member ways of a reshaped multipolygon, by key.
        building: the value that a new one has.
    """

    kind: str
    key: str | None
    shape: shapely.Polygon | None
    ways: tuple[str, ...] = ()
    building: str = "yes"


@dataclass
class Found:
    """What a tool's map says: each mismatch in a sentence, and the nodes of reshaped ways before, kept and after."""

    mismatches: list[str] = field(default_factory=list)
    nodes: int = 0
    kept: int = 0


class Drill:
    """Draws decisions that leave no two buildings on one place, and accepts them as a person does."""

    def __init__(self, town: Town, seed: int) -> None:
        self.town, self.rng = town, np.random.default_rng(seed)
        self.rows = {row.key: row for row in Footprint.objects.filter(snapshot=town.snapshot).order_by("osm_id")}
        self.shapes = {key: shapely.make_valid(polygon_of(row)) for key, row in self.rows.items()}
        self.keys = list(self.shapes)
        self.tree = shapely.STRtree([self.shapes[key] for key in self.keys])
        self.planned: list[shapely.Geometry] = []

    def decide(self, number: int) -> list[Decided]:
        """`number` accepted changes of every kind, multipolygons of the map among the removals and the reshaped."""
        wanted = [kind for kind, share in SHARES.items() for _ in range(round(share * number))]
        ways = [key for key, row in self.rows.items() if row.osm_type == "way" and _plain(row)]
        ways = [str(key) for key in self.rng.permutation(ways)]
        relations = [key for key, row in self.rows.items() if row.osm_type == "relation"]
        rings = [key for key in relations if _of_plain_ways(self.rows[key])][: number // 20]
        parts = {key: tuple(f"way/{way[0]}" for way in self.rows[key].ways or ()) for key in rings}
        decided = [Decided("rings", key, self._other_rings(key, n), parts[key]) for n, key in enumerate(rings)]
        decided += [Decided("demolish", key, None) for key in relations if key not in rings][: number // 20]
        both: list[Decided] = []
        for kind in wanted[: number - len(decided)]:
            made = parted(self, kind, ways) if kind in PARTED else None
            if made is not None:
                self.planned.append(made.shape)
                self.town.changes.append(self.town.answer("modify", made.shape, made.key, **made.payload))
                both += [Decided(*one[:3], building=one[3]) for one in made.after]
                continue
            new = kind in ("add", "courtyard", *PARTED)
            decided.append(self._new("add" if kind in PARTED else kind) if new else self._mapped(kind, ways))
        for one in decided:
            kind = {"courtyard": "add", "demolish": "remove", "rings": "modify"}.get(one.kind, one.kind)
            self.town.accept(kind, one.shape, key=one.key)
        return [*decided, *both]

    def _new(self, kind: str) -> Decided:
        side = (9, 26) if kind == "add" else (24, 40)
        while True:
            near = self.shapes[self.keys[self.rng.integers(len(self.keys))]].centroid
            angle, away = self.rng.uniform(0, 2 * math.pi), self.rng.uniform(20, 120) * METRE
            across, along = self.rng.uniform(*side, 2) * METRE
            plain = shapely.box(-across / 2, -along / 2, across / 2, along / 2)
            if kind == "courtyard":
                plain = shapely.difference(plain, shapely.affinity.scale(plain, 0.4, 0.4))
            turned = shapely.affinity.rotate(plain, self.rng.uniform(0, 90))
            lon, lat = near.x + away * math.cos(angle), near.y + away * math.sin(angle)
            shape = _rounded(
                shapely.affinity.translate(
                    shapely.affinity.scale(turned, 1 / math.cos(math.radians(lat)), 1, origin=(0, 0)), lon, lat
                )
            )
            if self._free(shape.buffer(APART)):
                self.planned.append(shape)
                return Decided(kind, None, shape)

    def _mapped(self, kind: str, ways: list[str]) -> Decided:
        while True:
            key = ways.pop()
            if kind in ("remove", "demolish"):
                return Decided(kind, key, None)
            shape = _rounded(self._moved(self.shapes[key]) if kind == "shifted" else self._reshaped(self.shapes[key]))
            if shape.is_valid and shape.area > 0 and self._free(shape, but=key):
                self.planned.append(shape)
                return Decided(kind, key, shape)

    def _moved(self, shape: shapely.Polygon) -> shapely.Polygon:
        east, north = self.rng.uniform(-3, 3, 2) * METRE
        return shapely.affinity.translate(shape, east, north)

    def _reshaped(self, shape: shapely.Polygon) -> shapely.Polygon:
        way = self.rng.integers(3)
        if way == 0:
            return shapely.affinity.scale(shape, 0.85, 0.9)
        if way == 1:
            return shape.minimum_rotated_rectangle
        return shapely.Polygon(shapely.segmentize(shape.exterior, shape.length / 7).coords)  # more corners

    def _other_rings(self, key: str, number: int) -> shapely.Polygon:
        """In turn: the courtyards filled, a courtyard more, one moved corner of the outline."""
        shape = self.shapes[key]
        holes = [hole.coords for hole in shape.interiors]
        point, (west, south) = shape.representative_point(), shape.exterior.coords[0]
        yard = shapely.box(point.x - METRE / 2, point.y, point.x + METRE / 2, point.y + METRE)
        drawn = [
            shapely.Polygon(shape.exterior),
            shapely.Polygon(shape.exterior, [*holes, yard.exterior.coords]),
            shapely.Polygon([(west + (point.x - west) / 50, south), *shape.exterior.coords[1:-1]], holes),
        ][number % 3]
        drawn = _rounded(drawn if drawn.is_valid else shapely.Polygon(shape.exterior))
        self.planned.append(drawn)
        return drawn

    def _free(self, shape: shapely.Geometry, but: str | None = None) -> bool:
        return not self.overlaps(shape, {but})

    def beside(self, shape: shapely.Geometry, but: set[str | None]) -> list[str]:
        """Buildings of the map around a shape."""
        near = self.tree.query(shape.buffer(APART / 4), predicate="intersects")
        return [self.keys[index] for index in near if self.keys[index] not in but]

    def overlaps(self, shape: shapely.Geometry, but: set[str | None]) -> bool:
        beside = [self.shapes[key] for key in self.beside(shape, but)]
        return any(shape.intersection(one).area >= SLIVER for one in (*beside, *self.planned))


def demolish(decided: list[Decided], items: dict[str, EditItem]) -> None:
    """Keep as `demolished:building` what was decided so."""
    for one in decided:
        if one.kind == "demolish" and one.key is not None:
            EditItem.objects.filter(pk=items[one.key].pk).update(demolish=True)


def judge(before: Extract, after: Extract, decided: list[Decided], rows: dict[str, Footprint]) -> Found:
    """Whether the map after equals the decisions, and is the map before in everything else."""
    found = Found()
    say = found.mismatches.append
    own: set[str] = set()
    new = {key for key in after.elements if key not in before.elements and key.startswith(("way/", "relation/"))}
    buildings = {key: _outline(after, key) for key in new if after.tags(key).get("building")}
    for one in decided:
        if one.key is None:
            assert one.shape is not None
            there = [key for key, shape in buildings.items() if as_accepted(shape, one.shape)]
            if len(there) != 1 or after.tags(there[0]).get("building") != one.building:
                say(f"a new building at {one.shape.centroid.wkt} is there {len(there)} times")
            continue
        own |= {one.key, *(f"node/{node[0]}" for node in rows[one.key].nodes)}
        own |= rows[one.key].parts.keys() if one.kind == "rings" else set()
        if one.shape is not None:
            _judge_reshaped(one, before, after, found)
        elif one.kind == "outline":
            if "building" in after.tags(one.key) or after.elements[one.key][0] != before.elements[one.key][0]:
                say(f"{one.key} is not the outline of a multipolygon")
        elif one.key in after.elements:
            tags = after.tags(one.key)
            if "building" in tags or "demolished:building" not in tags:
                say(f"{one.key} still stands")
            kept = {key: value for key, value in before.tags(one.key).items() if key != "building"}
            if not kept.items() <= tags.items() or after.elements[one.key][0] != before.elements[one.key][0]:
                say(f"{one.key} lost more than its building")
        elif one.kind == "demolish":
            say(f"{one.key} is gone, and was to be kept as demolished")
    if len(buildings) != sum(one.key is None for one in decided):
        say(f"{len(buildings)} new buildings")
    for key in differing(before, after):
        if key not in own and key in before.elements:
            say(f"{key} differs and nobody decided about it")
    found.mismatches += [f"{key} is used by nothing" for key in orphans(after) - orphans(before)]
    found.mismatches += [f"{key} is missing" for key in missing(after) - missing(before)]
    found.mismatches += [f"{pair} stand on one place" for pair in _doubles(after) - _doubles(before)]
    return found


def _judge_reshaped(one: Decided, before: Extract, after: Extract, found: Found) -> None:
    assert one.key is not None and one.shape is not None
    if one.key not in after.elements:
        found.mismatches.append(f"{one.key} is gone")
        return
    if not as_accepted(_outline(after, one.key), one.shape):
        found.mismatches.append(f"{one.key} has another shape than was accepted")
    if after.tags(one.key) != before.tags(one.key):
        found.mismatches.append(f"{one.key} has other tags")
    old, new = (_refs(extract, one.key) for extract in (before, after))
    found.nodes += min(len(old), len(new))
    found.kept += len(old & new)


def renumbered(extract: Extract, first: int) -> Extract:
    """The same map with ids from `first` as negative ones again, as a file for uploads has them."""

    def number(ref: int) -> int:
        return ref if ref < first else first - ref

    found = {}
    for key, (what, tags) in extract.elements.items():
        kind, _, ref = key.partition("/")
        renamed = {
            "node": lambda place: place,
            "way": lambda refs: tuple(map(number, refs)),
            "relation": lambda members: tuple((member, number(one), role) for member, one, role in members),
        }[kind](what)
        found[f"{kind}/{number(int(ref))}"] = (renamed, tags)
    return replace(extract, elements=found)


def _plain(row: Footprint) -> bool:
    """A closed way as drawn, whose versions are known."""
    return row.geometry.geom_type == "Polygon" and len(row.geometry.coords) == 1 and as_drawn(row)


def _rounded(shape: shapely.Polygon) -> shapely.Polygon:
    return shapely.Polygon([*map(rounded, shape.exterior.coords)], [[*map(rounded, h.coords)] for h in shape.interiors])


def _same(one: shapely.Geometry, other: shapely.Geometry) -> bool:
    return one.normalize().equals_exact(other.normalize(), 1.1e-7)


def _outline(extract: Extract, key: str) -> shapely.Geometry:
    """The polygon of a new way, or of a new multipolygon of closed ways."""
    if key.startswith("way/"):
        return extract.shape(key)
    outer, *inner = (extract.shape(f"way/{ref}") for _, ref, _ in extract.elements[key][0])
    return shapely.Polygon(outer.exterior.coords, [ring.exterior.coords for ring in inner])


def _refs(extract: Extract, key: str) -> set[int]:
    """The nodes of a way, or of all ways of a multipolygon."""
    if key.startswith("way/"):
        return set(extract.elements[key][0])
    return {ref for _, way, _ in extract.elements[key][0] for ref in extract.elements[f"way/{way}"][0]}


def _of_plain_ways(row: Footprint) -> bool:
    """A multipolygon of one part whose ways are closed and nothing by themselves."""
    ways, members = row.ways or (), row.members
    closed = all(nodes[0][0] == nodes[-1][0] and not tags and not used for _, _, tags, nodes, used in ways)
    roles = [role for _, _, role, *_ in members]
    plain = roles.count("outer") == 1 and roles.count("inner") == len(roles) - 1 == len(ways) - 1
    return plain and closed and row.geometry.geom_type == "Polygon" and roles[0] == "outer"


def _doubles(extract: Extract) -> set[tuple[str, str]]:
    """Pairs of closed building ways, one of which lies on a fifth of the other."""
    keys = [key for key, (_, tags) in extract.elements.items() if key.startswith("way/") and "building" in dict(tags)]
    whole = [key for key in keys if all(f"node/{ref}" in extract.elements for ref in extract.elements[key][0])]
    closed = [key for key in whole if extract.elements[key][0][0] == extract.elements[key][0][-1]]
    shapes = [shapely.make_valid(extract.shape(key)) for key in closed if len(extract.elements[key][0]) > 3]
    closed = [key for key in closed if len(extract.elements[key][0]) > 3]
    found = set()
    for one, other in shapely.STRtree(shapes).query(shapes, predicate="intersects").T:
        least = min(shapes[one].area, shapes[other].area)
        if one < other and shapes[one].intersection(shapes[other]).area > 0.2 * least:
            found.add((closed[one], closed[other]))
    return found
