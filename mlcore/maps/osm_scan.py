"""Collects from an OSM file, in three passes, what the map's features are built of."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import osmium

from mlcore.errors import InvalidInputError
from mlcore.limits import MapLimits
from mlcore.maps.cleaning import MAX_ID, RepairLog, clean_tags, clean_text
from mlcore.maps.features import FeatureKind, MemberRef, OsmType
from mlcore.maps.osm_found import NOWHERE, POINTS, SAYS_NO_AREA, OsmScan, RawElement, is_needed
from mlcore.maps.osm_nodes import NodeTable
from mlcore.maps.tags import classify, says_building, says_no_area
from mlcore.progress import Progress, stop_if_asked

STEP = 50_000
"""Objects between two looks at the clock and at a request to stop."""


class OsmScanner:
    """Reads relations, then ways, then nodes of one file, within limits."""

    def __init__(
        self,
        path: Path,
        fmt: str,
        limits: MapLimits,
        progress: Progress,
        log: RepairLog,
        outlines: Mapping[int, tuple[tuple[float, float], ...]] | None = None,
    ) -> None:
        self.file = osmium.io.File(str(path.resolve()), fmt)
        self.name, self.limits, self.progress, self.log = path.name, limits, progress, log
        self.seen = 0
        self.left_out: Counter[str] = Counter()
        self.found = OsmScan(outlines=dict(outlines or {}))
        self.nodes: dict[int, tuple[float, float, int | None, bool]] = {}

    def scan(self) -> OsmScan:
        """Run the passes.

        Raises:
            InvalidInputError: the file is damaged, hostile or too large.
        """
        try:
            self._read_relations()
            self.progress.report(0.2, "relations read")
            wanted = self._read_ways()
            self.progress.report(0.5, "ways read")
            self._read_nodes(wanted)
            self.found.nodes = NodeTable.of(self.nodes)
            self._count_points()
            self.progress.report(0.8, "nodes read")
        except (RuntimeError, ValueError, OverflowError, osmium.InvalidLocationError) as error:
            raise InvalidInputError(
                f"{self.name} is not a sound OSM file ({str(error)[:200]}): download or export it again"
            ) from error
        return self.found

    def _objects(self, entity: osmium.osm.osm_entity_bits) -> Iterator[Any]:
        """Every object of a sort as the file has it, deleted ones too."""
        item: Any
        for item in osmium.FileProcessor(self.file, entity):
            self.seen += 1
            if self.seen % STEP == 0:
                stop_if_asked(self.progress)
            if self.seen > self.limits.max_objects:
                raise InvalidInputError(
                    f"{self.name} holds more than {self.limits.max_objects} objects: cut it with osmium extract"
                )
            if not -MAX_ID < item.id < MAX_ID:
                raise InvalidInputError(
                    f"{self.name} holds the id {item.id}, which no OSM object has: correct the file"
                )
            yield item

    def _settled(
        self,
        entity: osmium.osm.osm_entity_bits,
        take: Callable[[Any], None],
        forget: Callable[[], None],
        ids: set[int] | None = None,
    ) -> None:
        """Give `take` every object that is not deleted; of one that the file has several times, the newest alone.

        Nearly all files hold each object once, so the file is read as if it did. Only where ids repeat is it read
        again, once to find the newest of each and once to take them.

        Args:
            forget: undoes what `take` has done so far.
            ids: the only ids of interest; None for all.
        """
        seen, start = array("q"), self.seen
        for item in self._objects(entity):
            if ids is None or item.id in ids:
                seen.append(item.id)
                if not item.deleted:
                    take(item)
        numbers, counts = np.unique(np.array(seen, np.int64), return_counts=True)
        if len(numbers) == len(seen):
            return
        self.seen = start
        newest = self._newest(entity, set(numbers[counts > 1].tolist()))
        self.seen = start
        forget()
        for place, item in enumerate(self._objects(entity)):
            if newest.get(item.id, place) == place and not item.deleted and (ids is None or item.id in ids):
                take(item)

    def _newest(self, entity: osmium.osm.osm_entity_bits, repeated: set[int]) -> dict[int, int]:
        """Where in the file the newest of each repeated object stands: by version, then by time, a deletion before
        what it deletes, and a whole object before the skeleton that Overpass sends along."""
        best: dict[int, tuple[tuple[int, float, bool, int, int], int]] = {}
        unknown: set[int] = set()
        for place, item in enumerate(self._objects(entity)):
            if item.id in repeated:
                parts = len(item.nodes) if item.is_way() else len(item.members) if item.is_relation() else 0
                rank = (item.version, item.timestamp.timestamp(), item.deleted, len(item.tags), parts)
                if item.id in best and not item.version and rank == best[item.id][0]:
                    unknown.add(item.id)
                if item.id not in best or rank >= best[item.id][0]:
                    best[item.id] = (rank, place)
        word = {"n": "node", "w": "way", "r": "relation"}[entity.name[0].lower()]
        for number in sorted(best):
            gone = ", which deletes it" if best[number][0][2] else ""
            which = "nothing says which is newer, the last" if number in unknown else "the newest"
            self.log.add(f"{word}/{number} stands in the file several times: {which} was taken{gone}")
        return {number: place for number, (_, place) in best.items()}

    def _read_relations(self) -> None:
        found = self.found

        def take(relation: Any) -> None:
            members = tuple(MemberRef(_TYPES[m.type], m.ref, clean_text(m.role)) for m in relation.members)
            for ref in {member.ref for member in members if member.type == "way"} & found.way_in_relation:
                found.way_in_relations.add(ref)
            for member in members:
                {"n": found.node_in_relation, "w": found.way_in_relation, "r": found.relation_in_relation}[
                    member.type[0]
                ].add(member.ref)
            tags = dict(relation.tags)
            kind = classify(tags, closed=True)
            if not is_needed(tags, kind, self.left_out):
                return
            found.relations[relation.id] = self._element("relation", relation, tags, kind)
            found.relations[relation.id].members = members

        def forget() -> None:
            for kept in (found.relations, found.node_in_relation, found.way_in_relation, found.relation_in_relation):
                kept.clear()
            found.way_in_relations.clear()
            self.left_out.clear()

        self._settled(osmium.osm.RELATION, take, forget)

    def _read_ways(self) -> np.ndarray:
        """Keep the ways the map needs; returns the sorted ids of their nodes."""
        found = self.found
        parts = {m.ref for relation in found.relations.values() for m in relation.members if m.type == "way"}
        every, wanted = array("q"), array("q")

        def take(way: Any) -> None:
            refs = tuple(node.ref for node in way.nodes)
            every.extend(set(refs))
            # whether it is closed is known with its places: two nodes may lie on one
            kind = classify(way.tags, closed=True) if len(way.tags) else None
            self.left_out[SAYS_NO_AREA] += says_no_area(way.tags, kind)
            if kind is None and way.id not in parts:
                return
            if not all(-MAX_ID < ref < MAX_ID for ref in refs):
                raise InvalidInputError(f"{self.name}: way/{way.id} uses an impossible node id: correct the file")
            found.ways[way.id] = self._element("way", way, dict(way.tags), kind)
            found.ways[way.id].refs = np.array(refs, np.int64)
            wanted.extend(refs)
            for node in way.nodes:
                if node.location.valid():  # a file with locations on its ways may hold no nodes at all
                    self.nodes.setdefault(node.ref, (node.lon, node.lat, None, False))
            if len(found.ways) > self.limits.max_features:
                raise InvalidInputError(
                    f"{self.name} holds more than {self.limits.max_features} features: cut it to the region"
                )

        before = Counter(self.left_out)

        def forget() -> None:
            self.left_out = Counter(before)
            found.ways.clear()
            self.nodes.clear()
            for kept in (every, wanted):
                del kept[:]

        self._settled(osmium.osm.WAY, take, forget)
        needed = np.unique(np.frombuffer(wanted, np.int64)) if wanted else np.empty(0, np.int64)
        if every:
            ids, counts = np.unique(np.frombuffer(every, np.int64), return_counts=True)
            found.shared_nodes = np.intersect1d(ids[counts > 1], needed, assume_unique=True)
            found.crowded_nodes = np.intersect1d(ids[counts > 2], needed, assume_unique=True)
        return needed

    def _read_nodes(self, wanted: np.ndarray) -> None:
        on_ways = dict(self.nodes)

        def take(node: Any) -> None:
            place = node.location
            if place.x == NOWHERE:
                return  # known by its id alone, as if it were not in the file
            if not place.valid():
                raise InvalidInputError(
                    f"{self.name}: node/{node.id} lies outside -180..180, -90..90 degrees: OSM files are in EPSG:4326"
                )
            self.nodes[node.id] = (place.lon, place.lat, node.version or None, len(node.tags) > 0)
            self._remember(node.timestamp)

        def forget() -> None:
            self.nodes = dict(on_ways)

        self._settled(osmium.osm.NODE, take, forget, set(wanted.tolist()))

    def _count_points(self) -> None:
        """Buildings that are mapped as nodes; osmium alone looks at all the others."""
        nodes: Any = osmium.FileProcessor(self.file, osmium.osm.NODE)
        points = {
            node.id
            for node in nodes.with_filter(osmium.filter.KeyFilter("building"))
            if not node.deleted and says_building(node.tags)
        }
        self.left_out[POINTS] += len(points)

    def _element(self, sort: OsmType, item: Any, tags: dict[str, str], kind: FeatureKind | None) -> RawElement:
        stamp = self._remember(item.timestamp)
        cleaned = clean_tags(tags, f"{sort}/{item.id}", self.log)
        return RawElement(item.id, item.version or None, stamp, cleaned, kind)

    def _remember(self, stamp: datetime) -> datetime | None:
        """The time, None where the file has none; the newest is kept."""
        if stamp.year <= 1970:
            return None
        if self.found.newest is None or stamp > self.found.newest:
            self.found.newest = stamp
        return stamp


_TYPES: dict[str, OsmType] = {"n": "node", "w": "way", "r": "relation"}
