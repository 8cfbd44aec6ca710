"""What one accepted change turns into, and that the file says exactly that shape."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.edits.osmchange.compile import AcceptedChange, Base, compile_change
from annotation.edits.osmchange.elements import NewIds, Node, RefusedError, Way, key
from annotation.edits.osmchange.nodes import OldNode, corners
from annotation.edits.osmchange.rings import OldWay
from annotation.edits.osmchange.write import write_osc

NODE_DEGREES = 1e-6  # a node of others is kept in a wall that passes it by centimetres
SQUARE = [(10.0, 50.0), (10.001, 50.0), (10.001, 50.001), (10.0, 50.001), (10.0, 50.0)]


def old_nodes(ring, shared=(), version=2):
    points = [(round(lon, 7), round(lat, 7)) for lon, lat in ring[:-1]]
    nodes = [OldNode(100 + i, version, lon, lat, i in shared) for i, (lon, lat) in enumerate(points)]
    return [*nodes, nodes[0]]


def base(ring=SQUARE, shared=(), tags=None, version=7, node_version=2, **more):
    return Base("way", 55, version, tags or {"building": "house"}, old_nodes(ring, shared, node_version), **more)


def compiled(kind, ring=SQUARE, demolish=False, **more):
    return compile_change(AcceptedChange(kind, [[ring]], base(**more) if kind != "add" else None, demolish), NewIds())


def by(operations, action, kind):
    return [op.element for op in operations if op.action == action and isinstance(op.element, kind)]


def document(operations):
    return ET.fromstring("".join(write_osc(operations)).encode())


def shape_of(root, way_id, known=()):
    """The way's polygon from the file, with nodes of the map for those the file does not touch."""
    places = {node.id: (node.lon, node.lat) for node in known}
    places |= {int(n.get("id")): (float(n.get("lon")), float(n.get("lat"))) for n in root.iter("node")}
    way = next(w for w in root.iter("way") if int(w.get("id")) == way_id)
    return shapely.Polygon([places[int(nd.get("ref"))] for nd in way.iter("nd")])


def test_a_new_building_is_a_closed_way_with_building_yes_alone():
    root = document(compiled("add"))
    way = root.find("create/way")
    refs = [nd.get("ref") for nd in way.iter("nd")]
    assert refs[0] == refs[-1] and len(refs) == 5 and all(int(ref) < 0 for ref in refs)
    assert [(t.get("k"), t.get("v")) for t in way.iter("tag")] == [("building", "yes")]
    assert root.get("version") == "0.6"


def test_a_new_building_with_a_courtyard_is_a_multipolygon():
    hole = [(10.0002, 50.0002), (10.0008, 50.0002), (10.0008, 50.0008), (10.0002, 50.0002)]
    operations = compile_change(AcceptedChange("add", [[SQUARE, hole]]), NewIds())
    root = document(operations)
    relation = root.find("create/relation")
    assert [member.get("role") for member in relation.iter("member")] == ["outer", "inner"]
    assert {t.get("k"): t.get("v") for t in relation.iter("tag")} == {"type": "multipolygon", "building": "yes"}
    ids = [way.get("id") for way in root.iter("way")]
    assert len(set(ids)) == 2
    assert [child.tag for child in root.find("create")] == ["node"] * 7 + ["way"] * 2 + ["relation"]


def test_a_moved_corner_keeps_every_node_and_moves_one():
    ring = [*SQUARE[:2], (10.0012, 50.001), *SQUARE[3:]]
    operations = compiled("modify", ring)
    way = by(operations, "modify", Way)[0]
    assert (way.id, way.version, dict(way.tags)) == (55, 7, {"building": "house"})
    assert set(way.refs) == {100, 101, 102, 103}
    assert by(operations, "modify", Node) == [Node(102, 2, 10.0012, 50.001)]
    assert not by(operations, "create", Node) and not by(operations, "delete", Node)


