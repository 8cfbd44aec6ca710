"""Maps that are damaged, hostile or absurd are refused or repaired with a note (quality I3, I5, I7)."""

import gzip
import json

import numpy as np
import pytest
import shapely

from mlcore.errors import InvalidInputError
from mlcore.ingestion.sandbox import run_ingest
from mlcore.limits import MapLimits
from mlcore.maps.coverage import read_area
from mlcore.maps.osm_files import read_map
from tests.mlcore.source_makers import (
    OSM_HEAD,
    osm_node,
    osm_relation,
    osm_way,
    osm_xml,
    real_data,
    refusal_and_memory_kb,
    square_nodes,
)

SQUARE = shapely.box(10, 50, 10.001, 50.001).__geo_interface__


def write_geojson(tmp_path, *features):
    path = tmp_path / "map.geojson"
    records = [
        {"type": "Feature", "properties": {"building": "yes", **properties}, "geometry": geometry}
        for geometry, properties in features
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": records}), encoding="utf-8")
    return path


def test_i3_a_gzip_bomb_is_refused_without_using_memory(tmp_path):
    packed = gzip.compress((OSM_HEAD + "<!-- " + " " * 300_000_000).encode())
    (tmp_path / "bomb.osm.gz").write_bytes(packed)
    refusal, peak_kb = refusal_and_memory_kb("map", tmp_path / "bomb.osm.gz", tmp_path / "out.jsonl")
    assert "swells" in refusal
    assert peak_kb < 1_000_000


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE osm [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE osm [<!ENTITY a "ha"><!ENTITY x "&a;&a;&a;&a;">]>',
        "<!-- " + "x" * 9000 + ' --><!DOCTYPE osm [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_i5_xml_entities_are_refused(tmp_path, doctype):
    body = osm_xml(*square_nodes(1, 10, 50, 0.001), osm_way(7, [1, 2, 3, 4, 1], building="&x;"))
    (tmp_path / "map.osm").write_text(body.replace("<osm", doctype + "<osm", 1))
    with pytest.raises(InvalidInputError):
        read_map(tmp_path / "map.osm")


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x00\x00\x0d\x0a\x09OSMHeader", bytes(range(256)) * 50, b"\x1f\x8b", b"<html/>"]
)
def test_i5_empty_random_and_foreign_files_are_refused(tmp_path, content):
    (tmp_path / "map.osm.pbf").write_bytes(content)
    with pytest.raises(InvalidInputError):
        read_map(tmp_path / "map.osm.pbf")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_i5_a_truncated_extract_is_refused(tmp_path, share):
    content = real_data("osm/frederiksted.osm.pbf").read_bytes()
    (tmp_path / "map.osm.pbf").write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InvalidInputError):
        read_map(tmp_path / "map.osm.pbf")


