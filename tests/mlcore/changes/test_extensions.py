"""A part beside a footprint becomes one building with it: right corners, no splinters, old walls as they were."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from mlcore.changes.extensions import LEAST_EDGE_M, extended, restored
from mlcore.changes.polygons import mends
from mlcore.evaluation.extensions import EXTENSIONS, TILE, made_extensions, short_edges, true_corners

RESOLUTION_M = 0.26
HOUSE = shapely.box(0, 0, 60, 30)


def turned(shape: Polygon, degrees: float) -> Polygon:
    return shapely.affinity.rotate(shape, degrees, origin=(30, 15))


def corners(shape: Polygon) -> set[tuple[float, ...]]:
    return {tuple(xy) for xy in shapely.get_coordinates(shape)}


def uneven(rng: np.random.Generator) -> Polygon:
    """A footprint as people draw it: corners off by some tens of centimetres, nodes on straight walls, tiny steps."""
    kind = rng.integers(4)
    if kind == 0:
        ring = [(0, 0), (60, 0), (60, 30), (0, 30)]
    elif kind == 1:
        ring = [(0, 0), (30, 0), (60, 0), (60, 15), (60, 30), (35, 30), (34, 32), (0, 30)]
    elif kind == 2:
        ring = [(0, 0), (60, 8), (64, 38), (4, 30)]
    else:
        ring = [(30 + 30 * np.cos(a), 15 + 30 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 33)[:-1]]
    return Polygon(np.array(ring) + np.clip(rng.normal(0, 0.4, (len(ring), 2)), -0.7, 0.7) * (kind < 3))


@pytest.mark.parametrize("plan", sorted(EXTENSIONS))
def test_wings_of_every_plan_come_out_with_the_true_corners_at_any_turn(plan: str) -> None:
    made = list(made_extensions(plan, count=8, seed=5))

    right = [true_corners(one.extended, one.whole, TILE.resolution_m()) for one in made]

    assert np.mean(right) >= 0.9
    assert not any(short_edges(one.extended, one.drawn, TILE.resolution_m()) for one in made)


@given(turn=st.floats(0, 89), apart=st.floats(-2, 4), along=st.floats(-4, 14), lean=st.floats(-3, 3))
@settings(max_examples=60, deadline=None)
def test_a_wing_is_joined_along_the_walls_of_its_house(turn: float, apart: float, along: float, lean: float) -> None:
    house = turned(HOUSE, turn)
    wing = turned(shapely.affinity.rotate(shapely.box(60 + apart, along, 85, 20 + along), lean), turn)

    whole = extended(house, wing, RESOLUTION_M)

    assert whole is not None and whole.is_valid and not whole.interiors
    assert whole.intersection(house).area == pytest.approx(house.area, rel=1e-6)
    assert whole.area == pytest.approx(house.area + (25 * 20), rel=0.12)
    edges = np.diff(np.asarray(whole.exterior.coords), axis=0)
    off = (np.degrees(np.arctan2(edges[:, 1], edges[:, 0])) - turn + 45) % 90 - 45
    assert np.abs(off).max() < 0.01
    assert mends(whole, house, shapely.union_all([house, wing]))


@given(seed=st.integers(0, 100_000))
@settings(max_examples=150, deadline=None)
def test_any_footprint_keeps_its_own_walls_and_gets_no_splinters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    house = turned(uneven(rng), rng.uniform(0, 360))
    x, y = rng.uniform(-25, 70), rng.uniform(-25, 40)
    wing = turned(shapely.box(x, y, x + rng.uniform(14, 40), y + rng.uniform(14, 40)), rng.uniform(0, 360))
    wing = max(shapely.get_parts(wing.difference(house)), key=lambda part: part.area)

    whole = extended(house, wing, RESOLUTION_M)

    if whole is None:
        return
    new = whole.difference(house).buffer(0.5)
    assert {xy for xy in corners(house) if not new.intersects(shapely.Point(xy))} <= corners(whole)
    assert whole.is_valid
    assert house.difference(whole).area * RESOLUTION_M**2 < 0.5
    old = {frozenset(pair) for pair in pairwise(map(tuple, house.exterior.coords))}
    for start, end in pairwise(map(tuple, whole.exterior.coords)):
        own = frozenset((start, end)) in old
        assert own or np.hypot(*np.subtract(start, end)) >= LEAST_EDGE_M / RESOLUTION_M - 1e-9


def test_an_uneven_house_and_a_plain_wing_make_one_building_nearly_always() -> None:
    found = []
    for seed in range(80):
        rng = np.random.default_rng(seed)
        house = uneven(rng)
        along = rng.uniform(9, 10)
        degrees = rng.uniform(0, 360)
        wing = shapely.box(30, along, 95, along + 18).difference(house.buffer(rng.uniform(0, 3)))
        found.append(extended(turned(house, degrees), turned(wing, degrees), RESOLUTION_M) is not None)

    assert np.mean(found) > 0.95


def test_old_walls_keep_their_very_corners_and_a_new_wall_runs_on_from_an_old_one() -> None:
    house = Polygon([(0, 0), (30, 0), (60, 0.4), (60, 30), (0, 30)])

    whole = extended(house, shapely.box(60.8, 0.9, 90, 29.2), RESOLUTION_M)

    assert whole is not None
    assert {(0.0, 0.0), (30.0, 0.0), (0.0, 30.0)} <= corners(whole)
    assert not {(60.0, 0.4), (60.0, 30.0)} & corners(whole)
    assert len(whole.exterior.coords) == 6


def test_shapes_too_far_apart_are_not_joined() -> None:
    assert extended(shapely.box(0, 0, 40, 20), shapely.box(60, 0, 90, 20), RESOLUTION_M) is None


def test_corners_that_are_another_shapes_are_put_exactly_where_that_has_them() -> None:
    moved = shapely.affinity.translate(HOUSE, 1e-10, -1e-10)
    assert restored(moved, HOUSE, 1e-9).equals(HOUSE)
    assert restored(shapely.box(0, 0, 61, 30), HOUSE, 1e-9).equals(shapely.box(0, 0, 61, 30))
