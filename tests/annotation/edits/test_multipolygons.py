"""What a multipolygon turns into when it is reshaped: ways, nodes and roles go on, nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import shapely

from annotation.edits.osmchange.compile import AcceptedChange, Base, compile_change
from annotation.edits.osmchange.elements import NewIds, Node, RefusedError, Relation, Way, key
from annotation.edits.osmchange.nodes import OldNode, rounded
from annotation.edits.osmchange.rings import OldWay

E = 1e-4
OUTER = [(0, 0), (10, 0), (10, 10), (0, 10)]
HOLE = [(2, 2), (4, 2), (4, 4), (2, 4)]
OTHER = [(6, 6), (8, 6), (8, 8), (6, 8)]
TAGS = {"type": "multipolygon", "building": "school", "name": "Old School"}


def degrees(points):
    return [rounded((12 + x * E, 55 + y * E)) for x, y in points]


def ring(points):
    return [*degrees(points), degrees(points[:1])[0]]


def way(number, points, first, closed=True, shared=(), tags=None, **more):
    """A way of nodes numbered from `first`; `shared` are those that something else uses."""
    nodes = [OldNode(first + i, 2, *place, first + i in shared, False) for i, place in enumerate(degrees(points))]
    return OldWay(number, 4, tags or {}, tuple([*nodes, nodes[0]] if closed else nodes), **more)


OUTER_WAY, HOLE_WAY, OTHER_WAY = way(14, OUTER, 100), way(15, HOLE, 200), way(16, OTHER, 300)


def school(*ways, roles=("outer", "inner", "inner"), extra=()):
    ways = ways or (OUTER_WAY, HOLE_WAY)
    members = [("way", one.id, role) for one, role in zip(ways, roles, strict=False)]
    return Base("relation", 51, 6, TAGS, members=[*members, *extra], ways=list(ways))


def reshaped(base, *rings, kind="modify"):
    return compile_change(AcceptedChange(kind, [[ring(one) for one in rings]], base), NewIds())


def written(operations, action=None):
    return {key(one.element): one.element for one in operations if action in (None, one.action)}


def after(base, operations):
    """Ways, members and shape as they are once the operations are applied."""
    nodes = {node.id: (node.lon, node.lat) for one in base.ways for node in one.nodes}
    ways = {one.id: one.refs for one in base.ways}
    members = list(base.members)
    for one in operations:
        element, gone = one.element, one.action == "delete"
        if isinstance(element, Node):
            assert gone or element.id in nodes or element.id < 0
            nodes[element.id] = (element.lon, element.lat)
        elif isinstance(element, Way):
            ways[element.id] = element.refs
        elif isinstance(element, Relation):
            members = list(element.members)
    for number in [one.element.id for one in operations if one.action == "delete" and isinstance(one.element, Way)]:
        del ways[number]
    dropped = {one.element.id for one in operations if one.action == "delete" and isinstance(one.element, Node)}
    assert dropped.isdisjoint(ref for refs in ways.values() for ref in refs)
    lines = {role: [] for role in ("outer", "inner")}
    for kind, ref, role in members:
        if kind == "way":
            lines[role or "outer"].append(shapely.LineString([nodes[one] for one in ways[ref]]))
    outer, inner = (
        shapely.union_all(shapely.get_parts(shapely.polygonize(lines[role]))) for role in ("outer", "inner")
    )
    return ways, members, shapely.difference(outer, inner)


def same(one, other):
    return one.normalize().equals_exact(other.normalize(), 1e-9)


def accepted(*rings):
    return shapely.Polygon(ring(rings[0]), [ring(one) for one in rings[1:]])


def refused(base, *rings, **more):
    with pytest.raises(RefusedError) as caught:
        reshaped(base, *rings, **more)
    return caught.value


def moved(points, index, x, y):
    return [(x, y) if number == index else point for number, point in enumerate(points)]


def test_a_moved_corner_of_the_outer_ring_moves_its_node_and_leaves_the_hole_alone():
    operations = reshaped(school(), moved(OUTER, 2, 11, 11), HOLE)
    assert written(operations).keys() == {"node/102", "way/14", "relation/51"}
    relation = written(operations)["relation/51"]
    assert relation.members == (("way", 14, "outer"), ("way", 15, "inner")) and relation.tags == TAGS
    assert (relation.version, written(operations)["way/14"].version) == (6, 4)
    assert written(operations)["way/14"].refs == (100, 101, 102, 103, 100)


def test_a_hole_is_reshaped_with_its_nodes():
    operations = reshaped(school(), OUTER, [*moved(HOLE, 2, 4, 5), (3, 5)])
    assert written(operations).keys() == {"node/202", "node/-1", "way/15", "relation/51"}
    assert set(written(operations)["way/15"].refs) == {200, 201, 202, 203, -1}


def test_a_new_hole_is_a_new_inner_member_at_the_end():
    base = school(extra=[("node", 9, "entrance")])
    operations = reshaped(base, OUTER, HOLE, OTHER)
    assert written(operations, "create").keys() == {"way/-1", *(f"node/-{n}" for n in range(1, 5))}
    assert written(operations)["way/-1"].tags == {}
    members = (("way", 14, "outer"), ("way", 15, "inner"), ("node", 9, "entrance"), ("way", -1, "inner"))
    assert written(operations, "modify") == {"relation/51": Relation(51, 6, members, TAGS)}


def test_a_hole_that_is_gone_takes_its_way_and_nodes_with_it():
    operations = reshaped(school(OUTER_WAY, HOLE_WAY, OTHER_WAY), OUTER, OTHER)
    assert written(operations, "delete").keys() == {"way/15", *(f"node/{n}" for n in range(200, 204))}
    assert all(one.if_unused for one in operations if one.action == "delete")
    assert written(operations)["relation/51"].members == (("way", 14, "outer"), ("way", 16, "inner"))


@pytest.mark.parametrize("more", [{"tags": {"natural": "water"}}, {"used": True}])
def test_the_way_of_a_hole_that_is_gone_stays_where_it_is_something_else_too(more):
    pond = way(15, HOLE, 200, **more)
    operations = reshaped(school(OUTER_WAY, pond), OUTER)
    assert written(operations).keys() == {"relation/51"}
    assert written(operations)["relation/51"].members == (("way", 14, "outer"),)


def test_a_way_that_only_says_its_source_goes_with_its_hole():
    operations = reshaped(school(OUTER_WAY, way(15, HOLE, 200, tags={"source": "Bing"})), OUTER)
    assert "way/15" in written(operations, "delete")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"tags": {"natural": "water"}}, "tagged natural=water as well"),
        ({"used": True}, "a member of another relation as well"),
    ],
)
def test_a_ring_whose_way_is_something_else_too_stays_and_the_refusal_says_what_it_is(more, why):
    base = school(OUTER_WAY, way(15, HOLE, 200, **more))
    error = refused(base, OUTER, moved(HOLE, 2, 4, 5))
    assert error.code == "way_used_elsewhere" and why in error.reason and "way/15" in error.reason
    assert "way/15" not in written(reshaped(base, moved(OUTER, 2, 11, 11), HOLE))


def test_an_outline_that_is_tagged_as_the_same_building_keeps_its_tags():
    base = school(way(14, OUTER, 100, tags={"building": "school"}, outline=True), HOLE_WAY)
    assert written(reshaped(base, moved(OUTER, 2, 11, 11), HOLE))["way/14"].tags == {"building": "school"}


def test_a_node_that_a_neighbour_uses_stays_in_its_place():
    base = school(way(14, OUTER, 100, shared={102}), HOLE_WAY)
    operations = reshaped(base, moved(OUTER, 2, 11, 11), HOLE)
    assert written(operations).keys() == {"node/-1", "way/14", "relation/51"}
    assert 102 not in written(operations)["way/14"].refs


def test_a_node_where_two_rings_touch_is_moved_by_neither_and_goes_once_both_have_left_it():
    touching = replace(HOLE_WAY, nodes=(OUTER_WAY.nodes[0], *HOLE_WAY.nodes[1:-1], OUTER_WAY.nodes[0]))
    base = school(OUTER_WAY, touching)
    hole = [(0, 0), *HOLE[1:]]
    left = reshaped(base, OUTER, moved(hole, 0, 2, 2))
    assert "node/100" not in written(left) and written(left)["way/15"].refs.count(100) == 0
    both = reshaped(base, moved(OUTER, 0, -1, -1), moved(hole, 0, 2, 2))
    assert written(both, "delete").keys() == {"node/100"}


def test_an_outer_ring_is_neither_split_nor_joined():
    parts = [[ring(OUTER)], [ring([(20, 0), (30, 0), (30, 10), (20, 10)])]]
    with pytest.raises(RefusedError) as caught:
        compile_change(AcceptedChange("modify", parts, school()), NewIds())
    assert caught.value.code == "outer_rings" and "1 outer rings, the accepted shape 2" in caught.value.reason
    two = school(OUTER_WAY, way(17, [(20, 0), (30, 0), (30, 10), (20, 10)], 400), roles=("outer", "outer"))
    assert refused(two, OUTER).code == "outer_rings"


def test_a_ring_within_the_outer_one_is_a_hole_whatever_its_role_says():
    base = school(OUTER_WAY, HOLE_WAY, roles=("outer", "outer"))
    operations = reshaped(base, OUTER, moved(HOLE, 2, 4, 5))
    assert written(operations).keys() == {"node/202", "way/15", "relation/51"}
    assert written(operations)["relation/51"].members == (("way", 14, "outer"), ("way", 15, "outer"))


def test_two_outer_rings_are_followed_each_by_its_own():
    far = [(20, 0), (30, 0), (30, 10), (20, 10)]
    base = school(OUTER_WAY, way(17, far, 400), roles=("outer", "outer"))
    parts = [[ring(moved(far, 2, 31, 11))], [ring(OUTER)]]
    operations = compile_change(AcceptedChange("modify", parts, base), NewIds())
    assert written(operations).keys() == {"node/402", "way/17", "relation/51"}


def test_a_moved_building_keeps_its_ways_nodes_and_holes():
    rings = [[(x + 4, y - 3) for x, y in one] for one in (OUTER, HOLE, OTHER)]
    operations = reshaped(school(OUTER_WAY, HOLE_WAY, OTHER_WAY), *rings, kind="shifted")
    assert not written(operations, "create") and not written(operations, "delete")
    assert {f"node/{n}" for first in (100, 200, 300) for n in range(first, first + 4)} <= written(operations).keys()


def test_what_is_not_known_is_named():
    assert refused(replace(school(), ways=None), OUTER, HOLE).code == "no_member_ways"
    assert refused(replace(school(), ways=[OUTER_WAY]), OUTER, HOLE).code == "member_unknown"
    undated = school(replace(OUTER_WAY, version=None), HOLE_WAY)
    assert refused(undated, moved(OUTER, 2, 11, 11), HOLE).missing == ("way/14",)
    nodes = tuple(replace(node, version=None) for node in OUTER_WAY.nodes)
    assert refused(school(replace(OUTER_WAY, nodes=nodes)), moved(OUTER, 2, 11, 11)).missing == ("node/102",)
    assert refused(replace(school(), version=None), moved(OUTER, 2, 11, 11), HOLE).missing == ("relation/51",)
    new = school(way(14, OUTER, -200), HOLE_WAY)
    assert refused(new, moved(OUTER, 2, 11, 11), HOLE).code == "not_uploaded"


def test_ways_that_make_up_no_ring_are_refused():
    assert refused(school(way(14, OUTER, 100, closed=False), HOLE_WAY), OUTER, HOLE).code == "open_rings"
    twice = replace(school(), members=[("way", 14, "outer"), ("way", 14, "inner")])
    assert refused(twice, OUTER).code == "open_rings"


def halves(shared=(), **second):
    """The outer ring as two ways, the second against the ring's direction; they meet at nodes 100 and 103."""
    nodes = {
        n: OldNode(n, 2, *place, n in shared, False) for n, place in zip(range(100, 106), degrees(SIX), strict=True)
    }
    first = OldWay(14, 4, {}, tuple(nodes[n] for n in (100, 101, 102, 103)))
    return first, OldWay(17, 4, second.pop("tags", {}), tuple(nodes[n] for n in (100, 105, 104, 103)), **second)