def test_a_shared_corner_is_not_moved_the_way_gets_a_new_node():
    ring = [*SQUARE[:2], (10.0012, 50.0012), *SQUARE[3:]]
    operations = compiled("modify", ring, shared={2})
    assert 102 not in by(operations, "modify", Way)[0].refs
    assert not by(operations, "modify", Node) and not by(operations, "delete", Node)
    assert len(by(operations, "create", Node)) == 1


def test_a_shared_corner_on_a_wall_that_still_passes_it_stays_in_the_way():
    ring = [*SQUARE[:2], (10.0012, 50.001), *SQUARE[3:]]
    operations = compiled("modify", ring, shared={2})
    (way,) = by(operations, "modify", Way)
    (corner,) = by(operations, "create", Node)
    assert way.refs == (100, 101, corner.id, 102, 103, 100)
    assert not by(operations, "modify", Node) and not by(operations, "delete", Node)


def test_a_simpler_outline_drops_unshared_nodes_only_if_unused():
    triangle = [SQUARE[0], SQUARE[1], SQUARE[2], SQUARE[0]]
    operations = compiled("modify", triangle)
    assert [key(op.element) for op in operations if op.action == "delete"] == ["node/103"]
    assert document(operations).find("delete").get("if-unused") == "true"


def test_a_shifted_building_keeps_all_its_nodes():
    ring = [(lon + 0.0005, lat) for lon, lat in SQUARE]
    operations = compiled("shifted", ring)
    assert sorted(node.id for node in by(operations, "modify", Node)) == [100, 101, 102, 103]
    assert not by(operations, "create", Node)


def test_a_removal_deletes_the_way_before_its_own_nodes():
    operations = compiled("remove", shared={0})
    root = document(operations)
    assert [block.tag for block in root] == ["delete", "delete"]
    assert [child.get("id") for child in root[0]] == ["55"]
    assert (root[1].get("if-unused"), [child.get("id") for child in root[1]]) == ("true", ["101", "102", "103"])


@pytest.mark.parametrize(
    "more",
    [
        {"tags": {"building": "retail", "shop": "bakery"}},
        {"tags": {"building": "yes", "addr:housenumber": "3"}},
        {"tags": {"building": "yes", "name": "Old Mill"}},
        {"in_relation": True},
        {"demolish": True},
    ],
)
def test_what_is_more_than_a_building_is_retagged_and_never_deleted(more):
    operations = compiled("remove", **more)
    assert {op.action for op in operations} == {"modify"}
    way = operations[0].element
    assert "building" not in way.tags
    assert way.tags["demolished:building"] == (more.get("tags") or {"building": "house"})["building"]
    assert len(way.refs) == 5


@pytest.mark.parametrize("kind", ["remove", "modify"])
def test_a_building_that_still_stands_changes_in_its_check_date_alone(kind):
    way = base(shared={0}, tags={"building": "house", "shop": "bakery"}, node_version=None)
    (operation,) = compile_change(AcceptedChange(kind, [[SQUARE]], way, check_date="2024-03-01"), NewIds())
    tags = {"building": "house", "shop": "bakery", "check_date": "2024-03-01"}
    assert (operation.action, operation.element) == ("modify", Way(55, 7, (100, 101, 102, 103, 100), tags))


def test_a_multipolygon_that_still_stands_keeps_its_members_and_needs_its_version():
    members = [("way", 5, "outer"), ("way", 6, "inner")]
    tags = {"type": "multipolygon", "building": "yes", "check_date": "2020"}
    relation = Base("relation", 9, 4, tags, members=members, outlines=["way/5"])
    (operation,) = compile_change(AcceptedChange("modify", [[SQUARE]], relation, check_date="2024-03-01"), NewIds())
    assert (operation.element.members, operation.element.version) == (tuple(members), 4)
    assert operation.element.tags == {**tags, "check_date": "2024-03-01"}
    with pytest.raises(RefusedError, match="version"):
        unknown = Base("relation", 9, None, tags, members=members)
        compile_change(AcceptedChange("modify", [[SQUARE]], unknown, check_date="2024-03-01"), NewIds())


