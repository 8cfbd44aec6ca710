"""What an OSM file has of buildings that the map can't draw is said, with its reason, and never stops the reading."""

import itertools

import pytest

from mlcore.errors import InvalidInputError
from mlcore.maps.osm_files import read_map
from tests.mlcore.source_makers import OSM_HEAD, osm_node, osm_relation, osm_way, osm_xml, square_nodes

KEPT = [*square_nodes(90, 10.01, 50.01, 0.001), osm_way(99, [90, 91, 92, 93, 90], building="yes")]
SQUARE = square_nodes(1, 10, 50, 0.001)
RING = [1, 2, 3, 4, 1]
YES = '<tag k="building" v="yes"/>'


def read(tmp_path, *elements):
    path = tmp_path / "map.osm"
    path.write_text(osm_xml(*elements))
    return read_map(path)


def keys(reading):
    return {one.key for one in reading.features} - {"way/99"}


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ([osm_node(5, 10, 50, tags=YES)], "1 buildings were left out: they are points, and the map draws areas"),
        ([*SQUARE, osm_way(1, RING, building="yes", area="no")], "1 buildings were left out: they say area=no"),
        (
            [*SQUARE, osm_way(1, RING), osm_relation(7, [("way", 1, "outline")], type="building", building="yes")],
            "1 buildings were left out: they are relations of a type that is no area",
        ),
        ([*SQUARE, osm_way(1, [1, 2, 3], building="yes")], "way/1 was left out: its outline is not closed"),
        ([f'<way id="1">{YES}</way>'], "way/1 was left out: it comes without its nodes"),
        (
            ['<way id="1"><tag k="highway" v="service"/></way>'],
            "way/1 was left out: it comes without its nodes",
        ),
        (
            ['<way id="1"/>', osm_relation(7, [("way", 1, "outer")], type="multipolygon", building="yes")],
            "relation/7 was left out: way/1 is not whole in the file",
        ),
        (
            ['<node id="1"/><node id="2"/><node id="3"/>', osm_way(1, [1, 2, 3, 1], building="yes")],
            "way/1 was left out: 4 of its nodes are not in the file",
        ),
    ],
)
def test_a_building_that_is_not_drawn_is_said_with_its_reason(tmp_path, elements, reason):
    reading = read(tmp_path, *KEPT, *elements)
    assert keys(reading) == set()
    assert [note for note in reading.repairs if note.startswith(reason)]


def test_what_is_said_of_a_building_counts_it_once_though_the_file_repeats_it(tmp_path):
    line = osm_way(1, RING, building="yes", area="no")
    point = osm_node(5, 10, 50, tags=YES)
    notes = read(tmp_path, *KEPT, *SQUARE, point, point, line, line).repairs
    assert {note.split(":")[0] for note in notes if "buildings were" in note} == {"1 buildings were left out"}
    assert len([note for note in notes if "buildings were" in note]) == 2


@pytest.mark.parametrize(
    "tags",
    [
        {"building": "No"}, {"building": ""}, {"building": "planned"}, {"building": "yes", "demolished": "yes"},
        {"building": "house", "razed": "yes"}, {"building": "yes", "proposed": "yes"},
    ],
)  # fmt: skip
def test_what_stands_no_longer_or_not_yet_is_no_building(tmp_path, tags):
    assert keys(read(tmp_path, *KEPT, *SQUARE, osm_way(1, RING, **tags))) == set()


@pytest.mark.parametrize(
    "tags", [{"building": "ruins"}, {"building": "Yes", "disused": "yes"}, {"building": "yes;house"}]
)
def test_what_stands_is_a_building(tmp_path, tags):
    assert keys(read(tmp_path, *KEPT, *SQUARE, osm_way(1, RING, **tags))) == {"way/1"}


def overpass(tmp_path, body):
    path = tmp_path / "map.osm"
    path.write_text(OSM_HEAD + "\n".join(KEPT) + body + "</osm>")
    return read_map(path)


def member(course):
    inside = "".join("<nd/>" if place is None else f'<nd lon="{place[0]}" lat="{place[1]}"/>' for place in course)
    tags = f'{YES}<tag k="type" v="multipolygon"/>'
    return f'<relation id="7" version="2"><member type="way" ref="1" role="outer">{inside}</member>{tags}</relation>'


def test_a_course_that_is_cut_where_the_question_ended_is_no_outline(tmp_path):
    corners = [(10.0, 50.0), (10.001, 50.0), (10.001, 50.001), (10.0, 50.001), (10.0, 50.0)]
    for cut in range(1, 4):
        course = [None if place == cut else corner for place, corner in enumerate(corners)]
        reading = overpass(tmp_path, member(course))
        assert keys(reading) == set()
        assert any("cut at the edge" in note for note in reading.repairs)
        assert any(note.startswith("relation/7 was left out") for note in reading.repairs)


def test_an_answer_that_overpass_broke_off_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match=r"Query timed out.*smaller area"):
        overpass(tmp_path, '<remark> runtime error: Query timed out in "query" at line 3. </remark>')
    assert "remarks 'a word'" in overpass(tmp_path, "<remark>a word</remark>").repairs[0]


