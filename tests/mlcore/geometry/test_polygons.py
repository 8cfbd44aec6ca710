"""Polygons from outside: repaired with a note, measured on the ellipsoid."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.warp import transform_geom

from mlcore.errors import InvalidInputError
from mlcore.geometry.polygons import LocalFrame, area_m2, even_odd, repair_polygon


def test_a_sound_polygon_is_kept_without_a_note():
    square = shapely.box(0, 0, 1, 1)
    assert repair_polygon(square).geometry.equals(square)
    assert repair_polygon(square).note is None


def test_a_bow_tie_becomes_two_triangles_with_a_note():
    repair = repair_polygon(shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]))
    assert repair.geometry.is_valid
    assert repair.geometry.area == pytest.approx(0.5)
    assert "self-intersection" in repair.note


def test_an_outline_without_area_leaves_nothing():
    repair = repair_polygon(shapely.Polygon([(0, 0), (1, 1), (2, 2), (0, 0)]))
    assert repair.geometry is None
    assert "no area" in repair.note


def test_infinite_coordinates_leave_nothing():
    assert repair_polygon(shapely.Polygon([(0, 0), (np.inf, 1), (1, 0)])).geometry is None


def test_a_million_vertices_are_simplified_with_a_note():
    angle = np.linspace(0, 2 * np.pi, 1_000_000, endpoint=False)
    disc = shapely.Polygon(np.stack([np.cos(angle), np.sin(angle)], axis=1) * 0.01)
    repair = repair_polygon(disc, max_vertices=10_000)
    assert shapely.get_num_coordinates(repair.geometry) <= 10_000
    assert repair.geometry.area == pytest.approx(disc.area, rel=0.01)
    assert "simplified from 1000001" in repair.note


def test_a_tangle_of_random_vertices_is_left_out_instead_of_untangled():
    tangle = shapely.Polygon(np.random.default_rng(0).uniform(0, 1, (20_000, 2)))
    repair = repair_polygon(tangle)
    assert repair.geometry is None
    assert "too often" in repair.note


def test_nested_rings_make_a_hole_and_an_island():
    rings = [np.array(shapely.box(-r, -r, r, r).exterior.coords) for r in (1.0, 3.0, 2.0)]
    area = even_odd(rings)
    assert area.area == pytest.approx(36 - 16 + 4)


@given(st.floats(-179, 179), st.floats(-80, 80), st.floats(5, 2000))
def test_the_area_of_a_square_in_metres_is_the_square_of_its_side(lon, lat, side):
    square = LocalFrame(lon, lat).to_lonlat(shapely.box(0, 0, side, side))
    assert area_m2(square) == pytest.approx(side**2, rel=3e-3)


@pytest.mark.parametrize(("lon", "lat", "epsg"), [(24.94, 60.17, 32635), (85.52, 27.63, 32645), (36.9, -1.3, 32737)])
def test_the_area_agrees_with_the_utm_zone(lon, lat, epsg):
    footprint = LocalFrame(lon, lat).to_lonlat(shapely.Polygon([(0, 0), (30, 4), (26, 25), (3, 18)]))
    utm = transform_geom(CRS.from_epsg(4326), CRS.from_epsg(epsg), footprint.__geo_interface__)
    assert area_m2(footprint) == pytest.approx(shapely.geometry.shape(utm).area, rel=1.5e-3)


def test_an_empty_geometry_has_no_area_and_no_frame():
    assert area_m2(shapely.Polygon()) == 0.0
    with pytest.raises(InvalidInputError, match="empty"):
        LocalFrame.around(shapely.Polygon())


@given(st.floats(-179, 179), st.floats(-80, 80))
def test_metres_survive_degrees_and_back(lon, lat):
    shape = shapely.box(-120, -50, 40, 300)
    frame = LocalFrame(lon, lat)
    assert frame.to_m(frame.to_lonlat(shape)).bounds == pytest.approx(shape.bounds, abs=1e-5)
