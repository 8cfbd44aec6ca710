"""GeoJSON files as a whole: sequences, reference systems, positions, repeated objects, refusals with a remedy."""

import json

import pytest
import shapely

from mlcore.errors import InvalidInputError
from mlcore.maps.coverage import read_area
from mlcore.maps.osm_files import read_map

SQUARE = shapely.box(10, 50, 10.001, 50.001).__geo_interface__
NEXT = shapely.box(10.001, 50, 10.002, 50.001).__geo_interface__


def record(geometry=SQUARE, **properties):
    return {"type": "Feature", "geometry": geometry, "properties": {"building": "yes", **properties}}


def polygon(*ring):
    return {"type": "Polygon", "coordinates": [list(ring)]}


def read(tmp_path, document):
    path = tmp_path / "map.geojson"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return read_map(path)


def collection(*features, **more):
    return {"type": "FeatureCollection", "features": list(features), **more}


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("count", [1, 2])
def test_records_that_a_mark_begins_are_read_one_or_many_on_one_line_or_several(tmp_path, indent, count):
    records = [record(), record(NEXT)][:count]
    text = "".join(f"\x1e{json.dumps(one, indent=indent)}\n" for one in records)
    assert len(read(tmp_path, text).features) == count


def test_a_collection_a_line_is_read_too(tmp_path):
    text = "\n".join(json.dumps(collection(one)) for one in (record(), record(NEXT)))
    assert len(read(tmp_path, text).features) == 2


@pytest.mark.parametrize(
    "name",
    [
        "EPSG:4326", "EPSG:4979", "WGS84", "urn:ogc:def:crs:EPSG::4326", "urn:ogc:def:crs:EPSG:6.9:4326",
        "urn:ogc:def:crs:epsg::4326", "urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84h",
        "http://www.opengis.net/def/crs/OGC/1.3/CRS84", "http://www.opengis.net/def/crs/EPSG/0/4326",
    ],
)  # fmt: skip
def test_every_name_of_degrees_on_wgs84_is_known(tmp_path, name):
    crs = {"type": "name", "properties": {"name": name}}
    (feature,) = read(tmp_path, collection(record(), crs=crs)).features
    assert feature.geometry.bounds[0] == 10


@pytest.mark.parametrize("name", ["EPSG:43261", "EPSG:3857", "urn:ogc:def:crs:EPSG::2154", "EPSG:14326", ""])
@pytest.mark.parametrize("place", ["file", "feature", "geometry"])
def test_another_reference_system_is_refused_wherever_it_is_named(tmp_path, name, place):
    crs = {"type": "name", "properties": {"name": name}}
    document = collection(record({**SQUARE, "crs": crs} if place == "geometry" else SQUARE))
    if place != "geometry":
        (document if place == "file" else document["features"][0])["crs"] = crs
    with pytest.raises(InvalidInputError, match="ogr2ogr -t_srs EPSG:4326"):
        read(tmp_path, document)


@pytest.mark.parametrize("more", [[7.5], [7.5, 1], [None]])
def test_heights_and_measures_of_some_positions_or_all_are_passed_over(tmp_path, more):
    ring = SQUARE["coordinates"][0]
    mixed = polygon(*([*point, *more] for point in ring[:2]), *(list(point) for point in ring[2:]))
    for shape in (mixed, polygon(*([*point, *more] for point in ring))):
        assert read(tmp_path, collection(record(shape))).features[0].geometry.equals(shapely.geometry.shape(SQUARE))


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (polygon([10, 50], [10.001, 50]), "malformed"),
        ({"type": "CurvePolygon", "coordinates": []}, "malformed"),
        ({"type": "Polygon", "coordinates": []}, "their geometry is empty"),
        ({"type": "GeometryCollection", "geometries": []}, "their geometry is empty"),
    ],
)
def test_one_odd_shape_is_left_out_with_its_reason_and_the_rest_of_the_file_read(tmp_path, shape, reason):
    reading = read(tmp_path, collection(record(shape), record()))
    assert len(reading.features) == 1
    assert len(reading.repairs) == 1 and reason in reading.repairs[0]


def box(west, east):
    return polygon([west, 10], [east, 10], [east, 10.001], [west, 10.001], [west, 10])


@pytest.mark.parametrize(("west", "lands"), [(185.5, -174.5), (359.0, -1.0), (-185.5, 174.5), (400.0, 40.0)])
def test_longitudes_beyond_180_lie_a_turn_away_as_those_of_images_do(tmp_path, west, lands):
    reading = read(tmp_path, collection(record(box(west, west + 0.001))))
    assert reading.features[0].geometry.bounds[0] == pytest.approx(lands)
    assert reading.repairs == ["1 features lie beyond 180 degrees and were moved by a whole turn"]
    path = tmp_path / "map.geojson"
    assert read_area(path).bounds[0] == pytest.approx(lands)


def test_a_shape_that_counts_on_across_180_degrees_is_left_out_and_as_an_area_refused(tmp_path):
    reading = read(tmp_path, collection(record(box(179.999, 180.001)), record()))
    assert len(reading.features) == 1
    assert "crosses the 180th meridian" in reading.repairs[0]
    with pytest.raises(InvalidInputError, match="180th meridian"):
        read_area(tmp_path / "map.geojson")


def test_latitude_before_longitude_is_refused_with_that_remedy(tmp_path):
    with pytest.raises(InvalidInputError, match="longitude before latitude"):
        read(tmp_path, collection(record(polygon([12, 120], [12, 120.001], [12.001, 120.001], [12, 120]))))


@pytest.mark.parametrize(
    ("document", "remedy"),
    [
        ({"version": 0.6, "generator": "Overpass API", "elements": []}, r"out:xml"),
        ({"type": "Topology", "objects": {}, "arcs": []}, "ogr2ogr -f GeoJSON"),
        ({"geometryType": "esriGeometryPolygon", "features": []}, "ogr2ogr -f GeoJSON"),
    ],
)
def test_json_of_other_kinds_is_refused_with_the_way_to_geojson(tmp_path, document, remedy):
    with pytest.raises(InvalidInputError, match=remedy):
        read(tmp_path, document)


def test_parts_of_one_object_are_joined(tmp_path):
    reading = read(tmp_path, collection(*(record(one, **{"@id": "way/5"}) for one in (SQUARE, NEXT))))
    assert reading.features[0].geometry.equals(shapely.box(10, 50, 10.002, 50.001))
    assert reading.repairs == ["way/5 stands in the file in 2 parts: they were joined"]
    lines = [shapely.LineString([(x, 50), (x + 0.001, 50)]).__geo_interface__ for x in (10, 10.002)]
    roads = [{**record(one), "properties": {"highway": "service", "@id": "way/6"}} for one in lines]
    (road,) = read(tmp_path, collection(*roads)).features
    assert road.geometry.length == pytest.approx(0.002)


def test_two_states_of_one_object_without_versions_are_not_joined_and_the_doubt_is_said(tmp_path):
    wider = shapely.box(10, 50, 10.0011, 50.001).__geo_interface__
    reading = read(tmp_path, collection(*(record(one, **{"@id": "way/5"}) for one in (SQUARE, wider))))
    assert reading.features[0].geometry.equals(shapely.geometry.shape(SQUARE))
    assert "nothing says which is newer" in reading.repairs[0]
