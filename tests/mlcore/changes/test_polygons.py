"""Footprints traced from masks: valid, closed, right-angled."""

import numpy as np
import shapely
import shapely.affinity
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlcore.changes.polygons import draw_mask, iou, mask_polygon, regularise, right_angled


def angles_of(polygon: shapely.Polygon) -> np.ndarray:
    """Corner angles in degrees."""
    points = np.asarray(polygon.exterior.coords)[:-1]
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    turn = np.arctan2(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0], (before * after).sum(axis=1))
    return np.degrees(np.abs(turn))


def test_a_mask_becomes_a_polygon_along_its_pixel_borders() -> None:
    mask = np.zeros((20, 30), bool)
    mask[5:12, 8:21] = True

    polygon = mask_polygon(mask)

    assert polygon.bounds == (8, 5, 21, 12)
    assert polygon.area == 7 * 13


def test_a_courtyard_stays_open() -> None:
    mask = np.zeros((60, 60), bool)
    mask[5:55, 5:55] = True
    mask[20:40, 20:40] = False

    polygon = regularise(mask_polygon(mask), 0.3)

    assert len(polygon.interiors) == 1
    assert abs(polygon.area - (50 * 50 - 20 * 20)) < 60


def test_of_several_regions_the_largest_is_traced() -> None:
    mask = np.zeros((40, 40), bool)
    mask[2:6, 2:6] = True
    mask[10:30, 10:30] = True

    assert mask_polygon(mask).area == 400


def test_an_empty_mask_gives_an_empty_polygon() -> None:
    assert mask_polygon(np.zeros((8, 8), bool)).is_empty
    assert regularise(mask_polygon(np.zeros((8, 8), bool)), 0.3).is_empty


@settings(deadline=None, max_examples=40)
@given(turn=st.floats(0, 89), wing=st.integers(12, 24), length=st.integers(34, 60))
@example(turn=0.0, wing=20, length=34)
def test_an_l_shaped_house_keeps_its_right_angles_at_any_turn(turn: float, wing: int, length: int) -> None:
    house = shapely.union(shapely.box(0, 0, length, wing), shapely.box(0, 0, wing, length))
    turned = shapely.affinity.translate(shapely.affinity.rotate(house, turn, origin="centroid"), 40, 40)

    found = regularise(mask_polygon(draw_mask(turned, 160, 160)), 0.26)

    assert found.is_valid
    assert found.exterior.is_ring
    assert iou(found, turned) > 0.85
    assert np.allclose(angles_of(found), 90, atol=1e-3)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_any_blob_gives_a_simple_polygon_near_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    blob = shapely.union_all([shapely.Point(*rng.uniform(25, 65, 2)).buffer(rng.uniform(5, 14)) for _ in range(5)])
    mask = draw_mask(blob, 90, 90)

    traced = mask_polygon(mask)
    found = regularise(traced, 0.26)

    assert found.is_valid
    assert found.is_simple
    assert iou(found, traced) > 0.6


def test_a_triangle_is_not_forced_into_right_angles_far_from_it() -> None:
    triangle = shapely.Polygon([(0, 0), (60, 0), (0, 60)])

    squared = right_angled(triangle)
    found = regularise(triangle, 0.26)

    assert squared is None or squared.is_valid
    assert iou(found, triangle) > 0.7
