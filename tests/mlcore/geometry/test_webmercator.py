"""The grid: round trips, neighbours, resolutions."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import (
    WORLD_M,
    TileAddress,
    bounds_lonlat_of,
    ground_resolution_m,
    lonlat_to_mercator,
    lonlat_to_xy,
    mercator_to_lonlat,
    tile_at,
    tiles_covering,
    xy_to_lonlat,
    zoom_for_resolution,
)

lons, lats = st.floats(-179.999, 179.999), st.floats(-84.9, 84.9)


@st.composite
def tiles(draw, first=1, last=22):
    z = draw(st.integers(first, last))
    return TileAddress(z, draw(st.integers(0, 2**z - 1)), draw(st.integers(0, 2**z - 1)))


@given(lons, lats)
def test_degrees_survive_the_projection_and_back(lon, lat):
    assert mercator_to_lonlat(lonlat_to_mercator(np.array([lon, lat]))) == pytest.approx([lon, lat], abs=1e-9)


@given(lons, lats, st.integers(0, 22))
def test_a_point_lies_in_the_tile_that_is_found_for_it(lon, lat, z):
    west, south, east, north = tile_at(lon, lat, z).bounds_lonlat
    assert west - 1e-9 <= lon <= east + 1e-9
    assert south - 1e-9 <= lat <= north + 1e-9


@given(tiles(), st.floats(-300, 600), st.floats(-300, 600), st.sampled_from([256, 512]))
def test_pixels_survive_degrees_and_back(tile, x, y, size):
    if 0 <= tile.y * size + y <= size * 2**tile.z:  # the grid ends there
        back = lonlat_to_xy(xy_to_lonlat(np.array([x, y]), tile, size), tile, size)
        assert back == pytest.approx([x, y], abs=1e-3 * 2 ** max(0, tile.z - 18))


@given(tiles())
def test_neighbours_share_their_edges_exactly_enough_to_leave_no_gap(tile):
    if tile.x + 1 < 2**tile.z:
        assert TileAddress(tile.z, tile.x + 1, tile.y).bounds_mercator[0] == pytest.approx(
            tile.bounds_mercator[2], abs=1e-6
        )
    if tile.y + 1 < 2**tile.z:
        assert TileAddress(tile.z, tile.x, tile.y + 1).bounds_mercator[3] == pytest.approx(
            tile.bounds_mercator[1], abs=1e-6
        )


@given(tiles(1, 20))
def test_the_middle_of_a_tile_is_found_in_it(tile):
    west, south, east, north = tile.bounds_mercator
    lon, lat = mercator_to_lonlat(np.array([(west + east) / 2, (south + north) / 2]))
    assert tile_at(lon, lat, tile.z) == tile


@given(tiles(3, 20))
def test_a_tile_is_covered_by_itself_alone_and_by_its_four_children(tile):
    assert list(tiles_covering(tile.polygon_lonlat, tile.z)) == [tile]
    children = list(tiles_covering(tile.polygon_lonlat, tile.z + 1))
    assert {(child.x // 2, child.y // 2) for child in children} == {(tile.x, tile.y)}
    assert len(children) == 4


@given(st.integers(1, 22), st.floats(-80, 80), st.sampled_from([256, 512]))
def test_the_zoom_of_a_zooms_own_resolution_is_that_zoom(z, lat, size):
    assert zoom_for_resolution(ground_resolution_m(z, lat, size), lat, size) == z


def test_the_world_is_one_tile_at_zoom_zero():
    assert TileAddress(0, 0, 0).bounds_mercator == (-WORLD_M / 2, -WORLD_M / 2, WORLD_M / 2, WORLD_M / 2)


@pytest.mark.parametrize("address", [(1, 2, 0), (1, 0, -1), (-1, 0, 0), (25, 0, 0)])
def test_an_address_outside_the_grid_is_refused(address):
    with pytest.raises(InvalidInputError, match="no tile"):
        TileAddress(*address)


def test_an_empty_area_is_covered_by_no_tile():
    assert list(tiles_covering(shapely.Polygon(), 18)) == []


def test_bounds_of_many_tiles_are_those_of_each():
    tiles = [TileAddress(19, 386683, 220234), TileAddress(0, 0, 0), TileAddress(14, 1, 16383)]
    found = bounds_lonlat_of(np.array([[one.z, one.x, one.y] for one in tiles]))
    assert found == pytest.approx(np.array([one.bounds_lonlat for one in tiles]))
    assert bounds_lonlat_of(np.zeros((0, 3))).shape == (0, 4)
