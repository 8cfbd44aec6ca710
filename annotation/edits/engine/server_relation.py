"""A multipolygon as the map's server shows it now, drawn by the same rules as an import draws it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np

from annotation.edits.engine.answers import Written
from annotation.edits.states import State
from annotation.sources.engine import parts_of, to_geos
from mlcore.limits import MapLimits
from mlcore.maps.cleaning import RepairLog
from mlcore.maps.features import FeatureKind, MemberRef, OsmType
from mlcore.maps.osm_build import FeatureBuilder
from mlcore.maps.osm_found import AREA_RELATIONS, OsmScan, RawElement
from mlcore.maps.osm_nodes import NodeTable
from mlcore.maps.tags import classify
from mlcore.progress import SilentProgress

TYPES: dict[str, OsmType] = {"node": "node", "way": "way", "relation": "relation"}


def relation_on_server(elements: Sequence[Written], base: State) -> State | None:
    """A multipolygon as the map's server shows it with its ways and nodes; None where it is gone or no area any more.

    What a server does not say of it alone is taken as the base has it: whether it is in a relation, which of its ways
    others have as a member, which of its nodes others use. What came since counts as used.
    """
    relation = next((one for one in elements if (one.kind, one.id) == ("relation", base.osm_id)), None)
    if relation is None or relation.tags.get("type") not in AREA_RELATIONS:
        return None
    builder = FeatureBuilder(_scan(elements, relation, base), MapLimits().max_vertices, RepairLog())
    drawn = (one for one in builder.build(SilentProgress()) if one.osm_type == "relation")
    feature = next(drawn, None)
    if feature is None or feature.geometry.geom_type not in {"Polygon", "MultiPolygon"}:
        return None
    nodes, members, ways = parts_of(feature)
    return State("relation", relation.id, feature.version, feature.timestamp, relation.tags, nodes, members, ways,
                 base.in_relation, to_geos(feature.geometry), None)  # fmt: skip


def _scan(elements: Sequence[Written], relation: Written, base: State) -> OsmScan:
    """What an import would have found of these elements, in a file in which others use what the base says."""
    known = base.ways or ()
    used = {int(way[0]): bool(way[4]) for way in known}
    shared = {int(node[0]): bool(node[4]) for way in known for node in way[3]}
    nodes = {one.id: one for one in elements if one.kind == "node" and one.lon and one.lat}
    ways = {one.id: one for one in elements if one.kind == "way"}
    taken = np.array(sorted(number for number in nodes if shared.get(number, True)), np.int64)
    members = tuple(MemberRef(TYPES[kind], ref, role) for kind, ref, role in _members(relation) if kind in TYPES)
    return OsmScan(
        nodes=_table(nodes),
        ways={number: _raw(way, classify(way.tags, closed=True), way.body) for number, way in ways.items()},
        relations={relation.id: _raw(relation, "building", (), members)},
        way_in_relation=set(ways),
        way_in_relations={number for number in ways if used.get(number, True)},
        relation_in_relation={relation.id} if base.in_relation else set(),
        shared_nodes=taken,
        crowded_nodes=taken,
    )


def _members(relation: Written) -> list[tuple[str, int, str]]:
    return [one for one in relation.body if isinstance(one, tuple)]


def _table(nodes: Mapping[int, Written]) -> NodeTable:
    return NodeTable.of(
        {
            number: (float(node.lon), float(node.lat), node.version or None, bool(node.tags))
            for number, node in nodes.items()
        }
    )


def _raw(
    one: Written, kind: FeatureKind | None, refs: Sequence[object] = (), members: tuple[MemberRef, ...] = ()
) -> RawElement:
    stamp = datetime.fromisoformat(one.timestamp) if one.timestamp else None
    numbers = np.array([ref for ref in refs if isinstance(ref, int)], np.int64)
    return RawElement(one.id, one.version or None, stamp, one.tags, kind, numbers, members)
