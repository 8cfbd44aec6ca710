"""Maps are read with identity, versions, holes and shared nodes."""

import gzip
import json
from collections import Counter
from datetime import UTC, datetime

import pytest
import shapely

from mlcore.errors import InvalidInputError, StoppedError
from mlcore.maps.features import MemberRef, feature_from_json, feature_to_json
from mlcore.maps.osm_files import read_map
from mlcore.progress import SilentProgress
from tests.mlcore.source_makers import osm_node, osm_relation, osm_tags, osm_way, osm_xml, real_data, square_nodes

REAL = [
    "aurora_sausage_link.osm.gz", "frederiksted.osm.pbf", "fremantle_placement.osm.gz", "helsinki.osm.pbf",
    "leeds_cycleway.osm.gz", "liechtenstein-2013-08-03.osm.pbf", "neukolln.osm.gz", "seattle_triangle.osm.gz",
    "taipei.osm.gz",
]  # fmt: skip


def read_xml(tmp_path, *elements, name="map.osm"):
    path = tmp_path / name
    path.write_text(osm_xml(*elements), encoding="utf-8")
    return read_map(path)


def by_key(reading):
    return {feature.key: feature for feature in reading.features}


def test_a_building_way_keeps_ids_versions_times_and_node_order(tmp_path):
    reading = read_xml(
        tmp_path, *square_nodes(1, 10.0, 50.0, 0.001), osm_way(7, [1, 2, 3, 4, 1], version=3, building="yes", name="A")
    )
    (feature,) = reading.features
    assert (feature.key, feature.kind, feature.version) == ("way/7", "building", 3)
    assert feature.timestamp == datetime(2024, 5, 3, 10, tzinfo=UTC) == reading.newest
    assert [node.id for node in feature.nodes] == [1, 2, 3, 4, 1]
    assert {node.version for node in feature.nodes} == {1}
    assert feature.tags["name"] == "A"
    assert feature.geometry.bounds == pytest.approx((10.0, 50.0, 10.001, 50.001))


def test_nodes_of_two_ways_of_a_relation_or_with_tags_are_shared(tmp_path):
    nodes = [*square_nodes(1, 10.0, 50.0, 0.001)[:3], osm_node(4, 10.0, 50.001, tags=osm_tags(entrance="yes"))]
    reading = read_xml(
        tmp_path,
        *nodes,
        osm_node(9, 10.01, 50.0),
        osm_way(7, [1, 2, 3, 4, 1], building="yes"),
        osm_way(8, [2, 9], barrier="fence"),
        osm_relation(5, [("node", 3, "stop"), ("way", 7, "house")], type="site"),
    )
    feature = by_key(reading)["way/7"]
    assert {node.id: node.shared for node in feature.nodes} == {1: False, 2: True, 3: True, 4: True}
    assert feature.in_relation


def test_an_extract_without_versions_has_none(tmp_path):
    nodes = [osm_node(i, 10 + 0.001 * (i % 3), 50 + 0.001 * (i // 3), version=None) for i in range(1, 5)]
    (feature,) = read_xml(tmp_path, *nodes, osm_way(7, [1, 2, 4, 3, 1], version=None, building="yes")).features
    assert feature.version is None
    assert feature.timestamp is None
    assert all(node.version is None for node in feature.nodes)


def test_a_multipolygon_building_has_its_hole_and_members(tmp_path):
    reading = read_xml(
        tmp_path,
        *square_nodes(1, 10.0, 50.0, 0.003),
        *square_nodes(11, 10.001, 50.001, 0.001),
        osm_way(1, [1, 2, 3]),
        osm_way(2, [3, 4, 1]),
        osm_way(3, [11, 12, 13, 14, 11]),
        osm_relation(
            5, [("way", 1, "outer"), ("way", 2, "outer"), ("way", 3, "inner")], type="multipolygon", building="yes"
        ),
    )
    (feature,) = reading.features
    assert feature.key == "relation/5"
    assert feature.geometry.area == pytest.approx(9e-6 - 1e-6)
    assert feature.members[2] == MemberRef("way", 3, "inner")
    assert not feature.in_relation


def test_a_multipolygon_of_the_old_style_puts_the_hole_into_the_tagged_way(tmp_path):
    reading = read_xml(
        tmp_path,
        *square_nodes(1, 10.0, 50.0, 0.003),
        *square_nodes(11, 10.001, 50.001, 0.001),
        osm_way(1, [1, 2, 3, 4, 1], building="yes"),
        osm_way(3, [11, 12, 13, 14, 11]),
        osm_relation(5, [("way", 1, "outer"), ("way", 3, "inner")], type="multipolygon"),
    )
    feature = by_key(reading)["way/1"]
    assert len(feature.geometry.interiors) == 1
    assert feature.in_relation


def test_a_relation_that_does_not_close_is_left_out_and_logged(tmp_path):
    reading = read_xml(
        tmp_path,
        *square_nodes(1, 10.0, 50.0, 0.003),
        osm_way(1, [1, 2, 3]),
        osm_way(2, [1, 2], highway="residential"),
        osm_relation(5, [("way", 1, "outer")], type="multipolygon", building="yes"),
    )
    assert list(by_key(reading)) == ["way/2"]
    assert reading.repairs == ["relation/5 was left out: its ways do not close to rings"]


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"building": "no"}, None), ({"building__part": "yes"}, None), ({"building": "house"}, "building"),
        ({"highway": "residential"}, "road"), ({"highway": "proposed"}, None), ({"railway": "tram"}, "rail"),
        ({"railway": "abandoned"}, None), ({"natural": "water"}, "water"), ({"waterway": "riverbank"}, "water"),
        ({"leisure": "park"}, "green"), ({"landuse": "forest"}, "green"), ({"natural": "wood"}, "green"),
        ({"amenity": "cafe"}, None),
    ],
)  # fmt: skip
def test_tags_decide_the_kind_of_a_closed_way(tmp_path, tags, kind):
    reading = read_xml(
        tmp_path,
        *square_nodes(1, 10.0, 50.0, 0.001),
        osm_way(7, [1, 2, 3, 4, 1], **tags),
        osm_way(8, [1, 2], railway="rail"),
    )
    found = by_key(reading).get("way/7")
    assert (found.kind if found else None) == kind