def test_a_removed_multipolygon_is_retagged_with_all_its_members():
    members = [("way", 5, "outer"), ("way", 6, "inner")]
    relation = Base("relation", 9, 4, {"type": "multipolygon", "building": "yes"}, members=members)
    (operation,) = compile_change(AcceptedChange("remove", [[SQUARE]], relation), NewIds())
    assert operation.action == "modify"
    assert operation.element.members == tuple(members)
    assert operation.element.tags == {"type": "multipolygon", "demolished:building": "yes"}


def test_a_multipolygon_whose_outline_is_tagged_too_is_not_half_removed():
    """Without the outline's own tags gone, the next map has the building again."""
    relation = Base(
        "relation", 9, 4, {"building": "yes"}, members=[("way", 5, "outer"), ("way", 6, "outer")], outlines=["way/5"]
    )
    with pytest.raises(RefusedError, match="way/5, the outline of relation/9") as refused:
        compile_change(AcceptedChange("remove", [[SQUARE]], relation), NewIds())
    assert refused.value.code == "outline_tagged"


@pytest.mark.parametrize("keeps_shape", [True, False])
def test_a_multipolygon_does_not_say_otherwise_than_its_outline_that_is_tagged_too(keeps_shape):
    tags, nodes = {"type": "multipolygon", "building": "yes"}, tuple(old_nodes(SQUARE))
    ways = [OldWay(5, 3, {"building": "yes"}, nodes, outline=True)]
    relation = Base("relation", 9, 4, tags, members=[("way", 5, "outer")], outlines=["way/5"], ways=ways)

    def said(**tags):
        change = AcceptedChange("modify", [[SQUARE]], relation, tags=tags, keeps_shape=keeps_shape)
        return compile_change(change, NewIds())[-1].element.tags

    with pytest.raises(RefusedError, match=r"way/5, the outline of relation/9.*building:levels") as refused:
        said(**{"building": "yes", "building:levels": "3"})
    assert refused.value.code == "outline_tagged"
    assert said(building="yes", height="7") == {**tags, "height": "7"}
    assert said(**{"building:levels": "", "height": "7"}) == {**tags, "height": "7"}  # it lacks levels by now


def test_an_address_is_not_corrected_of_a_multipolygon_whose_outline_has_it_too():
    tags = {"type": "multipolygon", "building": "yes", "addr:housenumber": "4"}

    def corrected(outline, ways=True):
        known = [OldWay(5, 3, outline, tuple(old_nodes(SQUARE)), outline=True)] if ways else None
        relation = Base("relation", 9, 4, tags, members=[("way", 5, "outer")], outlines=["way/5"], ways=known)
        said = {"addr:housenumber": "4a"}
        change = AcceptedChange("modify", [[SQUARE]], relation, tags=said, keeps_shape=True)
        return compile_change(change, NewIds())[-1].element.tags

    for ways in (True, False):  # unknown tags of the outline may have it
        with pytest.raises(RefusedError, match=r"way/5, the outline of relation/9.*addr:housenumber") as refused:
            corrected({"building": "yes", "addr:housenumber": "4"}, ways)
        assert refused.value.code == "outline_tagged"
    assert corrected({"building": "yes"}) == {**tags, "addr:housenumber": "4a"}


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("unknown_version", AcceptedChange("remove", [[SQUARE]], base(version=None))),
        ("unknown_version", AcceptedChange("remove", [[SQUARE]], base(node_version=None))),
        ("no_nodes", AcceptedChange("modify", [[SQUARE]], Base("way", 5, 3, {"building": "yes"}))),
        ("no_osm_id", AcceptedChange("modify", [[SQUARE]], Base("", None, None, {}))),
        ("no_member_ways", AcceptedChange("modify", [[SQUARE]], Base("relation", 5, 3, {}, members=[("way", 1, "")]))),
        ("way_in_relation", AcceptedChange("modify", [[SQUARE, SQUARE]], base(in_relation=True))),
        ("several_parts", AcceptedChange("modify", [[SQUARE], [SQUARE]], base())),
        ("several_parts", AcceptedChange("add", [[SQUARE], [SQUARE]])),
        ("too_many_nodes", AcceptedChange("add", [[[(i * 1e-6, (i % 2) * 1e-6) for i in range(2001)]]])),
        ("too_small", AcceptedChange("add", [[[(1.0, 1.0), (1.0, 1.00000001), (1.0, 1.0)]]])),
        ("long_tag", AcceptedChange("modify", [[SQUARE]], base(tags={"note": "x" * 256}))),
    ],
)
def test_what_osmchange_cannot_say_is_refused_with_a_reason(code, change):
    with pytest.raises(RefusedError) as refused:
        compile_change(change, NewIds())
    assert refused.value.code == code
    assert len(refused.value.reason) > 20


