"""What a multipolygon turns into when its outline is drawn anew: its ways follow, holes come and go, all else stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import shapely
import shapely.affinity
from scipy.optimize import linear_sum_assignment

from annotation.edits.osmchange.elements import NewIds, Node, Operation, RefusedError, Relation, Way, check_known, key
from annotation.edits.osmchange.nodes import LonLat, new_outline, ring_corners
from annotation.edits.osmchange.rings import OldRing, OldWay, fit_ring, rings_of, unchanged

Member = tuple[str, int, str]


@dataclass(frozen=True)
class OldRelation:
    """A multipolygon as the map has it, with its member ways."""

    id: int
    version: int | None
    tags: Mapping[str, str]
    members: tuple[Member, ...]
    ways: tuple[OldWay, ...]

    @property
    def key(self) -> str:
        return f"relation/{self.id}"

    def outer_and_inner(self) -> tuple[list[OldRing], list[OldRing]]:
        """Its rings; one that lies within an outer one is a hole, whatever the role of its ways.

        Raises:
            RefusedError: a way is unknown or is a member twice, or the ways make up no rings.
        """
        ways = [ref for kind, ref, _ in self.members if kind == "way"]
        if len(set(ways)) < len(ways):
            raise RefusedError("open_rings", f"{self.key} has a way as a member twice; mend the multipolygon in JOSM")
        inner, others = self._rings(inner=True), self._rings(inner=False)
        areas = [shapely.make_valid(shapely.Polygon(ring.points)) for ring in others]
        points = [area.representative_point() for area in areas]
        depth = [sum(area.contains(point) for area in areas) - 1 for point in points]
        outer = [ring for ring, level in zip(others, depth, strict=True) if level % 2 == 0]
        return outer, [*(ring for ring, level in zip(others, depth, strict=True) if level % 2), *inner]

    def _rings(self, *, inner: bool) -> list[OldRing]:
        """The rings of its inner members, or of all others.

        Raises:
            RefusedError: a way is unknown, or the ways make up no rings.
        """
        known = {way.id: way for way in self.ways}
        refs = [ref for kind, ref, role in self.members if kind == "way" and (role == "inner") == inner]
        unknown = [ref for ref in refs if ref not in known]
        if unknown:
            raise RefusedError(
                "member_unknown",
                f"way/{unknown[0]}, a member of {self.key}, is not whole in the map's file; import one that has it",
            )
        rings = rings_of([known[ref] for ref in refs], self.key)
        if any(len(ring.points) < 3 for ring in rings):
            raise RefusedError("open_rings", f"a ring of {self.key} has no area; mend the multipolygon in JOSM")
        return rings


@dataclass
class _Edit:
    """What becomes of ways and nodes, ring by ring."""

    ids: NewIds
    fixed: set[int]
    refs: dict[int, tuple[int, ...]] = field(default_factory=dict)
    created: list[Node] = field(default_factory=list)
    moved: list[Node] = field(default_factory=list)
    new_ways: list[Way] = field(default_factory=list)
    left: set[int] = field(default_factory=set)

    def follow(self, ring: OldRing, points: Sequence[LonLat]) -> None:
        """The ring's ways follow drawn corners."""
        if unchanged(ring, points):
            return
        fitted = fit_ring(ring, points, self.fixed, self.ids)
        self.refs |= fitted.refs
        self.created += fitted.created
        self.moved += fitted.moved

    def hole(self, points: Sequence[LonLat]) -> None:
        """A new inner way."""
        outline = new_outline(points, self.ids)
        self.created += outline.created
        self.new_ways.append(Way(self.ids.way(), None, outline.refs, {}))


def reshape(relation: OldRelation, polygons: Sequence[Sequence[Sequence[LonLat]]], ids: NewIds) -> list[Operation]:
    """Operations after which the multipolygon has the accepted shape, under its id, with its tags, roles and ways.

    Ways whose part of the outline did not change stay untouched. The relation is written even with the same
    members: so its version is checked, and tells from then on that the building was edited. A hole that is gone
    leaves the members; its way is deleted only where nothing else uses it and no tag says that it is something by
    itself.

    Args:
        polygons: of each part the outer ring, then its holes, closed, degrees.

    Raises:
        RefusedError: it can't be said without changing something else, or not without a version that is unknown.
    """
    outer, inner = relation.outer_and_inner()
    if len(outer) != len(polygons):
        raise RefusedError(
            "outer_rings",
            f"{relation.key} has {len(outer)} outer rings, the accepted shape {len(polygons)}: one building is not "
            "split or joined by an edit of its outline; adjust the shape, or draw it in JOSM",
        )
    new_outer = [ring_corners(part[0]) for part in polygons]
    new_inner = [ring_corners(ring) for part in polygons for ring in part[1:]]
    passed = Counter(number for ring in (*outer, *inner) for number in {node.id for node in ring.nodes})
    edit = _Edit(ids, {number for number, rings in passed.items() if rings > 1})
    for old, new in _pairs(outer, new_outer, by=(0.0, 0.0), all_of_them=True):
        edit.follow(outer[old], new_outer[new])
    stay = dict(_pairs(inner, new_inner, by=_moved(outer, new_outer)))
    for old, new in stay.items():
        edit.follow(inner[old], new_inner[new])
    for number, points in enumerate(new_inner):
        if number not in stay.values():
            edit.hole(points)
    edit.left = {way.id for number, ring in enumerate(inner) if number not in stay for way in ring.ways}
    return _operations(relation, edit)


