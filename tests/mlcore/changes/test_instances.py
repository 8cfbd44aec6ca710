"""Attached houses fall apart where the image shows a wall between them, and stay one where it shows none."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from mlcore.changes.instances import compactness, several_parts, split_buildings
from mlcore.changes.polygons import iou, mask_polygon, regularise
from mlcore.maps.labels import draw_ids, outlines_of

SIDE = 160
RESOLUTION_M = 0.26


def row_of_houses(widths: list[float], depth: float, degrees: float) -> list[Polygon]:
    """Houses wall to wall, the row turned about the middle of the window."""
    ends = np.cumsum([0.0, *widths])
    shapes = [shapely.box(left, 0, right, depth) for left, right in pairwise(ends.tolist())]
    middle = shapely.Point(ends[-1] / 2, depth / 2)
    return [
        shapely.affinity.translate(
            shapely.affinity.rotate(one, degrees, origin=middle), SIDE / 2 - middle.x, SIDE / 2 - middle.y
        )
        for one in shapes
    ]


def as_seen(houses: list[Polygon], walls_between: bool, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Evidence of building and of outlines, soft and a little noisy."""
    ids = draw_ids(enumerate(houses, 1), SIDE, SIDE)
    rng = np.random.default_rng(seed)
    building = cv2.GaussianBlur((ids > 0).astype(np.float32), (0, 0), 1.2) + rng.normal(0, 0.03, ids.shape)
    walls = outlines_of(ids if walls_between else (ids > 0).astype(np.int32))
    outline = cv2.GaussianBlur(walls.astype(np.float32), (0, 0), 0.9) + rng.normal(0, 0.03, ids.shape)
    return np.clip(building, 0, 1), np.clip(outline, 0, 1)


def polygons_of(instances: np.ndarray) -> list[Polygon]:
    return [regularise(mask_polygon(instances == n), RESOLUTION_M) for n in range(1, int(instances.max()) + 1)]


@settings(deadline=None, max_examples=40)
@given(
    widths=st.lists(st.floats(22, 40), min_size=2, max_size=3),
    depth=st.floats(28, 44),
    degrees=st.floats(0, 180),
    seed=st.integers(0, 1000),
)
def test_attached_houses_with_a_wall_between_them_are_as_many_polygons(
    widths: list[float], depth: float, degrees: float, seed: int
) -> None:
    houses = row_of_houses(widths, depth, degrees)

    found = polygons_of(split_buildings(*as_seen(houses, True, seed), RESOLUTION_M))

    assert len(found) == len(houses)
    for house in houses:
        assert max(iou(one, house) for one in found) > 0.8
    for number, one in enumerate(found):
        assert one.is_valid
        assert all(one.intersection(other).area < 0.12 * one.area for other in found[number + 1 :])


@settings(deadline=None, max_examples=40)
@given(widths=st.lists(st.floats(22, 40), min_size=2, max_size=3), degrees=st.floats(0, 180), seed=st.integers(0, 1000))
def test_without_a_wall_in_the_image_they_stay_one(widths: list[float], degrees: float, seed: int) -> None:
    houses = row_of_houses(widths, 34.0, degrees)

    found = polygons_of(split_buildings(*as_seen(houses, False, seed), RESOLUTION_M))

    assert len(found) == 1
    assert iou(found[0], shapely.union_all(houses)) > 0.88


def test_a_region_of_two_buildings_holds_several_parts() -> None:
    houses = row_of_houses([30.0, 30.0], 36.0, 10.0)
    parts = split_buildings(*as_seen(houses, True), RESOLUTION_M)
    whole = (draw_ids([(1, house) for house in houses], SIDE, SIDE) > 0).astype(np.int32)

    assert several_parts(whole, parts).tolist() == [False, True]
    assert not several_parts(whole, (parts == 1).astype(np.int32)).any()


def test_nothing_seen_is_no_building() -> None:
    nothing = np.zeros((SIDE, SIDE), np.float32)

    assert not split_buildings(nothing, nothing, RESOLUTION_M).any()
    assert compactness(nothing > 0) == 0
