"""What is said in metres is metres at any latitude and zoom: the same house gives the same polygon."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shapely import Polygon

from mlcore.changes.apply import apply_edit
from mlcore.changes.boxes import BOX_M, BOX_PX, MOST_PX, box_px
from mlcore.changes.candidate import Candidate
from mlcore.changes.ground import GroundMeasure, GroundMeasurer
from mlcore.changes.kernels import disc, square
from mlcore.changes.measure import REACH_M, WindowMeasurer
from mlcore.changes.moves import MapMoves
from mlcore.changes.registration import MAX_SHIFT_M, SHIFT_MARGIN_M, shift_margin_px
from mlcore.evidence.picture import EvidenceWindow
from mlcore.geometry.polygons import LocalFrame, padded
from mlcore.geometry.webmercator import TileAddress, ground_resolution_m, tile_at
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import draw_ids, outlines_of

lat, zoom, turn = st.floats(-80, 80), st.integers(17, 21), st.floats(0, 89)
FINEST = 8
AROUND_M = 6.0


def seen(shape_lonlat: Polygon, tile: TileAddress) -> EvidenceWindow:
    """Evidence of one building with walls as soft as the image's pixels and 0.4 m of misregistration make them."""
    empty = np.zeros((1, 1), np.float32)
    (polygon,) = EvidenceWindow(tile, 0, empty, empty, empty > 1).polygons_xy(shape_lonlat)
    resolution_m = tile.resolution_m()
    pad = AROUND_M / resolution_m + 4
    margin = int(max(pad - polygon.bounds[0], pad - polygon.bounds[1], 4))
    side = int(max(*polygon.bounds[2:]) + pad) + 2 * margin
    moved = shapely.affinity.translate(polygon, margin, margin)
    fine = FINEST if side < 400 else 1
    drawn = draw_ids([(1, shapely.affinity.scale(moved, fine, fine, origin=(0, 0)))], side * fine, side * fine) > 0
    soft = cv2.resize(drawn.astype(np.float32), (side, side), interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(soft, (0, 0), max(0.4 / resolution_m, 0.7))
    outline = cv2.GaussianBlur(outlines_of((soft > 0.5).astype(np.int32)).astype(np.float32), (0, 0), 1.0)
    return EvidenceWindow(tile, margin, soft, outline, np.ones(soft.shape, bool))


def measured(real: Polygon, drawn: Polygon | None, frame: LocalFrame, zoom: int) -> list[GroundMeasure]:
    tile = tile_at(frame.lon, frame.lat, zoom)
    features = [] if drawn is None else [MapFeature("building", frame.to_lonlat(drawn), {"building": "yes"}, "way", 1)]
    measurer = WindowMeasurer(seen(frame.to_lonlat(real), tile), features, MapMoves({}))
    # the house may lie beside the tile: everything of the window counts
    return GroundMeasurer(measurer, slack_px=1e9).measures()


def corners_apart_m(found: Polygon, true: Polygon) -> np.ndarray:
    ours, theirs = (shapely.get_coordinates(shape)[:-1] for shape in (found, true))
    return np.hypot(*(theirs[:, None] - ours[None]).transpose(2, 0, 1)).min(axis=1)


@settings(max_examples=30, deadline=None)
@given(lat=lat, zoom=zoom, turn=turn)
@example(lat=78.22, zoom=19, turn=10.0)
@example(lat=80.0, zoom=20, turn=33.0)
@example(lat=0.0, zoom=17, turn=20.0)
def test_the_same_house_gives_the_same_polygon(lat: float, zoom: int, turn: float) -> None:
    frame = LocalFrame(24.9, lat)
    house = shapely.affinity.rotate(shapely.box(-8, -5, 8, 5), turn, origin=(0, 0))

    found = max(measured(house, None, frame, zoom), key=lambda one: one.area_m2)

    shape = frame.to_m(found.proposal)
    near = max(0.3, 0.9 * ground_resolution_m(zoom, lat))
    assert len(shape.exterior.coords) == 5
    assert corners_apart_m(shape, house).max() < near
    assert found.area_m2 == pytest.approx(160, rel=0.05 + 0.1 * ground_resolution_m(zoom, lat))


@settings(max_examples=25, deadline=None)
@given(lat=lat, zoom=zoom, turn=turn)
@example(lat=78.22, zoom=19, turn=10.0)
def test_the_same_wing_gives_the_same_extension(lat: float, zoom: int, turn: float) -> None:
    frame = LocalFrame(-70.1, lat)
    drawn, whole = (shapely.affinity.rotate(shapely.box(-12, -6, east, 6), turn, origin=(0, 0)) for east in (0.0, 12.0))

    found = max(measured(whole, drawn, frame, zoom), key=lambda one: one.area_m2)

    assert found.adjacent is not None
    shape = frame.to_m(found.adjacent.extended)
    assert len(shape.exterior.coords) == 5
    assert corners_apart_m(shape, whole).max() < max(0.3, 0.9 * ground_resolution_m(zoom, lat))


@given(lat=lat, zoom=zoom, radius_m=st.floats(0.2, 8))
def test_neighbourhoods_and_boxes_are_as_wide_as_said(lat: float, zoom: int, radius_m: float) -> None:
    resolution_m = ground_resolution_m(zoom, lat)

    for kernel in (square(radius_m, resolution_m), disc(radius_m, resolution_m)):
        assert abs(kernel.shape[0] // 2 * resolution_m - radius_m) <= max(0.5 * resolution_m, resolution_m - radius_m)
    side = box_px(resolution_m)
    assert side % 2 == 1
    assert side == MOST_PX or abs(side * resolution_m - BOX_M) <= 2 * resolution_m
    assert box_px(0.26) == BOX_PX


@given(lat=lat, zoom=zoom)
def test_a_shift_is_measured_with_room_for_the_map_to_move(lat: float, zoom: int) -> None:
    tile = tile_at(10.0, lat, zoom)

    assert SHIFT_MARGIN_M > MAX_SHIFT_M
    assert shift_margin_px(tile) * tile.resolution_m() >= MAX_SHIFT_M


@given(lat=st.floats(-85, 85), metres=st.floats(1, 100))
def test_a_box_is_wider_by_metres_at_any_latitude(lat: float, metres: float) -> None:
    west, south, east, north = padded((24.0, lat, 24.0, lat), metres)
    left, down, right, up = LocalFrame(24.0, lat).to_m(shapely.box(west, south, east, north)).bounds

    assert (-left, -down, right, up) == pytest.approx((metres,) * 4, rel=0.02)


@given(lat=st.floats(-80, 80), east_m=st.floats(-REACH_M, REACH_M))
def test_a_footprint_is_found_again_as_far_as_it_was_looked_for(lat: float, east_m: float) -> None:
    frame = LocalFrame(15.0, lat)
    drawn = MapFeature("building", frame.to_lonlat(shapely.box(0, 0, 5, 5)), {"building": "yes"}, "way", 7, 1)
    moved = frame.to_lonlat(shapely.box(6 * np.sign(east_m) + east_m, 0, 6 * np.sign(east_m) + east_m + 5, 5))
    shifted = Candidate("shifted", moved, "way", 7, tile_at(15.0, lat, 19), 0.9, {}, "way/7")

    edited = apply_edit(MapIndex([drawn]), shifted)

    assert [feature.geometry for feature in edited] == [moved]