def _operations(relation: OldRelation, edit: _Edit) -> list[Operation]:
    deleted = [way for way in relation.ways if way.id in edit.left and way.meaning is None and not way.outline]
    gone = {way.id for way in deleted}
    changed = [way for way in (_followed(way, edit) for way in relation.ways) if way is not None]
    kept = {ref for way in relation.ways if way.id not in gone for ref in edit.refs.get(way.id, way.refs)}
    own = {node.id: node for way in relation.ways for node in way.nodes if not node.shared}
    dropped = [Node(one.id, one.version, one.lon, one.lat) for number, one in own.items() if number not in kept]
    members = [one for one in relation.members if not (one[0] == "way" and one[1] in edit.left)]
    members += [("way", way.id, "inner") for way in edit.new_ways]
    after = Relation(relation.id, relation.version, tuple(members), relation.tags)
    written: list[Node | Way | Relation] = [*edit.moved, *changed, after]
    new: list[Node | Way] = [*edit.created, *edit.new_ways]
    check_known([*map(_version, written), *map(_version, dropped), *((way.key, way.version) for way in deleted)])
    return [
        *(Operation("create", one) for one in new),
        *(Operation("modify", one) for one in written),
        *(Operation("delete", Way(w.id, w.version, w.refs, w.tags), if_unused=True) for w in deleted),
        *(Operation("delete", one, if_unused=True) for one in dropped),
    ]


def _followed(way: OldWay, edit: _Edit) -> Way | None:
    """The way where its course changes; written even where only nodes of it move, so that its version is checked."""
    refs = edit.refs.get(way.id, way.refs)
    if not _same_course(way.refs, refs):
        return Way(way.id, way.version, refs, way.tags)
    moves = not {node.id for node in edit.moved}.isdisjoint(way.refs)
    return Way(way.id, way.version, way.refs, way.tags) if moves else None


def _same_course(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Whether both pass the same nodes; a ring that is turned or begun elsewhere is the same ring."""
    if old == new:
        return True
    if old[0] != old[-1] or new[0] != new[-1] or len(old) != len(new) or new[0] not in old:
        return False
    at = old.index(new[0])
    along = (*old[at:-1], *old[:at])
    return new[:-1] in (along, (along[0], *along[:0:-1]))


def _pairs(
    old: Sequence[OldRing], new: Sequence[list[LonLat]], *, by: LonLat, all_of_them: bool = False
) -> list[tuple[int, int]]:
    """Which drawn ring each old one became: those that lie most on each other, as they are or moved `by` degrees."""
    if not old or not new:
        return []
    before = [shapely.make_valid(shapely.Polygon(ring.points)) for ring in old]
    after = [shapely.make_valid(shapely.Polygon(points)) for points in new]
    alike = np.array(
        [[max(_shared(a, b), _shared(shapely.affinity.translate(a, *by), b)) for b in after] for a in before]
    )
    near = np.array([[1 / (1 + a.distance(b)) for b in after] for a in before])
    rows, columns = linear_sum_assignment(-(alike + 1e-6 * near))
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(one, other) for one, other in pairs if all_of_them or alike[one, other] > 0]


def _shared(one: shapely.Geometry, other: shapely.Geometry) -> float:
    """Intersection over union."""
    return float(one.intersection(other).area / max(one.union(other).area, 1e-30))


def _moved(old: Sequence[OldRing], new: Sequence[list[LonLat]]) -> LonLat:
    """How far the outer rings went as a whole, in degrees."""
    before = shapely.MultiPoint([point for ring in old for point in _middle(ring.points)]).centroid
    after = shapely.MultiPoint([point for points in new for point in _middle(points)]).centroid
    return after.x - before.x, after.y - before.y


def _middle(points: Sequence[LonLat]) -> list[LonLat]:
    centre = shapely.Polygon(points).centroid
    return [(centre.x, centre.y)]


def _version(element: Node | Way | Relation) -> tuple[str, int | None]:
    return key(element), element.version
