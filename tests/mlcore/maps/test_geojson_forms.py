"""GeoJSON as the tools of the field write it: where the OSM id is, what is a tag, what is not."""

import json
from datetime import UTC, datetime

import pytest
import shapely

from mlcore.maps.features import feature_to_json
from mlcore.maps.osm_files import read_map

SQUARE = shapely.box(10, 50, 10.001, 50.001).__geo_interface__
NEXT = shapely.box(10.002, 50, 10.003, 50.001).__geo_interface__
PEOPLE = {"user": "a mapper", "uid": 7, "changeset": 12, "@user": "a mapper", "@uid": "7", "@changeset": "12"}


def read(tmp_path, *features, sequence=False):
    records = [
        {
            "type": "Feature",
            "geometry": geometry,
            "properties": properties,
            **({} if number is None else {"id": number}),
        }
        for geometry, properties, number in features
    ]
    path = tmp_path / "map.geojson"
    if sequence:
        path.write_text("".join(f"\x1e{json.dumps(record)}\n" for record in records))
    else:
        path.write_text(json.dumps({"type": "FeatureCollection", "features": records}))
    return read_map(path)


@pytest.mark.parametrize(
    ("properties", "number", "key"),
    [
        ({"osm_type": "ways_poly", "osm_id": 5}, None, "way/5"),
        ({"osm_type": "ways_poly", "osm_id": -5}, None, "relation/5"),
        ({"osm_type": "relations", "osm_id": "5"}, None, "relation/5"),
        ({"osm_type": "way", "osm_id": 5.0}, None, "way/5"),
        ({"@id": "way/5"}, "way/5", "way/5"),
        ({"id": "way/5"}, "way/5", "way/5"),
        ({}, "relation/5", "relation/5"),
        ({}, "w5", "way/5"),
        ({}, "a10", "way/5"),
        ({}, "a11", "relation/5"),
        ({"@type": "way", "@id": 5}, "a10", "way/5"),
        ({"@type": "relation", "@id": 5}, "a11", "relation/5"),
        ({"type": "way", "id": 5, "tags": {"building": "yes"}, "meta": {}, "relations": []}, "way/5", "way/5"),
        ({"full_id": "w5", "osm_id": "5", "osm_type": "way"}, None, "way/5"),
        ({"osm_id": None, "osm_way_id": "5"}, None, "way/5"),
        ({"osm_id": "5", "osm_way_id": None}, None, "relation/5"),
        ({"osm_id": -5, "way_area": 12.5, "z_order": 0}, None, "relation/5"),
        ({"osm_id": 5, "way_area": 12.5, "z_order": 0}, None, "way/5"),
        ({"osm_type": "way", "id": "5.0"}, None, "way/5"),
        ({"@osmId": "way/5", "@osmType": "WAY"}, None, "way/5"),
        ({"element": "way", "osmid": 5, "nodes": [1, 2]}, "('way', 5)", "way/5"),
        ({}, "('way', 5)", "way/5"),
        ({"feature_id": "way/5"}, None, "way/5"),
        ({"@id": "https://www.openstreetmap.org/way/5"}, None, "way/5"),
        ({}, "Way/5", "way/5"),
    ],
)
def test_the_id_is_found_wherever_a_tool_puts_it_and_is_no_tag(tmp_path, properties, number, key):
    (feature,) = read(tmp_path, (SQUARE, {"building": "yes", **properties}, number)).features
    assert feature.key == key
    assert dict(feature.tags) == {"building": "yes"}


def test_a_number_of_the_file_is_no_osm_id(tmp_path):
    for number in (5, "5", "building.5"):
        (feature,) = read(tmp_path, (SQUARE, {"building": "yes"}, number)).features
        assert feature.osm_id is None


def test_a_relation_of_gdals_osm_driver_is_known_though_empty_fields_are_left_out(tmp_path):
    tags = {"type": "multipolygon", "building": "yes"}
    (feature,) = read(tmp_path, (SQUARE, {"osm_id": "5", **tags}, None)).features
    assert (feature.key, dict(feature.tags)) == ("relation/5", tags)


@pytest.mark.parametrize(
    "properties",
    [
        {"osm_type": "", "osm_id": "", "version": ""},
        {"osm_type": "way", "osm_id": 0},
        {"osm_id": "5"},
        {"type": "multipolygon", "id": 5},
        {"id": "08b1", "version": "2024-03"},
        {"id": 5, "version": 0},
    ],
)
def test_what_names_no_element_leaves_a_building_without_id_and_version(tmp_path, properties):
    if "type" in properties:
        properties = {**properties, "name": "A"}
    (feature,) = read(tmp_path, (SQUARE, {"building": "yes", **properties}, None)).features
    assert (feature.osm_id, feature.version) == (None, None)


@pytest.mark.parametrize(
    "properties",
    [
        {"osm_user": "a mapper", "osm_uid": "7", "osm_changeset": "12", "osm_version": "3"},
        {"username": "a mapper", "user_id": 7, "changeset_id": 12, "@version": 3},
        {"User": "a mapper", "last_edit_user": "a mapper", "contributor": "a mapper", "version": 3},
        {"tags": {"building": "yes", "@user": "a mapper", "osm_user": "a mapper"}, "version": 3},
    ],
)
def test_no_mapper_is_known_of_afterwards_whatever_his_name_is_called(tmp_path, properties):
    (feature,) = read(tmp_path, (SQUARE, {"building": "yes", **properties}, "way/5")).features
    assert (dict(feature.tags), feature.version) == ({"building": "yes"}, 3)


