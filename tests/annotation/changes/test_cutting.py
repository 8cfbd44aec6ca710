"""Any outline that a line cuts in two is two outlines without a gap or a lap, and the file says exactly these."""

from __future__ import annotations

import math

import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from annotation.changes.cutting import halves, made_one
from annotation.common.errors import InvalidError
from annotation.edits.osmchange.compile import AcceptedChange, Base, compile_change
from annotation.edits.osmchange.elements import NewIds, Node, Way
from annotation.edits.osmchange.nodes import OldNode

LON, LAT, METRE = 10.0, 50.0, 1 / 111_320
SLIVER = 3e-11
"""Square degrees: a wall of fifty metres, off by the centimetre that rounding may move its ends."""


def at(x: float, y: float) -> tuple[float, float]:
    return round(LON + x * METRE / math.cos(math.radians(LAT)), 7), round(LAT + y * METRE, 7)


@st.composite
def outlines(draw):
    """Corners around a middle, so that the outline does not cross itself."""
    count = draw(st.integers(3, 9))
    reach = draw(st.lists(st.floats(5, 25), min_size=count, max_size=count))
    return [at(r * math.cos(math.tau * n / count), r * math.sin(math.tau * n / count)) for n, r in enumerate(reach)]


def cut_of(angle: float, off: float):
    across, along = (-math.sin(angle) * off, math.cos(angle) * off), (math.cos(angle) * 60, math.sin(angle) * 60)
    return [at(across[0] + sign * along[0], across[1] + sign * along[1]) for sign in (-1, 1)]


def parted(corners, cut):
    try:
        return halves([*corners, corners[0]], cut)
    except InvalidError:
        return None


@settings(max_examples=150, deadline=None)
@given(outlines(), st.floats(0, math.pi), st.floats(-4, 4))
def test_the_halves_fill_the_outline_and_the_file_keeps_every_node(corners, angle, off):
    whole = shapely.Polygon(corners)
    assume(whole.is_valid)
    found = parted(corners, cut_of(angle, off))
    assume(found is not None)
    one, other = (shapely.Polygon(half) for half in found)
    assert one.area >= other.area and one.intersection(other).area < SLIVER
    assert shapely.union(one, other).symmetric_difference(whole).area < SLIVER

    nodes = [OldNode(100 + n, 1, *place, False) for n, place in enumerate(corners)]
    base = Base("way", 5, 3, {"building": "yes"}, [*nodes, nodes[0]])
    ring = [*corners, corners[0]]
    done = compile_change(AcceptedChange("modify", [[ring]], base, cut=cut_of(angle, off)), NewIds())
    written = [step.element for step in done if isinstance(step.element, Node)]
    assert all(node.id < 0 for node in written)  # none of the map's is moved or deleted
    places = {node.id: (node.lon, node.lat) for node in (*nodes, *written)}
    ways = {way.id: way for way in (step.element for step in done) if isinstance(way, Way)}
    assert set(ways) == {5, -1}
    for half, way in ((found[0], ways[5]), (found[1], ways[-1])):
        assert sorted(places[ref] for ref in way.refs[:-1]) == sorted(half) and way.refs[0] == way.refs[-1]
    assert len(set(ways[5].refs) & set(ways[-1].refs)) >= 2
    assert {node.id for node in nodes} <= {*ways[5].refs, *ways[-1].refs}


@settings(max_examples=80, deadline=None)
@given(outlines(), st.floats(0, math.pi), st.floats(-4, 4))
def test_what_was_cut_becomes_one_again(corners, angle, off):
    whole = shapely.Polygon(corners)
    assume(whole.is_valid)
    found = parted(corners, cut_of(angle, off))
    assume(found is not None)
    again = made_one(*(shapely.Polygon(half) for half in found))
    assert again.symmetric_difference(whole).area < SLIVER and not again.interiors


def test_a_line_that_cuts_a_wing_off_twice_is_refused():
    comb = [at(0, 0), at(20, 0), at(20, 20), at(14, 20), at(14, 6), at(6, 6), at(6, 20), at(0, 20)]
    with pytest.raises(InvalidError, match="3 parts"):
        halves([*comb, comb[0]], [at(-5, 12), at(25, 12)])


def test_houses_that_touch_in_a_corner_alone_do_not_become_one():
    one, other = ([at(n, n), at(n + 9, n), at(n + 9, n + 9), at(n, n + 9)] for n in (0, 9))
    with pytest.raises(InvalidError, match="wall in common"):
        made_one(shapely.Polygon(one), shapely.Polygon(other))
