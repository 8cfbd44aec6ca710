"""A footprint moves with the tile that holds its middle, the same for whoever sees it, and back again."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import shapely.affinity

from mlcore.changes.moves import MapMoves
from mlcore.correspondences.dense.shift import Shift, shift_by
from mlcore.evidence.picture import EvidenceWindow
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TILE_PX, TileAddress

WEST = TileAddress(19, 386692, 220241)
EAST = TileAddress(19, 386693, 220241)
TURNED = Transform("similarity", np.array([1.0, 0.05, 3.0, -2.0]), np.zeros((4, 4)))
SHIFTS = {WEST: Shift(5.0, -3.0, 0.9), EAST: shift_by(TURNED, 0.9, "verified")}


def window(tile: TileAddress, margin_px: int = 64, columns: int = 2) -> EvidenceWindow:
    empty = np.zeros((TILE_PX + 2 * margin_px, columns * TILE_PX + 2 * margin_px), np.float32)
    return EvidenceWindow(tile, margin_px, empty, empty, empty > 0)


@pytest.mark.parametrize(("left", "moved"), [(100, (5.0, -3.0)), (340, None)])
def test_a_house_moves_as_its_own_tile_and_back(left: float, moved: tuple[float, float] | None) -> None:
    house, seen = shapely.box(left, 100, left + 30, 120), window(WEST)
    middle = np.array([house.centroid.x, house.centroid.y])

    there = MapMoves(SHIFTS).moved(house, middle, seen)

    if moved is not None:
        assert shapely.equals_exact(there, shapely.affinity.translate(house, *moved), 1e-9)
    else:
        corner = np.array([64 + TILE_PX, 64])
        assert np.allclose(
            shapely.get_coordinates(there), TURNED.apply(shapely.get_coordinates(house) - corner) + corner
        )
    assert shapely.equals_exact(MapMoves(SHIFTS).back(there, middle, seen), house, 1e-6)


def test_windows_of_other_tiles_see_a_house_moved_to_the_same_place() -> None:
    house = shapely.box(340, 100, 370, 120)
    middle, moves = np.array([355.0, 110.0]), MapMoves(SHIFTS)

    one = moves.moved(house, middle, window(WEST))
    other = moves.moved(shapely.affinity.translate(house, -TILE_PX, 0), middle - (TILE_PX, 0), window(EAST, columns=1))

    assert shapely.equals_exact(shapely.affinity.translate(other, TILE_PX, 0), one, 1e-6)


def test_a_tile_that_was_not_measured_moves_as_those_around_it() -> None:
    north = TileAddress(19, WEST.x, WEST.y - 1)

    assert MapMoves({WEST: Shift(5.0, -3.0, 0.9)}).of(north).dx_px == 5.0
    assert MapMoves({}).of(north).dx_px == 0.0


def test_the_farthest_move_near_some_tiles_is_known() -> None:
    assert MapMoves({WEST: Shift(6.0, -8.0, 0.9)}).reach_px([WEST]) == pytest.approx(10.0)
