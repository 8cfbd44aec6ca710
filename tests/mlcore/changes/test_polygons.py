"""Footprints traced from masks: valid, closed, right-angled."""

import cv2
import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlcore.changes.polygons import draw_mask, iou, mask_polygon, regularise, right_angled
from mlcore.evaluation.shapes import HOUSES, corner_angles, seen_mask, turned


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
    assert np.allclose(corner_angles(found), 90, atol=1e-3)


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


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(sorted(HOUSES)),
    degrees=st.floats(0, 360),
    blur=st.floats(0, 2),
    noise=st.floats(0, 0.12),
    seed=st.integers(0, 10_000),
)
def test_houses_of_every_plan_come_back_right_angled_at_any_turn(
    kind: str, degrees: float, blur: float, noise: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    house = turned(HOUSES[kind](rng), degrees, rng)

    found = regularise(mask_polygon(seen_mask(house, rng, blur_px=blur, noise=noise)), 0.26)

    assert found.is_valid
    assert found.exterior.is_simple
    assert not found.interiors
    assert np.allclose(corner_angles(found), 90, atol=1e-3)
    assert iou(found, house) > 0.9
    assert abs(found.area / house.area - 1) < 0.07


@pytest.mark.parametrize("kind", sorted(HOUSES))
def test_walls_are_fitted_to_the_outline_and_corners_are_not_invented(kind: str) -> None:
    rng = np.random.default_rng(12)
    houses = [turned(HOUSES[kind](rng), rng.uniform(0, 90), rng) for _ in range(8)]

    found = [regularise(mask_polygon(seen_mask(house, rng)), 0.26) for house in houses]

    assert np.mean([iou(*pair) for pair in zip(found, houses, strict=True)]) > 0.96
    assert [len(one.exterior.coords) for one in found] == [len(one.simplify(0.01).exterior.coords) for one in houses]


@settings(deadline=None, max_examples=80)
@given(seed=st.integers(0, 100_000), share=st.floats(0.02, 0.98), smooth=st.floats(0.4, 5), size=st.integers(3, 70))
def test_any_mask_gives_a_simple_polygon_of_about_its_area_or_none(
    seed: int, share: float, smooth: float, size: int
) -> None:
    field = cv2.GaussianBlur(np.random.default_rng(seed).random((size, size)).astype(np.float32), (0, 0), smooth)
    mask = field > np.quantile(field, share)

    traced = mask_polygon(mask)
    found = regularise(traced, 0.26)

    assert traced.is_empty == (not mask.any())
    assert found.is_empty == traced.is_empty
    if not mask.any():
        return
    assert traced.is_valid
    assert found.is_valid
    assert found.exterior.is_simple
    assert traced.area <= mask.size
    assert 0.5 * traced.area < found.area < 1.34 * shapely.Polygon(traced.exterior).area


def test_pixels_that_touch_by_a_corner_alone_are_apart() -> None:
    """A chequered mask, as an untaught network leaves it, is no outline that touches itself ten thousand times."""
    chequered = np.add.outer(np.arange(100), np.arange(100)) % 2 == 0
    assert mask_polygon(chequered).area == pytest.approx(1.0)
    two = np.zeros((20, 20), bool)
    two[2:10, 2:10] = two[10:14, 10:14] = True
    assert mask_polygon(two).area == pytest.approx(64.0)


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 100_000), share=st.floats(0.2, 0.8))
def test_however_ragged_a_region_is_its_polygon_covers_its_pixels(seed: int, share: float) -> None:
    mask = np.random.default_rng(seed).random((24, 24)) > share
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=4)
    wanted = parts == 1 + int(np.argmax(boxes[1:, cv2.CC_STAT_AREA]))
    y, x = np.nonzero(wanted)

    traced = mask_polygon(wanted)

    assert traced.is_valid
    assert traced.symmetric_difference(shapely.union_all(shapely.box(x, y, x + 1, y + 1))).area < 1e-3 * len(x)