def test_i5_flipped_bytes_are_refused_or_read_but_never_crash_the_caller(tmp_path):
    content = np.frombuffer(real_data("osm/frederiksted.osm.pbf").read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(5):
        damaged = content.copy()
        damaged[rng.integers(0, len(damaged), 200)] = rng.integers(0, 256, 200)
        (tmp_path / "map.osm.pbf").write_bytes(damaged.tobytes())
        with pytest.raises(InvalidInputError):
            run_ingest("map", tmp_path / "map.osm.pbf", tmp_path / "out.jsonl")
        refused += 1
    assert refused == 5


@pytest.mark.parametrize(
    "bad",
    [osm_node(2**70, 10, 50), osm_node(2**62, 10, 50), osm_node(5, 10, 999), osm_node(1, 10, 91), osm_node(5, "x", 1)],
)
def test_i5_impossible_ids_and_places_are_refused(tmp_path, bad):
    nodes = square_nodes(1, 10, 50, 0.001)
    elements = [bad, *nodes[1:]] if 'id="1"' in bad else [*nodes, bad]
    (tmp_path / "map.osm").write_text(osm_xml(*elements, osm_way(7, [1, 2, 3, 4, 1], building="yes")))
    with pytest.raises(InvalidInputError):
        read_map(tmp_path / "map.osm")


@pytest.mark.parametrize(
    "field",
    [
        {"version": 0},
        {"version": 2**31},
        {"version": -1},
        {"osm_id": 2**70},
        {"osm_id": "x"},
        {"osm_id": 1.5},
        {"osm_type": "area"},
        {"version": True},
    ],
)
def test_i5_impossible_identities_in_geojson_are_refused(tmp_path, field):
    path = write_geojson(tmp_path, (SQUARE, {"osm_type": "way", "osm_id": 5, **field}))
    with pytest.raises(InvalidInputError):
        read_map(path)


def test_i7_json_nested_a_hundred_thousand_deep_is_refused(tmp_path):
    for text in ("[" * 100_000, '{"a":' * 100_000):
        (tmp_path / "map.geojson").write_text(text)
        with pytest.raises(InvalidInputError, match="nested"):
            read_map(tmp_path / "map.geojson")


@pytest.mark.parametrize("number", ["1e400", "NaN", "-Infinity", "999", '"x"', "null", "[]", "true"])
def test_i7_coordinates_that_are_no_places_are_refused(tmp_path, number):
    text = write_geojson(tmp_path, (SQUARE, {})).read_text().replace("10.001", number, 1)
    (tmp_path / "map.geojson").write_text(text)
    if number == "true":
        assert read_map(tmp_path / "map.geojson").features[0].geometry.is_valid
        return
    with pytest.raises(InvalidInputError):
        read_map(tmp_path / "map.geojson")


def test_i7_nul_and_lone_surrogates_in_tags_are_removed_and_logged(tmp_path):
    reading = read_map(write_geojson(tmp_path, (SQUARE, {"name": "a\0b\ud800c"})))
    assert reading.features[0].tags["name"] == "abc"
    assert "can't be stored" in reading.repairs[0]


def test_i7_a_bow_tie_is_repaired_and_logged(tmp_path):
    tie = {"type": "Polygon", "coordinates": [[[10, 50], [10.001, 50.001], [10.001, 50], [10, 50.001], [10, 50]]]}
    reading = read_map(write_geojson(tmp_path, (tie, {})))
    assert reading.features[0].geometry.is_valid
    assert "repaired" in reading.repairs[0]


def test_i7_a_million_vertices_are_simplified_and_logged(tmp_path):
    angle = np.linspace(0, 2 * np.pi, 1_000_000)
    ring = np.round(np.stack([10 + 0.01 * np.cos(angle), 50 + 0.01 * np.sin(angle)], axis=1), 9).tolist()
    ring[-1] = ring[0]
    reading = read_map(write_geojson(tmp_path, ({"type": "Polygon", "coordinates": [ring]}, {})))
    assert shapely.get_num_coordinates(reading.features[0].geometry) <= MapLimits().max_vertices
    assert "simplified" in reading.repairs[0]


def test_i7_a_shape_across_the_antimeridian_is_left_out_and_logged(tmp_path):
    across = {"type": "Polygon", "coordinates": [[[179.9, 0], [-179.9, 0], [-179.9, 1], [179.9, 1], [179.9, 0]]]}
    reading = read_map(write_geojson(tmp_path, (across, {}), (SQUARE, {})))
    assert len(reading.features) == 1
    assert "180th meridian" in reading.repairs[0]


def test_i7_a_shape_near_the_pole_is_left_out_and_logged(tmp_path):
    reading = read_map(write_geojson(tmp_path, (shapely.box(10, 85, 11, 90).__geo_interface__, {}), (SQUARE, {})))
    assert len(reading.features) == 1
    assert "latitude" in reading.repairs[0]


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday"])
def test_i7_times_that_no_database_keeps_are_dropped(tmp_path, stamp):
    assert read_map(write_geojson(tmp_path, (SQUARE, {"timestamp": stamp}))).newest is None


def test_i7_an_element_that_stands_twice_is_taken_once_and_logged(tmp_path):
    way = osm_way(7, [1, 2, 3, 4, 1], building="yes")
    whole = osm_relation(3, [("way", 7, "outer")], type="multipolygon", natural="water")
    (tmp_path / "map.osm").write_text(osm_xml(*square_nodes(1, 10, 50, 0.001), way, way, whole, whole))
    reading = read_map(tmp_path / "map.osm")
    assert [feature.key for feature in reading.features] == ["way/7", "relation/3"]
    assert [note.split(" stands")[0] for note in reading.repairs] == ["relation/3", "way/7"]


def test_i7_relations_in_a_circle_are_read_once(tmp_path):
    tags = {"type": "multipolygon", "building": "yes"}
    one = osm_relation(3, [("relation", 4, "outer"), ("way", 7, "outer")], **tags)
    two = osm_relation(4, [("relation", 3, "outer"), ("relation", 4, "inner")], **tags)
    (tmp_path / "map.osm").write_text(
        osm_xml(*square_nodes(1, 10, 50, 0.001), osm_way(7, [1, 2, 3, 4, 1], natural="water"), one, two)
    )
    reading = read_map(tmp_path / "map.osm")
    assert [feature.key for feature in reading.features] == ["way/7", "relation/3"]
    assert "relation/4 was left out: it has no outline" in reading.repairs
    assert sum("were passed over" in note for note in reading.repairs) == 2  # said of either relation


def test_i7_thousands_of_holes_are_kept(tmp_path):
    xy = np.stack(np.meshgrid(np.arange(100), np.arange(210)), axis=-1).reshape(-1, 2) * 2e-5 + (10.0, 50.0)
    holes = [shapely.get_coordinates(shapely.box(x, y, x + 1e-5, y + 1e-5)) for x, y in xy]
    wood = shapely.Polygon(shapely.box(9.99, 49.99, 10.01, 50.01).exterior.coords, holes)
    assert shapely.get_num_coordinates(wood) > MapLimits().max_vertices
    reading = read_map(write_geojson(tmp_path, (wood.__geo_interface__, {})))
    assert len(reading.features[0].geometry.interiors) == 21_000
    assert reading.repairs == []


def test_i7_a_million_quotes_without_an_end_are_refused(tmp_path):
    for text in ('{"' + '\\"' * 1_000_000, '{"a": "' + "x" * 1_000_000):
        (tmp_path / "map.geojson").write_text(text)
        with pytest.raises(InvalidInputError, match="not valid JSON"):
            read_map(tmp_path / "map.geojson")


@pytest.mark.parametrize("value", ["[]", "{}", "0"])
def test_i7_values_without_number_are_refused_before_they_are_parsed(tmp_path, value):
    (tmp_path / "map.geojson").write_text(
        '{"type":"FeatureCollection","features":[' + ",".join([value] * 50_000) + "]}"
    )
    with pytest.raises(InvalidInputError, match="too many values"):
        read_map(tmp_path / "map.geojson", limits=MapLimits(max_json_values=40_000))


def test_a_projected_geojson_is_refused_with_the_remedy(tmp_path):
    text = write_geojson(tmp_path, (SQUARE, {})).read_text()
    crs = '{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::3067"}}'
    (tmp_path / "map.geojson").write_text(text.replace("{", '{"crs": ' + crs + ", ", 1))
    with pytest.raises(InvalidInputError, match="EPSG:4326"):
        read_map(tmp_path / "map.geojson")


def test_a_map_without_anything_to_draw_is_refused(tmp_path):
    (tmp_path / "map.osm").write_text(osm_xml(osm_node(1, 10, 50)))
    with pytest.raises(InvalidInputError, match="building=yes"):
        read_map(tmp_path / "map.osm")


def test_limits_on_objects_and_features_hold(tmp_path):
    (tmp_path / "map.osm").write_text(
        osm_xml(*square_nodes(1, 10, 50, 0.001), *(osm_way(i, [1, 2, 3, 4, 1], building="yes") for i in range(1, 20)))
    )
    for limits in (MapLimits(max_objects=10), MapLimits(max_features=10)):
        with pytest.raises(InvalidInputError, match="more than 10"):
            read_map(tmp_path / "map.osm", limits=limits)


def test_an_area_file_gives_one_area_and_a_file_without_polygons_is_refused(tmp_path):
    assert read_area(write_geojson(tmp_path, (SQUARE, {}))).bounds == pytest.approx((10, 50, 10.001, 50.001))
    point = {"type": "Point", "coordinates": [10, 50]}
    with pytest.raises(InvalidInputError, match="no polygon"):
        read_area(write_geojson(tmp_path, (point, {})))
