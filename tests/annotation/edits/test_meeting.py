"""Edits of one changeset that meet have one node there, and each of them still leaves by itself."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.edits.osmchange.compile import AcceptedChange, Base, compile_change
from annotation.edits.osmchange.crossing import Written
from annotation.edits.osmchange.elements import NewIds, Node, RefusedError, Way
from annotation.edits.osmchange.joining import METRES_PER_DEGREE, Neighbour
from annotation.edits.osmchange.meeting import met
from annotation.edits.osmchange.nodes import OldNode, rounded

M = 1 / METRES_PER_DEGREE
HOUSE = {"building": "house"}


def ring(*places):
    """Metres from a place on the equator."""
    return [[rounded((10 + x * M, y * M)) for x, y in (*places, places[0])]]


def block(x, y, w=8, h=8):
    return ring((x, y), (x + w, y), (x + w, y + h), (x, y + h))


def add(shape, **more):
    return AcceptedChange("add", [shape], drawn=True, **more)


def redrawn(number, before, after, *, shared=(), first=None, **more):
    """A mapped house, its nodes from ten times its number on, with another shape."""
    nodes = [
        OldNode((first or {}).get(n, number * 10 + n), 2, *place, n in shared, False)
        for n, place in enumerate(before[0][:-1])
    ]
    base = Base("way", number, 4, {**HOUSE}, [*nodes, nodes[0]])
    return AcceptedChange("modify", [after], base, drawn=True, **more)


def compiled(*changes):
    """Operations of each, as the changes of one changeset."""
    ids = NewIds()
    together = met(dict(enumerate(changes, 1)), [], ids)
    return [compile_change(together[number], ids) for number in sorted(together)]


def ways_of(operations):
    return [one.element for one in operations if isinstance(one.element, Way) and one.action != "delete"]


def nodes_made(operations):
    return {one.element for one in operations if isinstance(one.element, Node) and one.action == "create"}


def places_of(changes, edits):
    known = {node.id: (node.lon, node.lat) for change in changes for node in change.own}
    written = [one for edit in edits for one in edit if isinstance(one.element, Node) and one.action != "delete"]
    return known | {one.element.id: (one.element.lon, one.element.lat) for one in written}


def shared(edits):
    one, other = ({ref for way in ways_of(edit) for ref in way.refs} for edit in edits)
    return one & other


@pytest.mark.parametrize("off", [0.0, 0.03])
def test_two_new_houses_with_a_wall_in_common_have_its_two_nodes_in_common(off):
    edits = compiled(add(block(0, 0)), add(block(8 + off, 0)))
    assert len(shared(edits)) == 2
    made = [nodes_made(edit) for edit in edits]
    assert [len(each) for each in made] == [4, 4], "each is whole by itself"
    assert len(made[0] & made[1]) == 2


def test_a_corner_that_two_houses_had_in_common_and_that_both_move_is_in_common_again():
    one, other = block(0, 0), block(8, 0)
    first = redrawn(2, one, block(0, 0, 9, 8), shared=(1, 2))
    second = redrawn(3, other, block(9, 0, 7, 8), shared=(0, 3), first={0: 21, 3: 22})
    edits = compiled(first, second)
    assert len(shared(edits)) == 2 and not shared(edits) & {21, 22}


def test_a_corner_of_a_new_house_on_the_wall_of_another_new_one_is_a_node_of_both():
    edits = compiled(add(block(0, 0, 8, 20)), add(block(8, 5)))
    assert len(shared(edits)) == 2
    assert [len(set(way.refs)) for edit in edits for way in ways_of(edit)] == [6, 4]


def test_what_nobody_drew_enters_no_wall():
    plain = [AcceptedChange("add", [shape]) for shape in (block(0, 0, 8, 20), block(8, 5))]
    assert shared(compiled(*plain)) == set()


def test_a_new_house_takes_the_corner_that_a_redrawn_one_keeps_and_none_that_it_moves():
    old = redrawn(2, block(0, 0), ring((0, 0), (8, 0), (9, 8), (0, 8)))
    edits = compiled(add(ring((8, 0), (16, 0), (16, 8), (9, 8))), old)
    assert shared(edits) == {21, -1}
    assert not any(one.action == "modify" and isinstance(one.element, Node) for one in edits[1])


def test_a_house_that_goes_is_joined_by_none_and_one_whose_tags_alone_change_is():
    gone = AcceptedChange("remove", [block(0, 0)], redrawn(2, block(0, 0), block(0, 0)).base)
    assert shared(compiled(gone, add(block(8, 0)))) == set()
    tagged = AcceptedChange("modify", [block(0, 0)], gone.base, tags={"height": "5"}, keeps_shape=True)
    assert shared(compiled(tagged, add(block(8, 0)))) == {21, 22}


def test_houses_of_two_levels_have_none_in_common():
    assert shared(compiled(add(block(0, 0)), add(block(8, 0), tags={"layer": "-1"}))) == set()


def test_the_ends_of_a_cut_are_nodes_of_the_house_beside_it():
    cut = [rounded((10 + 7.9 * M, 10 * M)), rounded((10 + 16.1 * M, 10 * M))]
    edits = compiled(add(block(0, 0, 8, 20)), add(block(8, 0, 8, 20), cut=cut))
    assert len(shared(edits)) == 3


def mapped(number, shape):
    """A mapped house beside the edits, whose walls may be entered."""
    nodes = [OldNode(number * 10 + n, 2, *place, False, False) for n, place in enumerate(shape[0][:-1])]
    return Neighbour(number, 3, HOUSE, (*nodes, nodes[0]), open=True)


def entered(edit, number):
    """The new nodes that an edit puts into a mapped house, in their order."""
    (wall,) = (way for way in ways_of(edit) if way.id == number)
    return [ref for ref in wall.refs if ref < 0]


@pytest.mark.parametrize("off", [0.0, 0.03])
def test_a_corner_that_two_houses_have_in_common_enters_the_wall_of_a_third_one_as_well(off):
    beside = [mapped(99, block(-4, -8, 30, 8))]
    first, second = compiled(add(block(0, 0), beside=beside), add(block(8 + off, 0), beside=beside))
    places = places_of([], [first])
    assert [places[ref] for ref in entered(first, 99)] == [rounded((10 + x * M, 0)) for x in (8, 0)]
    assert len(set(entered(first, 99)) & set(entered(second, 99))) == 1
    assert set(entered(second, 99)) <= {node.id for node in nodes_made(second)}, "it can leave without the other"


@pytest.mark.parametrize(("off", "number"), [(0.01, 3), (0.04, 2)])
def test_the_end_of_a_cut_that_is_a_corner_of_a_second_house_enters_the_wall_of_a_third_one_as_well(off, number):
    beside = [mapped(99, block(4, -8, 30, 8))]
    cut = [rounded((10 + 12 * M, -0.1 * M)), rounded((10 + 12 * M, 8.1 * M))]
    corner = add(ring((12, off), (13, -3), (11, -3)))
    _, halved = compiled(corner, add(block(8, 0), cut=cut, beside=beside))
    assert len(entered(halved, 99)) == number, "two corners, and the end between them where that lies on the wall"


def test_two_edits_that_would_cross_are_told_apart_and_why():
    nodes = Written()
    first = add(block(0, 0))
    nodes.add(7, first, compile_change(first, NewIds()))
    second = add(block(8, 0))
    with pytest.raises(RefusedError, match="change 7") as refused:
        nodes.check(second, compile_change(second, NewIds({"node": -90})))
    assert refused.value.code == "edits_cross"
    nodes.check(replaced_level(second), compile_change(second, NewIds({"node": -90})))


def replaced_level(change):
    return AcceptedChange(change.kind, change.polygons, tags={"layer": "1"}, drawn=True)


LINES = st.lists(st.integers(2, 12), min_size=2, max_size=4)
JITTER = st.floats(-0.02, 0.02)


@settings(max_examples=60)
@given(
    widths=LINES, heights=LINES, mapped=st.lists(st.booleans(), min_size=9, max_size=9), exact=st.booleans(),
    data=st.data(),
)  # fmt: skip
def test_a_quarter_of_houses_wall_to_wall_has_one_node_at_every_place(widths, heights, mapped, exact, data):
    """Rows of houses, each row with walls of its own, some in the map before: they meet at corners and along walls."""
    changes, wanted = [], []
    for row, (south, north) in enumerate(itertools.pairwise(itertools.accumulate(heights, initial=0))):
        west = 0.0
        for width in widths[row % 2 :]:
            a, b = (0.0, 0.0) if exact else (data.draw(JITTER), data.draw(JITTER))
            shape = ring((west + a, south), (west + width, south + b), (west + width, north), (west, north))
            number = len(changes) + 2
            if mapped[number % 9]:
                before = block(west + 0.5, south, width, north - south)
                changes.append(redrawn(number, before, shape))
            else:
                changes.append(add(shape))
            wanted.append(shapely.Polygon(shape[0]))
            west += width
    ids, nodes, kept = NewIds(), Written(), []
    together = met(dict(enumerate(changes, 1)), [], ids)
    for number, change in sorted(together.items()):
        operations = compile_change(change, ids)
        nodes.check(change, operations)
        nodes.add(number, change, operations)
        kept.append(operations)
    places = places_of(changes, kept)
    at = defaultdict(set)
    for shape, edit in zip(wanted, kept, strict=True):
        (way,) = ways_of(edit)
        drawn = shapely.Polygon([places[ref] for ref in way.refs])
        assert drawn.is_valid and drawn.hausdorff_distance(shape) < 0.08 * M
        for ref in way.refs:
            at[places[ref]].add(ref)
        assert {ref for ref in way.refs if ref < 0} <= {node.id for node in nodes_made(edit)}, (
            "it can leave without the others"
        )
    assert [refs for refs in at.values() if len(refs) > 1] == []
    for edit in kept if exact else ():
        (way,) = ways_of(edit)
        walls = shapely.LineString([places[ref] for ref in way.refs])
        on = [ref for place, (ref,) in at.items() if walls.distance(shapely.Point(place)) < 1e-3 * M]
        assert set(on) == set(way.refs), "what lies on its walls is in it"
    moved = [
        one.element.id for edit in kept for one in edit if isinstance(one.element, Node) and one.action == "modify"
    ]
    assert len(moved) == len(set(moved))
