"""OSM files as other tools write them: deletions, repeated objects, courses without nodes, odd ways and relations."""

import gzip
import itertools
import subprocess

import pytest
import shapely

from mlcore.errors import InvalidInputError
from mlcore.maps.osm_files import read_map
from tests.mlcore.source_makers import osm_node, osm_relation, osm_way, osm_xml, square_nodes

CORNERS = [(10.0, 50.0), (10.001, 50.0), (10.001, 50.001), (10.0, 50.001)]
KEPT = [*square_nodes(90, 10.01, 50.01, 0.001), osm_way(99, [90, 91, 92, 93, 90], building="yes")]


def read(tmp_path, *elements):
    path = tmp_path / "map.osm"
    path.write_text(osm_xml(*elements))
    return read_map(path)


def keys(reading):
    return {one.key for one in reading.features} - {"way/99"}


def versioned(version, *, stamp="2024-01-01T00:00:00Z", visible="true", tags=True, action=""):
    """A square way/1 of one version."""
    inside = "".join(f'<nd ref="{ref}"/>' for ref in (1, 2, 3, 4, 1)) + ('<tag k="building" v="yes"/>' if tags else "")
    return f'<way id="1" version="{version}" timestamp="{stamp}" visible="{visible}"{action}>{inside}</way>'


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_several_versions_the_newest_counts_in_any_order_of_the_file(tmp_path, order):
    square = square_nodes(1, 10, 50, 0.001)
    rising = [versioned(1), versioned(2, tags=False), versioned(3)]
    assert read(tmp_path, *KEPT, *square, *(rising[i] for i in order)).features[-1].version == 3
    gone = [versioned(1), versioned(2), versioned(3, visible="false")]
    assert keys(read(tmp_path, *KEPT, *square, *(gone[i] for i in order))) == set()
    no_building_any_more = [versioned(1), versioned(2), versioned(3, tags=False)]
    assert keys(read(tmp_path, *KEPT, *square, *(no_building_any_more[i] for i in order))) == set()


def test_of_one_version_the_later_time_counts_and_what_was_taken_is_said(tmp_path):
    square = square_nodes(1, 10, 50, 0.001)
    later, earlier = versioned(2, stamp="2024-05-01T00:00:00Z", tags=False), versioned(2)
    reading = read(tmp_path, *KEPT, *square, later, earlier)
    assert keys(reading) == set()
    assert reading.repairs == ["way/1 stands in the file several times: the newest was taken"]


def test_a_node_that_stands_twice_has_the_place_of_its_newest_version(tmp_path):
    square = square_nodes(1, 10, 50, 0.001)
    moved = osm_node(3, 10.002, 50.001, version=5)
    reading = read(tmp_path, *KEPT, moved, *square, versioned(1))
    assert reading.features[-1].geometry.bounds[2] == pytest.approx(10.002)


def test_nodes_of_a_way_that_stands_twice_are_not_taken_for_shared(tmp_path):
    way = versioned(1)
    assert not any(node.shared for node in read(tmp_path, *square_nodes(1, 10, 50, 0.001), way, way).features[0].nodes)


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_a_mapper_deleted_in_josm_is_gone(tmp_path, quote, packed):
    action = f" action={quote}delete{quote}"
    text = osm_xml(*KEPT, *square_nodes(1, 10, 50, 0.001), versioned(2, action=action))
    path = tmp_path / "session.osm"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    assert keys(read_map(path)) == set()


def test_a_deleted_member_leaves_its_relation_out_with_a_word(tmp_path):
    outer = versioned(2, tags=False, action=' action="delete"')
    relation = osm_relation(7, [("way", 1, "outer")], type="multipolygon", building="yes")
    reading = read(tmp_path, *KEPT, *square_nodes(1, 10, 50, 0.001), outer, relation)
    assert keys(reading) == set()
    assert reading.repairs == ["relation/7 was left out: way/1 is not whole in the file"]


def placed(corners):
    return "".join(f'<nd lat="{lat}" lon="{lon}"/>' for lon, lat in corners)


def test_members_with_their_course_make_a_relation_with_a_courtyard(tmp_path):
    inner = [(10.0004, 50.0004), (10.0006, 50.0004), (10.0006, 50.0006), (10.0004, 50.0004)]
    half, rest = CORNERS[:3], [*CORNERS[2:], CORNERS[0]]
    members = "".join(
        f'<member type="way" ref="{ref}" role="{role}">{placed(course)}</member>'
        for ref, role, course in ((1, "outer", half), (2, "outer", rest), (3, "inner", inner))
    )
    tags = '<tag k="type" v="multipolygon"/><tag k="building" v="a &amp; b &quot;c&quot;"/>'
    bounds = '<bounds minlat="50" minlon="10" maxlat="50.001" maxlon="10.001"/>'
    reading = read(tmp_path, f'<relation id="7" version="2">{bounds}{members}{tags}</relation>')
    (feature,) = reading.features
    assert feature.geometry.equals(shapely.Polygon(CORNERS, [inner]))
    assert feature.tags["building"] == 'a & b "c"'
    assert "out meta; >; out meta;" in reading.repairs[0]


