"""Where accepted changes are cut into small areas, and what stays together."""

from __future__ import annotations

import random

import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.edits.engine import AreaLimits, Placed, areas
from annotation.edits.engine.areas import size_m

LIMITS = AreaLimits(most_m=5000, most_edits=20, most_elements=10_000)


def at(number: int, lon: float, lat: float, nodes=(), elements: int = 5, size: float = 1e-4) -> Placed:
    return Placed(number, shapely.box(lon, lat, lon + size, lat + size), frozenset(nodes), elements)


spots = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 400)), min_size=1, max_size=80, unique=True)


@settings(max_examples=40, deadline=None)
@given(spots=spots, seed=st.integers(0, 9))
def test_areas_hold_every_change_once_keep_the_limits_and_do_not_depend_on_the_order(spots, seed):
    placed = [at(n, 85 + x * 5e-4, 27 + y * 5e-4) for n, (x, y) in enumerate(spots)]
    found = areas(placed, LIMITS)
    assert sorted(change for area in found for change in area.changes) == list(range(len(spots)))
    for area in found:
        assert len(area.changes) <= 20 and max(size_m(area.box)) <= 5000
    shuffled = placed[:]
    random.Random(seed).shuffle(shuffled)
    assert areas(shuffled, LIMITS) == found


def test_two_neighbourhoods_are_cut_where_the_gap_is():
    west = [at(n, 85 + n * 2e-4, 27) for n in range(12)]
    east = [at(20 + n, 85.03 + n * 2e-4, 27) for n in range(12)]
    found = areas(west + east, LIMITS)
    assert [area.changes for area in found] == [tuple(range(12)), tuple(range(20, 32))]


def test_buildings_that_share_a_wall_or_a_node_stay_together():
    row = [at(n, 85 + n * 1e-4, 27) for n in range(30)]  # a terrace, longer than an area holds
    far = [at(40, 85.03, 27, nodes=[7]), at(41, 85.06, 27, nodes=[7])]
    found = areas(row + far, LIMITS)
    assert [area.changes for area in found] == [tuple(range(30)), (40, 41)]


def test_what_touches_too_many_elements_is_cut_as_well():
    placed = [at(n, 85 + n * 3e-4, 27, elements=4000) for n in range(6)]
    found = areas(placed, LIMITS)
    assert all(area.elements <= 10_000 for area in found) and len(found) == 3


def test_nothing_makes_no_area():
    assert areas([], LIMITS) == []
