"""Whatever shape is accepted, a multipolygon's operations make exactly that shape of the map."""

from __future__ import annotations

import shapely
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from annotation.edits.osmchange.elements import Node, RefusedError, key
from tests.annotation.edits.test_multipolygons import (
    HOLE,
    OTHER,
    OUTER,
    accepted,
    after,
    halves,
    reshaped,
    school,
    way,
)
from tests.annotation.edits.town import as_accepted

coordinate = st.integers(-40, 140).map(lambda n: n / 10)


@st.composite
def shapes(draw):
    """A valid shape with holes, drawn around the school."""
    outer = shapely.MultiPoint(draw(st.lists(st.tuples(coordinate, coordinate), min_size=3, max_size=9))).convex_hull
    assume(isinstance(outer, shapely.Polygon) and outer.area > 5)
    holes = []
    for _ in range(draw(st.integers(0, 3))):
        x, y = draw(coordinate), draw(coordinate)
        hole = shapely.box(x, y, x + draw(st.integers(5, 40)) / 10, y + draw(st.integers(5, 40)) / 10)
        if outer.buffer(-0.2).contains(hole) and all(one.distance(hole) > 0.2 for one in holes):
            holes.append(hole)
    return [list(outer.exterior.coords)[:-1], *(list(hole.exterior.coords)[:-1] for hole in holes)]


@given(shape=shapes(), shared=st.sets(st.sampled_from([100, 101, 102, 103, 200, 201, 300])), several=st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_accepted_shape_is_what_the_operations_make_of_the_map(shape, shared, several):
    """Nodes of others stay, ids are each written once, nothing is left over, and the map has the accepted shape."""
    first = halves(shared) if several else (way(14, OUTER, 100, shared=shared),)
    ways = (*first, way(15, HOLE, 200, shared=shared), way(16, OTHER, 300, shared=shared))
    base = school(*ways, roles=(*["outer"] * len(first), "inner", "inner"))
    try:
        operations = reshaped(base, *shape)
    except RefusedError as error:
        assert several and error.code == "ways_meet"
        event("several ways, refused")
        return
    event(f"{'several ways' if several else 'one way'}, written")
    names = [key(one.element) for one in operations]
    assert len(names) == len(set(names)) and {f"node/{number}" for number in shared}.isdisjoint(names)
    left, members, polygon = after(base, operations)
    assert as_accepted(polygon, accepted(*shape))
    assert [one for one in members if one[1] > 0] == [one for one in base.members if one in members]
    used = {ref for refs in left.values() for ref in refs}
    gone = {one.element.id for one in operations if one.action == "delete" and isinstance(one.element, Node)}
    own = {node.id for one in ways for node in one.nodes if not node.shared}
    assert own - used == gone
    assert {one.element.id for one in operations if one.action == "create" and isinstance(one.element, Node)} <= used