@pytest.mark.parametrize("nested", [True, False])
def test_no_mapper_is_known_of_afterwards(tmp_path, nested):
    tags = {"building": "yes", "name": "Hall"}
    properties = {"@id": "way/5", "@version": "3", **PEOPLE, **({"tags": tags, "meta": PEOPLE} if nested else tags)}
    (feature,) = read(tmp_path, (SQUARE, properties, None)).features
    assert (dict(feature.tags), feature.version) == (tags, 3)
    assert "mapper" not in feature_to_json(feature)


def test_numbers_and_truths_are_tags_and_what_else_there_is_is_said(tmp_path):
    properties = {
        "building": True,
        "building:levels": 2,
        "height": 7.5,
        "roof:levels": 1.0,
        "shop": False,
        "sides": [1],
    }
    reading = read(tmp_path, (SQUARE, {**properties, "name": None}, None))
    assert dict(reading.features[0].tags) == {
        "building": "yes", "building:levels": "2", "height": "7.5", "roof:levels": "1", "shop": "no",
    }  # fmt: skip
    assert reading.repairs == [
        "feature 1 of map.geojson: its property 'sides' is no text, number or yes/no and was left out"
    ]


def test_tags_in_a_text_of_their_own_are_read(tmp_path):
    as_json = {"osm_type": "way", "osm_id": 1, "tags": json.dumps({"building": "yes", "name": "A"})}
    as_hstore = {"osm_way_id": "2", "building": "yes", "other_tags": r'"addr:street"=>"Ring \"7\"","note"=>NULL'}
    first, second = read(tmp_path, (SQUARE, as_json, None), (NEXT, as_hstore, None)).features
    assert dict(first.tags) == {"building": "yes", "name": "A"}
    assert dict(second.tags) == {"building": "yes", "addr:street": 'Ring "7"'}


HSTORED, IN_JSON = '"building"=>"yes","name"=>"A"', '{"building": "yes", "name": "A"}'


@pytest.mark.parametrize(
    "properties",
    [
        {"tags": HSTORED},
        {"tags": IN_JSON},
        {"all_tags": HSTORED},
        {"other_tags": IN_JSON},
        {"other_tags": json.loads(IN_JSON)},
        {"building": "yes", "tags": '{"name": "A"}'},
        {"building": "yes", "tags": {"name": "A"}, "osm_type": "way", "osm_id": 1},
    ],
)
def test_tags_are_read_from_every_property_and_text_that_tools_put_them_in(tmp_path, properties):
    (feature,) = read(tmp_path, (SQUARE, properties, None)).features
    assert dict(feature.tags) == {"building": "yes", "name": "A"}


def test_tags_in_a_text_that_nobody_writes_are_said_to_be_lost(tmp_path):
    reading = read(tmp_path, (SQUARE, {"building": "yes", "tags": "name=A;height=2"}, None))
    assert reading.repairs == ["feature 1 of map.geojson: its tags are damaged text and were left out"]


def test_a_number_that_is_none_is_no_tag(tmp_path):
    reading = read(tmp_path, (SQUARE, {"building": "yes", "height": float("nan")}, None))
    assert dict(reading.features[0].tags) == {"building": "yes"}
    assert "'height'" in reading.repairs[0]


@pytest.mark.parametrize(
    "stamp",
    [
        "2024-03-01T10:00:00Z", "2024-03-01T10:00:00", "2024/03/01 10:00:00+00", "2024/03/01 10:00:00",
        1709287200, "1709287200", 1709287200000,
    ],
)  # fmt: skip
def test_a_time_is_read_in_every_form(tmp_path, stamp):
    reading = read(tmp_path, (SQUARE, {"building": "yes", "@timestamp": stamp}, None))
    assert reading.newest == datetime(2024, 3, 1, 10, tzinfo=UTC)


def test_of_a_collection_the_areas_are_taken(tmp_path):
    point, line = shapely.Point(10, 50).__geo_interface__, shapely.LineString([(10, 50), (11, 51)]).__geo_interface__
    mixed = {
        "type": "GeometryCollection",
        "geometries": [point, line, {"type": "GeometryCollection", "geometries": [SQUARE]}],
    }
    (feature,) = read(tmp_path, (mixed, {"building": "yes"}, None)).features
    assert feature.geometry.equals(shapely.geometry.shape(SQUARE))


def test_what_is_left_out_is_counted_by_its_reason(tmp_path):
    point = shapely.Point(10, 50).__geo_interface__
    reading = read(
        tmp_path, (SQUARE, {"building": "yes"}, None), (None, {"building": "yes"}, None), (None, {}, None),
        (point, {"building": "yes"}, None), (SQUARE, {"landuse": "residential"}, None),
    )  # fmt: skip
    assert len(reading.features) == 1
    assert sorted(reading.repairs) == [
        "1 features were left out: the map draws areas and lines, no points",
        "1 features were left out: their tags are of nothing that the map draws",
        "2 features were left out: they have no geometry",
    ]


def test_of_a_repeated_object_the_newest_is_taken_and_of_equals_the_area(tmp_path):
    line = shapely.geometry.shape(SQUARE).exterior.__geo_interface__
    old, new = {"@id": "way/5", "@version": 1, "building": "yes"}, {"@id": "way/5", "@version": 2, "building": "hut"}
    (feature,) = read(tmp_path, (SQUARE, new, None), (NEXT, old, None)).features
    assert feature.tags["building"] == "hut"
    water = {"@id": "way/6", "natural": "water"}
    (feature,) = read(tmp_path, (line, {**water, "waterway": "river"}, None), (SQUARE, water, None)).features
    assert feature.geometry.geom_type == "Polygon"


def test_a_sequence_of_features_is_a_map(tmp_path):
    reading = read(tmp_path, (SQUARE, {"building": "yes"}, "w1"), (NEXT, {"building": "yes"}, "w2"), sequence=True)
    assert [one.key for one in reading.features] == ["way/1", "way/2"]