@pytest.mark.parametrize("root", ["", "<note>The data is from OSM</note><meta osm_base='2024-01-01T00:00:00Z'/>"])
def test_what_differs_between_two_dates_is_refused_as_no_map(tmp_path, root):
    old_and_new = f'<action type="delete"><old>{KEPT[-1]}</old><new><way id="99" visible="false"/></new></action>'
    with pytest.raises(InvalidInputError, match=r"differs between two dates.*out meta"):
        overpass(tmp_path, root + old_and_new)


@pytest.mark.parametrize(
    "element",
    [
        '<area id="3600000001"><tag k="building" v="yes"/></area>',
        '<count id="0"><tag k="total" v="5"/></count>',
        '<make id="1"><tag k="a" v="b"/></make>',
        '<changeset id="1"><discussion><comment user="a mapper"><text>x</text></comment></discussion></changeset>',
    ],
)
def test_elements_that_are_none_of_a_map_are_passed_over(tmp_path, element):
    reading = overpass(tmp_path, element)
    assert [one.key for one in reading.features] == ["way/99"]
    assert reading.repairs == []


def test_what_a_josm_session_changed_and_did_not_upload_is_said(tmp_path):
    new = '<way id="-5" action="modify"><nd ref="1"/><nd ref="2"/></way>'
    changed = osm_way(1, RING, building="yes").replace("<way", '<way action="modify"')
    reading = read(tmp_path, *KEPT, *SQUARE, changed, new)
    assert keys(reading) == {"way/1"}
    assert reading.repairs[0].startswith("1 objects were changed in JOSM and not uploaded")


def test_of_states_without_version_and_time_the_doubt_is_said(tmp_path):
    plain, hut = osm_way(1, RING, None, building="yes"), osm_way(1, RING, None, building="hut")
    reading = read(tmp_path, *KEPT, *SQUARE, plain, hut)
    assert reading.features[-1].tags == {"building": "hut"}
    assert "nothing says which is newer, the last was taken" in reading.repairs[0]


ROLES = ("outer", "inner")


def multipolygon(tmp_path, first, second, roles, **tags):
    """A relation of two squares, each (x, y, side) in ten-thousandths of a degree; areas in such squares."""
    nodes = [
        node
        for start, (x, y, side) in ((1, first), (11, second))
        for node in square_nodes(start, 10 + x * 1e-4, 50 + y * 1e-4, side * 1e-4)
    ]
    ways = [osm_way(1, RING, **tags), osm_way(2, [11, 12, 13, 14, 11])]
    own = {} if tags else {"building": "yes"}
    members = [("way", way, role) for way, role in zip((1, 2), roles, strict=True)]
    reading = read(tmp_path, *KEPT, *nodes, *ways, osm_relation(7, members, type="multipolygon", **own))
    return {one.key: round(one.geometry.area / 1e-8, 3) for one in reading.features if one.osm_id != 99}, reading


@pytest.mark.parametrize(
    ("second", "roles", "area"),
    [
        ((2, 2, 4), ("outer", "outer"), 28),
        ((2, 2, 4), ("outer", "inner"), 12),
        ((1, 1, 2), ("outer", "outer"), 12),
        ((1, 1, 2), ("inner", "outer"), 12),
        ((0, 0, 4), ("outer", "outer"), 16),
        ((4, 0, 4), ("outer", "outer"), 32),
    ],
)
def test_outlines_that_cross_go_by_their_roles_and_others_by_their_places(tmp_path, second, roles, area):
    found, reading = multipolygon(tmp_path, (0, 0, 4), second, roles)
    assert found == {"relation/7": area}
    assert any("outlines cross" in note for note in reading.repairs) == (second == (2, 2, 4))


@pytest.mark.parametrize("roles", [("outer", "inner"), ("", ""), ("outer", "")])
def test_a_courtyard_of_the_old_style_is_cut_whatever_the_roles_say(tmp_path, roles):
    assert multipolygon(tmp_path, (0, 0, 4), (1, 1, 2), roles, building="yes")[0] == {"way/1": 12}


def test_a_relation_that_is_a_thing_of_its_own_cuts_nothing_out_of_its_outer_way(tmp_path):
    nodes = [*square_nodes(1, 10, 50, 4e-4), *square_nodes(11, 10.0001, 50.0001, 2e-4)]
    ways = [osm_way(1, RING, building="yes"), osm_way(2, [11, 12, 13, 14, 11])]
    members = [("way", 1, "outer"), ("way", 2, "inner")]
    school = osm_relation(7, members, type="multipolygon", amenity="school")
    (house,) = (one for one in read(tmp_path, *KEPT, *nodes, *ways, school).features if one.osm_id == 1)
    assert house.geometry.area == pytest.approx(16e-8)


@pytest.mark.parametrize("cuts", list(itertools.combinations(range(1, 4), 1)))
def test_a_courtyard_of_the_old_style_may_be_of_several_ways(tmp_path, cuts):
    nodes = [*square_nodes(1, 10, 50, 4e-4), *square_nodes(11, 10.0001, 50.0001, 2e-4)]
    ring = [11, 12, 13, 14, 11]
    halves = [osm_way(2, ring[: cuts[0] + 1]), osm_way(3, ring[cuts[0] :])]
    members = [("way", 1, "outer"), ("way", 2, "inner"), ("way", 3, "inner")]
    old = osm_relation(7, members, type="multipolygon")
    reading = read(tmp_path, *KEPT, *nodes, osm_way(1, RING, building="yes"), *halves, old)
    (house,) = (one for one in reading.features if one.osm_id == 1)
    assert house.geometry.area == pytest.approx(12e-8)
