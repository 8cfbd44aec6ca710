"""Builds features with geometry from the elements of an OSM file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.geometry.polygons import crossing, even_odd, repair_polygon
from mlcore.maps.cleaning import RepairLog, off_the_grid
from mlcore.maps.features import FeatureKind, MapFeature, MemberRef, MemberWay, NodeRef, OsmType
from mlcore.maps.osm_courses import Courses
from mlcore.maps.osm_found import OsmScan, RawElement
from mlcore.maps.osm_nodes import distinct, positions
from mlcore.maps.tags import classify, is_area
from mlcore.progress import Progress, stop_if_asked

STEP = 5_000
SAYS_NOTHING = {"type", "name", "source", "created_by", "note", "fixme", "attribution"}
"""Tags of a multipolygon that do not say what it is: then the tags of its outer ways do."""


class FeatureBuilder:
    """Turns one scan into features; what can't be built is logged by its key."""

    def __init__(self, scan: OsmScan, max_vertices: int, log: RepairLog) -> None:
        self.scan, self.max_vertices, self.log = scan, max_vertices, log
        self.courses = Courses(scan, max_vertices)
        self.nodes = self._nodes()

    def build(self, progress: Progress) -> list[MapFeature]:
        """Features of ways in file order, then those of relations."""
        relations = []
        for relation in self.scan.relations.values():
            stop_if_asked(progress)
            feature = self._relation(relation, relation.kind) if relation.kind else None
            if feature is not None:
                relations.append(feature)
        outlines, holes = self._outlines_of_buildings(relations), self._holes_of_old_relations()
        ways = []
        for count, way in enumerate(self.scan.ways.values()):
            if count % STEP == 0:
                stop_if_asked(progress)
            if way.kind == "building" and way.id in outlines:
                self.log.add(f"way/{way.id} is the outline of relation/{outlines[way.id]}: they are one building")
                continue
            feature = self._way(way, way.kind, holes.get(way.id, ())) if way.kind else None
            if feature is not None:
                ways.append(feature)
        return [*ways, *relations]

    def _way(self, way: RawElement, kind: FeatureKind, holes: tuple[np.ndarray, ...]) -> MapFeature | None:
        in_relation = way.id in self.scan.way_in_relation
        area = self.courses.areas.get(way.id)
        if area is not None and not holes and is_area(kind, way.tags):
            return self._made("way", kind, way, area, in_relation)
        if not len(way.refs):
            self.log.add(f"way/{way.id} was left out: it comes without its nodes")
            return None
        coordinates = self.courses.known(way)
        missing = len(way.refs) - len(coordinates)
        closed = way.refs[0] == way.refs[-1] or (not missing and (coordinates[0] == coordinates[-1]).all())
        if not (closed and len(way.refs) > 3):
            open_kind = classify(way.tags, closed=False)
            if open_kind is None:
                self.log.add(f"way/{way.id} was left out: its outline is not closed")
                return None
            kind = open_kind
        encloses = closed and len(way.refs) > 3 and is_area(kind, way.tags)
        if (missing and encloses) or len(coordinates) < 2:
            self.log.add(f"way/{way.id} was left out: {missing or 'all'} of its nodes are not in the file")
            return None
        if missing:
            self.log.add(f"way/{way.id} was shortened: {missing} of its nodes are not in the file")
        geometry: BaseGeometry | None
        if encloses:
            geometry = self._repaired(shapely.Polygon(coordinates), f"way/{way.id}")
            if geometry is not None and holes:
                geometry = self._repaired(_cut(geometry, holes), f"way/{way.id}")
        else:
            geometry = self.courses.lines.get(way.id)
            if geometry is not None:
                return self._made("way", kind, way, geometry, in_relation)
            geometry = shapely.LineString(coordinates)
        return self._feature("way", kind, way, geometry, in_relation)

    def _relation(self, relation: RawElement, kind: FeatureKind) -> MapFeature | None:
        name = f"relation/{relation.id}"
        nested = sum(member.type == "relation" for member in relation.members)
        if nested:
            self.log.add(f"{name} has {nested} relations as members: they were passed over")
        ways = [member for member in relation.members if member.type == "way"]
        rings, problem = self._rings([member.ref for member in ways])
        if problem:
            self.log.add(f"{name} was left out: {problem}")
            return None
        geometry = even_odd(rings)
        if len(rings) > 1 and crossing(rings):
            self.log.add(f"{name} was repaired: its outlines cross, so outer ones were united and inner ones cut out")
            inner, _ = self._rings([member.ref for member in ways if member.role == "inner"])
            outer, _ = self._rings([member.ref for member in ways if member.role != "inner"])
            geometry = _cut(_together(outer), inner) if outer else geometry
        in_relation = relation.id in self.scan.relation_in_relation
        return self._feature("relation", kind, relation, self._repaired(geometry, name), in_relation)

    def _outlines_of_buildings(self, features: Iterable[MapFeature]) -> dict[int, int]:
        """Way id -> relation id, for outer ways of relations that are buildings themselves."""
        return {
            member.ref: feature.osm_id
            for feature in features
            if feature.kind == "building" and feature.osm_id is not None
            for member in feature.members
            if member.type == "way" and member.role != "inner"
        }

    def _feature(
        self, osm_type: OsmType, kind: FeatureKind, raw: RawElement, geometry: BaseGeometry | None, in_relation: bool
    ) -> MapFeature | None:
        if geometry is None:
            return None
        problem = off_the_grid(geometry)
        if problem:
            self.log.add(f"{osm_type}/{raw.id} was left out: it {problem}")
            return None
        return self._made(osm_type, kind, raw, geometry, in_relation)

    def _made(
        self, osm_type: OsmType, kind: FeatureKind, raw: RawElement, geometry: BaseGeometry, in_relation: bool
    ) -> MapFeature:
        return MapFeature(
            kind=kind,
            geometry=geometry,
            tags=raw.tags,
            osm_type=osm_type,
            osm_id=raw.id,
            version=raw.version,
            timestamp=raw.timestamp,
            nodes=tuple([self.nodes[row] for row in self.courses.rows(raw)]) if osm_type == "way" else (),
            members=tuple(self._member(one) if kind == "building" else one for one in raw.members),
            ways=self._member_ways(raw) if kind == "building" and raw.members else (),
            in_relation=in_relation,
        )

    def _member_ways(self, relation: RawElement) -> tuple[MemberWay, ...]:
        """The member ways that are whole in the file, each once."""
        refs = dict.fromkeys(member.ref for member in relation.members if member.type == "way")
        ways = [way for ref in refs if (way := self.scan.ways.get(ref)) is not None]
        rows = {way.id: self.courses.rows(way) for way in ways}
        uses = Counter(row for passed in rows.values() for row in set(passed))
        own = self._between_two([row for row, count in uses.items() if count == 2])

        def made(way: RawElement) -> MemberWay:
            nodes = [self.nodes[row] for row in rows[way.id]]
            nodes = [node._replace(shared=False) if node.id in own else node for node in nodes]
            return MemberWay(way.id, way.version, way.tags, tuple(nodes), way.id in self.scan.way_in_relations)

        return tuple(made(way) for way in ways if len(rows[way.id]) == len(way.refs))

    def _between_two(self, rows: list[int]) -> set[int]:
        """Ids of those nodes, each of two ways, of which nothing else makes use."""
        nodes = [self.nodes[row] for row in rows if not self.nodes[row].tagged]
        ids = np.array([node.id for node in nodes], np.int64)
        alone = positions(self.scan.crowded_nodes, ids) < 0
        return {number for number in ids[alone].tolist() if number not in self.scan.node_in_relation}

    def _member(self, member: MemberRef) -> MemberRef:
        outline = member.type == "way" and member.role != "inner" and self._kind(member.ref) == "building"
        return replace(member, building=True) if outline else member

    def _nodes(self) -> list[NodeRef]:
        """Every node of the table, in its order."""
        table, scan = self.scan.nodes, self.scan
        others = np.fromiter(scan.node_in_relation, np.int64, len(scan.node_in_relation))
        shared = table.tagged | (positions(scan.shared_nodes, table.ids) >= 0)
        shared |= positions(distinct(others), table.ids) >= 0
        versions = [version or None for version in table.versions.tolist()]
        lon, lat = table.lonlat.T.tolist()
        return list(map(NodeRef, table.ids.tolist(), versions, lon, lat, shared.tolist(), table.tagged.tolist()))

    def _repaired(self, geometry: BaseGeometry, name: str) -> BaseGeometry | None:
        repair = repair_polygon(geometry, self.max_vertices)
        if repair.note:
            self.log.add(f"{name} {'was left out: it ' if repair.geometry is None else ''}{repair.note}")
        return repair.geometry

    def _rings(self, way_ids: Iterable[int]) -> tuple[list[np.ndarray], str | None]:
        """Closed rings of ways, each once however often it is there, and why they can't be had."""
        rings: dict[bytes, np.ndarray] = {}
        open_lines: list[shapely.LineString] = []
        for coordinates, problem in self._outlines(way_ids):
            if problem:
                return [], problem
            if len(coordinates) > 3 and (coordinates[0] == coordinates[-1]).all():
                rings[shapely.normalize(shapely.Polygon(coordinates)).wkb] = coordinates
            elif len(coordinates) > 1:
                open_lines.append(shapely.LineString(coordinates))
        if open_lines:
            faces = shapely.get_parts(shapely.polygonize(open_lines))
            rings |= {face.wkb: shapely.get_coordinates(face.exterior) for face in faces}
            drawn = shapely.union_all([face.boundary for face in faces]) if len(faces) else shapely.LineString()
            if not all(drawn.covers(line) for line in open_lines):
                return [], "its ways do not close to rings"
        return list(rings.values()), None if rings else "it has no outline"

    def _outlines(self, way_ids: Iterable[int]) -> Iterator[tuple[np.ndarray, str | None]]:
        """The course of every way, each once however often it is a member."""
        for ref in dict.fromkeys(way_ids):
            way = self.scan.ways.get(ref)
            known = self.courses.known(way) if way is not None else np.empty((0, 2))
            if way is not None and 0 < len(way.refs) == len(known):
                yield known, None
            elif ref in self.scan.outlines:
                yield np.array(self.scan.outlines[ref]).reshape(-1, 2), None
            else:
                yield np.empty((0, 2)), f"way/{ref} is not whole in the file"

    def _holes_of_old_relations(self) -> dict[int, tuple[np.ndarray, ...]]:
        """Way id -> rings that may be holes in it, for multipolygons of the old style: their tags are on outer ways."""
        holes: dict[int, tuple[np.ndarray, ...]] = {}
        for relation in self.scan.relations.values():
            if relation.kind is not None or not SAYS_NOTHING.issuperset(relation.tags):
                continue
            ways = [member for member in relation.members if member.type == "way"]
            outer = {m.ref for m in ways if m.role != "inner" and self._kind(m.ref)}
            inner = [m.ref for m in ways if m.role == "inner" or (not m.role and not self._kind(m.ref))]
            if not outer or not inner:
                continue
            rings, problem = self._rings(inner)
            if problem:
                self.log.add(f"relation/{relation.id} cuts no courtyard: {problem}")
            for number in outer:
                holes[number] = (*holes.get(number, ()), *rings)
        return holes

    def _kind(self, way_id: int) -> FeatureKind | None:
        way = self.scan.ways.get(way_id)
        return way.kind if way is not None else None


def _cut(area: BaseGeometry, holes: Iterable[np.ndarray]) -> BaseGeometry:
    """An area without what lies within the rings."""
    return shapely.difference(area, _together(holes))


def _together(rings: Iterable[np.ndarray]) -> BaseGeometry:
    return shapely.union_all([even_odd([ring]) for ring in rings])
