"""What a map is made of: buildings, roads, rail, water and green with their OSM identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.errors import InvalidInputError

FeatureKind = Literal["building", "road", "rail", "water", "green"]
OsmType = Literal["node", "way", "relation"]
KINDS: tuple[FeatureKind, ...] = get_args(FeatureKind)


class NodeRef(NamedTuple):
    """One node of a way, in the way's order.

    Attributes:
        shared: another way or relation uses the node, or it has tags of its own: it must not be deleted with its way.
        tagged: it has tags of its own; None where nobody kept that.
    """

    id: int
    version: int | None
    lon: float
    lat: float
    shared: bool
    tagged: bool | None = None


@dataclass(frozen=True, slots=True)
class MemberRef:
    """One member of a relation, in the relation's order.

    Attributes:
        building: it is tagged as a building itself, and the outline of the building that the relation is.
    """

    type: OsmType
    ref: int
    role: str
    building: bool = False


class MemberWay(NamedTuple):
    """A way that the outline of a relation is made of.

    Attributes:
        nodes: in its order; `shared` says that something beside the ways of this relation uses the node.
        used: another relation has it as a member, too.
    """

    id: int
    version: int | None
    tags: Mapping[str, str]
    nodes: tuple[NodeRef, ...]
    used: bool


@dataclass(frozen=True)
class MapFeature:
    """One object of the map.

    Attributes:
        kind: what it is drawn and compared as.
        geometry: shapely geometry in degrees (EPSG:4326).
        tags: OSM tags.
        osm_type: kind of OSM element, None for an object that OSM does not know.
        osm_id: id of the element; negative for an element not uploaded yet.
        version: version of the element, None where the extract has none.
        nodes: nodes of a way in order (a closed way repeats its first node); empty for relations and GeoJSON.
        members: members of a relation.
        in_relation: some relation has this element as a member.
        ways: the member ways of a building that is a relation, each once; not those that the file has only in part.
    """

    kind: FeatureKind
    geometry: BaseGeometry
    tags: Mapping[str, str] = field(default_factory=dict)
    osm_type: OsmType | None = None
    osm_id: int | None = None
    version: int | None = None
    timestamp: datetime | None = None
    nodes: tuple[NodeRef, ...] = ()
    members: tuple[MemberRef, ...] = ()
    in_relation: bool = False
    ways: tuple[MemberWay, ...] = ()

    @property
    def key(self) -> str:
        """`way/123`, or `shape/<digest of the geometry>` for an object without an OSM id."""
        if self.osm_type is not None and self.osm_id is not None:
            return f"{self.osm_type}/{self.osm_id}"
        return f"shape/{hashlib.sha256(self.geometry.wkb).hexdigest()[:16]}"


def feature_to_json(feature: MapFeature) -> str:
    """One line of JSON that `feature_from_json` reads back without loss."""
    record: dict[str, Any] = {"kind": feature.kind, "wkb": feature.geometry.wkb_hex, "tags": dict(feature.tags)}
    if feature.osm_type is not None:
        record |= {"type": feature.osm_type, "id": feature.osm_id, "version": feature.version}
    if feature.timestamp is not None:
        record["timestamp"] = feature.timestamp.isoformat()
    if feature.nodes:
        record["nodes"] = _nodes(feature.nodes)
    if feature.members:
        record["members"] = [[m.type, m.ref, m.role, *([True] if m.building else [])] for m in feature.members]
    if feature.ways:
        record["ways"] = [[w.id, w.version, dict(w.tags), _nodes(w.nodes), w.used] for w in feature.ways]
    if feature.in_relation:
        record["in_relation"] = True
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def feature_from_json(line: str) -> MapFeature:
    """The feature of one line written by `feature_to_json`.

    Raises:
        InvalidInputError: the line is damaged.
    """
    try:
        record = json.loads(line)
        stamp = record.get("timestamp")
        if record["kind"] not in KINDS:
            raise ValueError(f"unknown kind {record['kind']!r}")
        return MapFeature(
            kind=record["kind"],
            geometry=shapely.from_wkb(record["wkb"]),
            tags=record["tags"],
            osm_type=record.get("type"),
            osm_id=record.get("id"),
            version=record.get("version"),
            timestamp=datetime.fromisoformat(stamp) if stamp else None,
            nodes=nodes_of(record.get("nodes", ())),
            members=tuple(MemberRef(t, ref, role, *more) for t, ref, role, *more in record.get("members", ())),
            ways=ways_of(record.get("ways", ())),
            in_relation=record.get("in_relation", False),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, shapely.errors.ShapelyError) as error:
        raise InvalidInputError(f"damaged line in a stored map ({error}): import the map again") from error


def nodes_of(kept: Iterable[Any]) -> tuple[NodeRef, ...]:
    """Nodes of lists `[id, version, lon, lat, shared, tagged]`."""
    return tuple(NodeRef(i, v, lon, lat, bool(s), *tagged) for i, v, lon, lat, s, *tagged in kept)


def ways_of(kept: Iterable[Any]) -> tuple[MemberWay, ...]:
    """Member ways of lists `[id, version, tags, nodes, used]`."""
    return tuple(MemberWay(i, v, tags, nodes_of(nodes), bool(used)) for i, v, tags, nodes, used in kept)


def _nodes(nodes: Iterable[NodeRef]) -> list[list[Any]]:
    return [[n.id, n.version, n.lon, n.lat, int(n.shared), n.tagged] for n in nodes]
