"""Collects from an ordinary .osm.pbf, block by block, what the map's features are built of.

Nearly every extract is ordinary: dense nodes, zlib, each object once. Such a file is read in columns, some ten times as
fast as object by object. Of anything else `UnusualPbfError` is raised, and osmium's scanner reads or refuses it.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from mlcore.limits import MapLimits
from mlcore.maps.cleaning import MAX_ID, clean_text
from mlcore.maps.features import FeatureKind, MemberRef, OsmType
from mlcore.maps.osm_found import NOWHERE, POINTS, SAYS_NO_AREA, OsmScan, RawElement, is_needed
from mlcore.maps.osm_nodes import NodeTable, distinct, joined, of_each_way, positions, repeated
from mlcore.maps.pbf_messages import Blob, BlobHeader, PrimitiveBlock
from mlcore.maps.tags import KEYS, classify, says_building, says_no_area
from mlcore.progress import Progress, stop_if_asked

BLOCK_BYTES = 4 * 1024**2
"""Larger blocks are left to osmium: writers end them after 8,000 objects, and hostile ones swell when parsed."""
_SORTS: dict[int, OsmType] = {0: "node", 1: "way", 2: "relation"}


class UnusualPbfError(Exception):
    """The file is not one that is read in columns: damaged, hostile, or written in another way than most."""


@dataclass(frozen=True)
class Scanned:
    """What a file holds, what was left out of it and why, and what was repaired."""

    scan: OsmScan
    left_out: Counter[str]
    repairs: list[str]


def scan_pbf(path: Path, limits: MapLimits, progress: Progress) -> Scanned:
    """Read relations, then ways, then nodes.

    Raises:
        UnusualPbfError: osmium's scanner must read it.
        StoppedError: `progress` asked to stop.
    """
    try:
        return _PbfScanner(path, limits, progress).scanned()
    except (DecodeError, zlib.error, struct.error, LookupError, ValueError, OverflowError) as error:
        raise UnusualPbfError(str(error)) from error


@dataclass
class _Block:
    """One parsed block: its texts as they are and as they may be stored."""

    message: Any
    texts: list[str]
    cleaned: list[str]

    @classmethod
    def read(cls, data: bytes) -> _Block:
        message = PrimitiveBlock.FromString(data)
        texts = [text.decode() for text in message.stringtable.s]
        return cls(message, texts, [clean_text(text) for text in texts])

    def tags(self, item: Any) -> dict[str, str]:
        return {self.texts[key]: self.texts[value] for key, value in zip(item.keys, item.vals, strict=True)}

    def seconds(self, stamps: np.ndarray) -> np.ndarray:
        return stamps * self.message.date_granularity // 1000


class _PbfScanner:
    def __init__(self, path: Path, limits: MapLimits, progress: Progress) -> None:
        self.path, self.limits, self.progress = path, limits, progress
        self.found = OsmScan()
        self.left_out: Counter[str] = Counter()
        self.repairs: list[str] = []
        self.newest, self.objects = 0, 0
        self.with_ways: list[tuple[int, int]] = []
        self.with_nodes: list[tuple[int, int]] = []

    def scanned(self) -> Scanned:
        with self.path.open("rb") as file:
            self._read_relations(file)
            self.progress.report(0.2, "relations read")
            wanted = self._read_ways(file)
            self.progress.report(0.5, "ways read")
            self._read_nodes(file, wanted)
            self.progress.report(0.8, "nodes read")
        self.found.newest = _time(self.newest)
        return Scanned(self.found, self.left_out, self.repairs)

    def _blocks(self, file: Any, places: list[tuple[int, int]]) -> Iterator[_Block]:
        for at, length in places:
            stop_if_asked(self.progress)
            file.seek(at)
            yield _Block.read(_content(file.read(length)))

    def _read_relations(self, file: Any) -> None:
        """Keep the relations the map needs, and where in the file ways and nodes are."""
        found, ids = self.found, []
        members: dict[int, list[np.ndarray]] = {0: [], 1: [], 2: []}
        size = self.path.stat().st_size
        while file.tell() < size:
            stop_if_asked(self.progress)
            header = BlobHeader.FromString(file.read(struct.unpack(">I", file.read(4))[0]))
            if not 0 <= header.datasize <= size - file.tell():
                raise UnusualPbfError("a blob that ends elsewhere")
            place = (file.tell(), header.datasize)
            if header.type != b"OSMData":
                file.seek(header.datasize, 1)
                continue
            block = _Block.read(_content(file.read(header.datasize)))
            groups = block.message.primitivegroup
            if any(len(group.nodes) for group in groups):
                raise UnusualPbfError("nodes one by one")
            self.objects += sum(len(g.dense.id) + len(g.ways) + len(g.relations) for g in groups)
            if self.objects > self.limits.max_objects:
                raise UnusualPbfError("too many objects")
            for kept, holds in ((self.with_ways, "ways"), (self.with_nodes, "dense")):
                if any(len(group.ways if holds == "ways" else group.dense.id) for group in groups):
                    kept.append(place)
            for relation in (relation for group in groups for relation in group.relations):
                ids.append(relation.id)
                self._relation(block, relation, members)
        _each_once(np.array(ids, np.int64))
        sets = (found.node_in_relation, found.way_in_relation, found.relation_in_relation)
        for number, kept_ids in enumerate(sets):
            kept_ids.update(_checked(joined(members[number])).tolist())
        found.way_in_relations.update(repeated(of_each_way(members[1]))[0].tolist())

    def _relation(self, block: _Block, relation: Any, members: dict[int, list[np.ndarray]]) -> None:
        refs, sorts = np.cumsum(np.array(relation.memids, np.int64)), np.array(relation.types, np.int64)
        for number, kept in members.items():
            kept.append(refs[sorts == number])
        tags = block.tags(relation)
        kind = classify(tags, closed=True)
        if not is_needed(tags, kind, self.left_out):
            return
        told = zip(sorts.tolist(), refs.tolist(), relation.roles_sid, strict=True)
        element = self._element("relation", block, relation, tags, kind)
        element.members = tuple(MemberRef(_SORTS[sort], ref, block.cleaned[role]) for sort, ref, role in told)
        self.found.relations[relation.id] = element

    def _read_ways(self, file: Any) -> np.ndarray:
        """Keep the ways the map needs; returns the ids of their nodes, ascending."""
        found = self.found
        parts = {m.ref for relation in found.relations.values() for m in relation.members if m.type == "way"}
        ids, wanted, every = [], [], []
        for block in self._blocks(file, self.with_ways):
            telling = {number for number, text in enumerate(block.texts) if text in KEYS}
            used: list[np.ndarray] = []
            for way in (way for group in block.message.primitivegroup for way in group.ways):
                if len(way.lat):
                    raise UnusualPbfError("places on ways")
                ids.append(way.id)
                refs = np.cumsum(np.array(way.refs, np.int64))
                used.append(refs)
                if telling.isdisjoint(way.keys) and way.id not in parts:
                    continue
                tags = block.tags(way)
                # whether it is closed is known with its places: two nodes may lie on one
                kind = classify(tags, closed=True)
                self.left_out[SAYS_NO_AREA] += says_no_area(tags, kind)
                if kind is None and way.id not in parts:
                    continue
                element = found.ways[way.id] = self._element("way", block, way, tags, kind)
                element.refs = refs
                wanted.append(refs)
            if len(found.ways) > self.limits.max_features:
                raise UnusualPbfError("too many features")
            every.append(of_each_way(used))
        _each_once(np.array(ids, np.int64))
        needed = distinct(_checked(joined(wanted)))
        shared, crowded = repeated(joined(every))
        found.shared_nodes = np.intersect1d(shared, needed, assume_unique=True)
        found.crowded_nodes = np.intersect1d(crowded, needed, assume_unique=True)
        return needed

    def _read_nodes(self, file: Any, wanted: np.ndarray) -> None:
        """Keep the nodes of these ids, and count the buildings that are points."""
        columns: list[tuple[np.ndarray, ...]] = []
        for block in self._blocks(file, self.with_nodes):
            for dense in (group.dense for group in block.message.primitivegroup if len(group.dense.id)):
                columns.append(self._dense(block, dense, wanted))
        if not columns:
            return
        ids, lonlat, versions, tagged = (np.concatenate(column) for column in zip(*columns, strict=True))
        _each_once(ids)
        self.found.nodes = NodeTable.sorted(ids, lonlat, versions, tagged)

    def _dense(self, block: _Block, dense: Any, wanted: np.ndarray) -> tuple[np.ndarray, ...]:
        """(ids, lonlat, versions, tagged) of the wanted nodes of one run."""
        ids = _checked(np.cumsum(np.array(dense.id, np.int64)))
        info, count = dense.denseinfo, len(ids)
        if len(info.visible) and not np.array(info.visible).all():
            raise UnusualPbfError("deleted objects")
        tagged = self._tagged(block, dense, count)
        kept = positions(wanted, ids) >= 0
        message = block.message
        places = []
        for steps, offset in ((dense.lon, message.lon_offset), (dense.lat, message.lat_offset)):
            units = np.cumsum(np.array(steps, np.int64)) * message.granularity + offset
            places.append(np.trunc(units / 100).astype(np.int64)[kept])  # in 1e-7 degrees, cut off as osmium does
        known = (places[0] != NOWHERE) & (places[1] != NOWHERE)
        if (np.abs(places[0][known]) > 1_800_000_000).any() or (np.abs(places[1][known]) > 900_000_000).any():
            raise UnusualPbfError("places off the globe")
        versions, stamps = np.zeros(count, np.int64), np.zeros(count, np.int64)
        if len(info.version):
            versions = np.maximum(np.array(info.version, np.int64), 0)
        if len(info.timestamp):
            stamps = block.seconds(np.cumsum(np.array(info.timestamp, np.int64)))
        self.newest = max(self.newest, int(stamps[kept][known].max(initial=0)))
        lonlat = np.column_stack(places).astype(np.float64)[known] / 1e7
        return ids[kept][known], lonlat, versions[kept][known], tagged[kept][known]

    def _tagged(self, block: _Block, dense: Any, count: int) -> np.ndarray:
        """Which nodes of a run have tags; buildings among them are counted."""
        if not len(dense.keys_vals):
            return np.zeros(count, np.bool_)
        pairs = np.array(dense.keys_vals, np.int64)
        ends = np.flatnonzero(pairs == 0)
        if len(ends) != count:
            raise UnusualPbfError("tags that end elsewhere")
        starts = np.concatenate(([0], ends[:-1] + 1))
        if "building" in block.texts:
            named = np.flatnonzero(pairs == block.texts.index("building"))
            for number in distinct(np.searchsorted(ends, named)).tolist():
                said = [block.texts[text] for text in pairs[starts[number] : ends[number]]]
                self.left_out[POINTS] += says_building(dict(zip(said[::2], said[1::2], strict=True)))
        return ends > starts

    def _element(
        self, sort: OsmType, block: _Block, item: Any, tags: dict[str, str], kind: FeatureKind | None
    ) -> RawElement:
        cleaned = {block.cleaned[key]: block.cleaned[value] for key, value in zip(item.keys, item.vals, strict=True)}
        if cleaned != tags:
            self.repairs.append(f"{sort}/{item.id}: characters that can't be stored were removed from its tags")
        if not item.info.visible:
            raise UnusualPbfError("deleted objects")
        seconds = int(block.seconds(np.array(item.info.timestamp)))
        self.newest = max(self.newest, seconds)
        return RawElement(item.id, max(item.info.version, 0) or None, _time(seconds), cleaned, kind)


def _content(raw: bytes) -> bytes:
    """What a blob holds, no more than it declares."""
    blob = Blob.FromString(raw)
    if not 0 < blob.raw_size <= BLOCK_BYTES or not blob.zlib_data:
        raise UnusualPbfError("packed in another way")
    data = zlib.decompressobj().decompress(blob.zlib_data, blob.raw_size + 1)
    if len(data) != blob.raw_size:
        raise UnusualPbfError("of another size than it says")
    return data


def _checked(ids: np.ndarray) -> np.ndarray:
    if len(ids) and (int(ids.min()) <= -MAX_ID or int(ids.max()) >= MAX_ID):
        raise UnusualPbfError("an impossible id")
    return ids


def _each_once(ids: np.ndarray) -> None:
    if len(distinct(_checked(ids))) != len(ids):
        raise UnusualPbfError("objects that stand there several times")


def _time(seconds: int) -> datetime | None:
    """The time; None for one before 1971, which is how files write that they know none."""
    if not 0 <= seconds < 2**32:
        raise UnusualPbfError("a time that can't be")
    stamp = datetime.fromtimestamp(seconds, UTC)
    return stamp if stamp.year > 1970 else None
