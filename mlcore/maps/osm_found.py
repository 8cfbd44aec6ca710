"""What a scan of an OSM file found, whichever scanner read it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from mlcore.maps.features import FeatureKind, MemberRef
from mlcore.maps.osm_nodes import NodeTable
from mlcore.maps.tags import says_no_area

AREA_RELATIONS = {"multipolygon", "boundary"}
NOWHERE = 2**31 - 1
"""What osmium has for a coordinate that the file does not tell."""
NO_AREA = "they are relations of a type that is no area"
SAYS_NO_AREA = "they say area=no"
POINTS = "they are points, and the map draws areas and lines"
"""Why buildings are left out."""


def is_needed(tags: Mapping[str, str], kind: FeatureKind | None, left_out: Counter[str]) -> bool:
    """Whether the map needs a relation: an area of a kind, or one that joins ways; buildings left out are counted."""
    if tags.get("type") not in AREA_RELATIONS:
        left_out[NO_AREA] += kind == "building"
        return False
    left_out[SAYS_NO_AREA] += says_no_area(tags, kind)
    return kind is not None or tags["type"] == "multipolygon"


@dataclass(slots=True)
class RawElement:
    """A way or relation before its geometry is known."""

    id: int
    version: int | None
    timestamp: datetime | None
    tags: dict[str, str]
    kind: FeatureKind | None
    refs: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    members: tuple[MemberRef, ...] = ()


@dataclass
class OsmScan:
    """Everything of one file that the map needs.

    Attributes:
        nodes: the nodes that the kept ways use.
        ways: id -> way, for ways that are features or parts of kept relations.
        relations: id -> area relation, with or without a kind of its own.
        way_in_relation, relation_in_relation, node_in_relation: ids that some relation has as members.
        way_in_relations: those ids of ways that more than one relation has.
        shared_nodes: ids of these nodes that more than one way uses, ascending.
        crowded_nodes: those that more than two ways use.
        outlines: way id -> (lon, lat) places of members whose course a relation tells.
    """

    nodes: NodeTable = field(default_factory=NodeTable)
    ways: dict[int, RawElement] = field(default_factory=dict)
    relations: dict[int, RawElement] = field(default_factory=dict)
    way_in_relation: set[int] = field(default_factory=set)
    way_in_relations: set[int] = field(default_factory=set)
    relation_in_relation: set[int] = field(default_factory=set)
    node_in_relation: set[int] = field(default_factory=set)
    shared_nodes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    crowded_nodes: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    outlines: dict[int, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    newest: datetime | None = None