SIX = [(0, 0), (10, 0), (10, 5), (10, 10), (0, 10), (0, 5)]


def test_a_corner_of_one_of_several_ways_moves_that_way_alone():
    operations = reshaped(school(*halves(used=True), roles=("outer", "outer")), moved(SIX, 1, 11, -1))
    assert written(operations).keys() == {"node/101", "way/14", "relation/51"}


def test_several_ways_gain_and_lose_corners_and_still_meet():
    base = school(*halves(), HOLE_WAY, roles=("outer", "outer", "inner"))
    shape = [(-1, 0), (10, 0), (12, 5), (12, 8), (10, 10), (0, 10)]
    ways, members, polygon = after(base, reshaped(base, shape, HOLE))
    assert same(polygon, accepted(shape, HOLE)) and members == base.members
    assert {ways[14][0], ways[14][-1]} == {ways[17][0], ways[17][-1]} == {100, 103}


def test_where_ways_meet_at_a_node_of_others_a_corner_must_stay():
    base = school(*halves(shared={100}), roles=("outer", "outer"))
    error = refused(base, moved(SIX, 0, -1, -1))
    assert error.code == "ways_meet" and "node/100" in error.reason
    assert written(reshaped(base, moved(SIX, 3, 11, 11))).keys() == {"node/103", "way/14", "way/17", "relation/51"}


def test_a_way_of_several_that_is_something_else_too_is_not_moved_by_its_end():
    base = school(*halves(tags={"barrier": "wall"}), roles=("outer", "outer"))
    assert refused(base, moved(SIX, 3, 11, 11)).code == "ways_meet"
    assert refused(base, moved(SIX, 5, -1, 5)).code == "way_used_elsewhere"