def test_versions_that_are_missing_are_named():
    with pytest.raises(RefusedError) as refused:
        compiled("remove", node_version=None)
    assert refused.value.missing == ("node/100", "node/101", "node/102", "node/103")


def test_tags_of_any_text_survive_and_what_xml_cannot_carry_is_left_out():
    tags = {"building": "yes", "note": 'a<b>&"c"\nd\x00\x0b￾ 屋根'}
    root = document(compiled("modify", tags=tags))
    got = {t.get("k"): t.get("v") for t in root.iter("tag")}
    assert got == {"building": "yes", "note": 'a<b>&"c"\nd 屋根'}


spots = st.tuples(st.integers(-4000, 4000), st.integers(-4000, 4000))
origins = st.tuples(st.floats(-179, 179), st.floats(-79, 79))


@st.composite
def rings(draw, at):
    """A simple closed ring of 3 to 12 corners near `at`."""
    points = draw(st.lists(spots, min_size=3, max_size=12, unique=True))
    hull = shapely.MultiPoint([(at[0] + x * 1e-6, at[1] + y * 1e-6) for x, y in points]).convex_hull
    if hull.geom_type != "Polygon" or hull.area < 1e-11:
        x, y = at
        return [(x, y), (x + 1e-3, y), (x + 1e-3, y + 1e-3), (x, y)]
    ring = [tuple(point) for point in hull.exterior.coords]
    return ring if draw(st.booleans()) else ring[::-1]


@st.composite
def cases(draw):
    at = draw(origins)
    before, after = draw(rings(at)), draw(rings(at))
    mixed = before[: len(before) // 2] + after[len(after) // 2 :] if draw(st.booleans()) else after
    ring = mixed if mixed[0] == mixed[-1] and shapely.Polygon(mixed).is_valid else after
    return before, ring, draw(st.sets(st.integers(0, 11)))


@settings(max_examples=300, deadline=None)
@given(cases())
def test_the_file_read_back_has_the_accepted_shape_whatever_nodes_it_reused(case):
    before, after, shared = case
    old = Base("way", 55, 7, {"building": "yes"}, old_nodes(before, shared))
    operations = compile_change(AcceptedChange("modify", [[after]], old), NewIds())
    got = shape_of(document(operations), 55, old.nodes)
    there = np.array(got.exterior.coords)
    assert all(np.abs(there - corner).max(axis=1).min() <= 1e-8 for corner in corners(after))
    added = len(there) - len(shapely.Polygon(corners(after)).exterior.coords)
    assert 0 <= added <= len(shared)  # nodes of others that lie on a new wall stay in it
    assert shapely.hausdorff_distance(got, shapely.Polygon(after)) <= (NODE_DEGREES if added else 1e-7)
    kept_still = {node.id for node in old.nodes if node.shared}
    touched = {op.element.id for op in operations if isinstance(op.element, Node)}
    assert not kept_still & touched
    used = set(by(operations, "modify", Way)[0].refs)
    gone = {op.element.id for op in operations if op.action == "delete"}
    own = {node.id for node in old.nodes if not node.shared}
    assert own <= used | gone and not used & gone
    assert len(own & used) >= min(len(own), len(used) - len(kept_still & used))


@settings(max_examples=100, deadline=None)
@given(origins.flatmap(rings))
def test_a_new_building_read_back_has_the_accepted_shape(ring):
    got = shape_of(document(compile_change(AcceptedChange("add", [[ring]]), NewIds())), -1)
    assert shapely.hausdorff_distance(got, shapely.Polygon(ring)) <= 1e-7