def test_a_closed_road_is_a_line_and_a_square_is_an_area(tmp_path):
    reading = read_xml(
        tmp_path,
        *square_nodes(1, 10.0, 50.0, 0.001),
        osm_way(7, [1, 2, 3, 4, 1], highway="residential"),
        osm_way(8, [1, 2, 3, 4, 1], highway="pedestrian", area="yes"),
    )
    assert [f.geometry.geom_type for f in reading.features] == ["LineString", "Polygon"]


def test_the_content_decides_the_format_not_the_name(tmp_path):
    xml = osm_xml(*square_nodes(1, 10.0, 50.0, 0.001), osm_way(7, [1, 2, 3, 4, 1], building="yes"))
    (tmp_path / "map.pbf").write_bytes(gzip.compress(xml.encode()))
    assert read_map(tmp_path / "map.pbf").features[0].key == "way/7"


def test_geojson_keeps_identity_and_takes_properties_as_tags(tmp_path):
    square = shapely.box(10, 50, 10.001, 50.001).__geo_interface__
    properties = {"osm_type": "way", "osm_id": 5, "version": 4, "timestamp": "2024-05-01T00:00:00Z", "building": "yes",
                  "levels": 3, "name": "Hall"}  # fmt: skip
    record = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "properties": properties, "geometry": square}],
    }
    (tmp_path / "map.geojson").write_text(json.dumps(record))
    reading = read_map(tmp_path / "map.geojson")
    (feature,) = reading.features
    assert (feature.key, feature.version) == ("way/5", 4)
    assert dict(feature.tags) == {"building": "yes", "name": "Hall", "levels": "3"}
    assert reading.newest == datetime(2024, 5, 1, tzinfo=UTC)


def test_features_survive_a_line_of_json(tmp_path):
    reading = read_xml(
        tmp_path, *square_nodes(1, 10.0, 50.0, 0.001), osm_way(7, [1, 2, 3, 4, 1], version=3, building="yes")
    )
    for feature in reading.features:
        assert feature_from_json(feature_to_json(feature)) == feature


@pytest.mark.parametrize(
    "line", ["", "{}", "[1]", '{"kind":"road","wkb":"00","tags":{}}', '{"kind":"x","wkb":"","tags":{}}']
)
def test_a_damaged_line_is_refused(line):
    with pytest.raises(InvalidInputError, match="damaged line"):
        feature_from_json(line)


def test_reading_stops_when_asked(tmp_path):
    class Stopping(SilentProgress):
        def should_stop(self):
            return True

    path = tmp_path / "map.osm"
    path.write_text(osm_xml(*square_nodes(1, 10.0, 50.0, 0.001), osm_way(7, [1, 2, 3, 4, 1], building="yes")))
    with pytest.raises(StoppedError):
        read_map(path, progress=Stopping())


@pytest.mark.parametrize("name", REAL)
def test_real_extracts_are_read_with_valid_geometry_and_versions(name):
    reading = read_map(real_data(f"osm/{name}"))
    counts = Counter(feature.kind for feature in reading.features)
    assert counts["building"] > 0
    assert counts["road"] > 0
    assert len({feature.key for feature in reading.features}) == len(reading.features)
    for feature in reading.features:
        assert feature.version is not None
        assert feature.geometry.is_valid
        if feature.kind == "building":
            assert feature.geometry.geom_type in {"Polygon", "MultiPolygon"}
        if feature.osm_type == "way":
            assert len(feature.nodes) >= 2


def test_helsinki_has_multipolygon_buildings_with_courtyards():
    reading = read_map(real_data("osm/helsinki.osm.pbf"))
    relations = [f for f in reading.features if f.kind == "building" and f.osm_type == "relation"]
    assert sum(any(p.interiors for p in shapely.get_parts(f.geometry)) for f in relations) > 20


def test_a_change_file_is_refused_with_the_remedy():
    with pytest.raises(InvalidInputError, match="apply-changes"):
        read_map(real_data("osm/liechtenstein-2013-08.osc.gz"))