def test_objects_with_a_centre_instead_of_a_shape_say_what_to_ask_for(tmp_path):
    centre = '<way id="5" version="1"><center lat="50" lon="10"/><tag k="building" v="yes"/></way>'
    reading = read(tmp_path, *KEPT, centre)
    assert keys(reading) == set()
    assert any("centre" in note and "out meta" in note for note in reading.repairs)


def test_locations_on_ways_stand_for_nodes_that_are_not_in_the_file(tmp_path):
    plain, located = tmp_path / "plain.osm", tmp_path / "located.osm.pbf"
    plain.write_text(osm_xml(*square_nodes(1, 10, 50, 0.001), versioned(2)))
    subprocess.run(["osmium", "add-locations-to-ways", str(plain), "-o", str(located), "-O"], check=True)
    (with_nodes,), (without,) = read_map(plain).features, read_map(located).features
    assert without.geometry.equals(with_nodes.geometry)
    assert [node.id for node in without.nodes] == [node.id for node in with_nodes.nodes]


def test_a_way_that_ends_where_it_began_under_another_node_is_an_outline(tmp_path):
    nodes = [*square_nodes(1, 10, 50, 0.001), osm_node(5, 10, 50)]
    (feature,) = read(tmp_path, *nodes, osm_way(1, [1, 2, 3, 4, 5], building="yes")).features
    assert feature.geometry.geom_type == "Polygon"


def test_an_outline_that_does_not_close_is_left_out_with_a_word(tmp_path):
    reading = read(tmp_path, *KEPT, *square_nodes(1, 10, 50, 0.001), osm_way(1, [1, 2, 3, 4], building="yes"))
    assert keys(reading) == set()
    assert reading.repairs == ["way/1 was left out: its outline is not closed"]


def test_ways_whose_ends_lie_on_one_place_close_a_ring(tmp_path):
    nodes = [*square_nodes(1, 10, 50, 0.001), osm_node(5, 10, 50), osm_node(6, 10.001, 50.001)]
    halves = [osm_way(1, [1, 2, 3]), osm_way(2, [6, 4, 5])]
    relation = osm_relation(7, [("way", 1, "outer"), ("way", 2, "outer")], type="multipolygon", building="yes")
    (feature,) = read(tmp_path, *nodes, *halves, relation).features
    assert feature.geometry.equals(shapely.Polygon(CORNERS))


def test_a_relation_and_its_outer_way_are_one_building_and_the_inner_way_one_of_its_own(tmp_path):
    nodes = [*square_nodes(1, 10, 50, 0.001), *square_nodes(11, 10.0004, 50.0004, 0.0002)]
    outer = osm_way(1, [1, 2, 3, 4, 1], building="yes")
    inner = osm_way(2, [11, 12, 13, 14, 11], building="roof")
    relation = osm_relation(7, [("way", 1, "outer"), ("way", 2, "inner")], type="multipolygon", building="yes")
    reading = read(tmp_path, *nodes, outer, inner, relation)
    assert keys(reading) == {"relation/7", "way/2"}
    assert reading.repairs == ["way/1 is the outline of relation/7: they are one building"]


def test_an_outer_way_stays_where_its_relation_can_not_be_built(tmp_path):
    outer = osm_way(1, [1, 2, 3, 4, 1], building="yes")
    relation = osm_relation(7, [("way", 1, "outer"), ("way", 2, "inner")], type="multipolygon", building="yes")
    assert keys(read(tmp_path, *square_nodes(1, 10, 50, 0.001), outer, relation)) == {"way/1"}


def test_an_area_that_says_it_is_none_is_no_building(tmp_path):
    way = osm_way(1, [1, 2, 3, 4, 1], building="yes", area="no")
    assert keys(read(tmp_path, *KEPT, *square_nodes(1, 10, 50, 0.001), way)) == set()


def test_xml_that_needs_translating_and_declares_entities_is_refused(tmp_path):
    path = tmp_path / "map.osm"
    late = "<!-- " + "x" * 5000 + " --><!DOCTYPE osm [<!ENTITY a 'b'>]>"
    text = osm_xml(*KEPT, versioned(1, action=' action="delete"'))
    path.write_text(text.replace("<osm", f"{late}<osm", 1))
    with pytest.raises(InvalidInputError):
        read_map(path)
