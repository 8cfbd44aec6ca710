"""A building that is a relation knows its member ways, and what beside them uses these and their nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlcore.maps.features import MapFeature, MemberWay, feature_from_json, feature_to_json
from mlcore.maps.osm_files import read_map
from tests.mlcore.maps.test_pbf_scan import RELATION, ring, way, write

STAMP = "2020-03-04T05:06:07Z"
PLAIN = {"type": "multipolygon", "building": "yes"}
GARDEN = {"type": "multipolygon", "leisure": "garden"}


def town() -> list:
    """A house of two ways with a yard, a garden that uses the yard's way, and a wall along a part of the house."""
    return [
        *ring(1, 10.0, 50.0), *ring(10, 10.0002, 50.0002, 0.0004),
        way(100, [1, 2, 3], {}, version=5), way(101, [3, 4, 1], {"source": "survey"}),
        way(102, [10, 11, 12, 13, 10], {}), way(103, [4, 1], {"barrier": "wall"}),
        RELATION(id=200, version=7, timestamp=STAMP, tags=PLAIN,
                 members=[("w", 100, "outer"), ("w", 101, "outer"), ("w", 102, "inner")]),
        RELATION(id=201, version=1, timestamp=STAMP, tags=GARDEN, members=[("w", 102, "outer")]),
    ]  # fmt: skip


def house_of(path: Path) -> MapFeature:
    return next(one for one in read_map(path).features if one.key == "relation/200")


@pytest.mark.parametrize("name", ["town.osm.pbf", "town.osm"])
def test_ways_come_with_version_tags_and_nodes_whichever_scanner_reads_them(tmp_path, name):
    ways = {one.id: one for one in house_of(write(tmp_path / name, town())).ways}
    assert {number: (one.version, one.tags, one.used) for number, one in ways.items()} == {
        100: (5, {}, False), 101: (3, {"source": "survey"}, False), 102: (3, {}, True),
    }  # fmt: skip
    assert [node.id for node in ways[101].nodes] == [3, 4, 1]
    assert {node.id: node.shared for one in ways.values() for node in one.nodes} == {
        1: True, 2: False, 3: True, 4: True, 10: False, 11: False, 12: True, 13: False,
    }  # fmt: skip


def test_where_two_members_meet_nothing_else_uses_the_node_unless_a_third_way_or_a_tag_does(tmp_path):
    objects = [one for one in town() if getattr(one, "id", None) != 3]
    plain = [*objects, ring(3, 10.001, 50.001)[0]]
    nodes = {node.id: node for one in house_of(write(tmp_path / "town.osm.pbf", plain)).ways for node in one.nodes}
    assert not nodes[3].shared
    assert nodes[1].shared  # the wall


def test_a_line_of_a_stored_map_keeps_them(tmp_path):
    house = house_of(write(tmp_path / "town.osm.pbf", town()))
    again = feature_from_json(feature_to_json(house))
    assert again.ways == house.ways and isinstance(again.ways[0], MemberWay)
