"""Where an image lies: control points, heights in the reference system, longitudes beyond 180 degrees."""

import numpy as np
import pytest
from affine import Affine
from rasterio.control import GroundControlPoint
from rasterio.crs import CRS

from mlcore.errors import InvalidInputError
from mlcore.imagery.gdal import hardened_raster, transform_of
from mlcore.ingestion.ingest import ingest_raster
from tests.mlcore.imagery.quarters import (
    NORTH,
    PLACE,
    SIDE_PX,
    UTM,
    WEST,
    assert_quarters_in_place,
    ingest,
    quarters,
    seen_at,
    write,
)

LONLAT = CRS.from_epsg(4326)


def control_points(transform: Affine, pixels, moved=None):
    places = [transform @ pixel for pixel in pixels]
    for index, (dx, dy) in (moved or {}).items():
        places[index] = (places[index][0] + dx, places[index][1] + dy)
    return [GroundControlPoint(row=r, col=c, x=x, y=y) for (c, r), (x, y) in zip(pixels, places, strict=True)]


CORNERS = [(0, 0), (SIDE_PX, 0), (0, SIDE_PX), (SIDE_PX, SIDE_PX), (60, 60)]


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("turned", [0, 30, 180])
def test_an_image_with_control_points_alone_is_placed_by_them(tmp_path, turned):
    place = Affine.translation(WEST, NORTH) @ Affine.rotation(turned) @ Affine.scale(0.5, -0.5)
    source = write(tmp_path / "a.tif", quarters(), transform=None, gcps=control_points(place, CORNERS))
    _, reader = ingest(tmp_path, source)
    assert_quarters_in_place(reader, transform=place)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("pixels", "moved"),
    [(CORNERS, {4: (4.0, 0.0)}), (CORNERS[:2], {}), ([(0, 0), (60, 60), (120, 120)], {}), ([(9, 9)] * 4, {})],
    ids=["bent", "two", "on a line", "one place"],
)
def test_control_points_that_no_plane_fits_are_refused_with_gdalwarp_as_the_remedy(tmp_path, pixels, moved):
    points = control_points(PLACE, pixels, moved)
    source = write(tmp_path / "a.tif", quarters(), transform=None, gcps=points)
    with pytest.raises(InvalidInputError, match=r"gdalwarp .*EPSG:3857"):
        ingest_raster(source, tmp_path / "out.tif")


@pytest.mark.parametrize("system", ["EPSG:32635+5773", "EPSG:3067+3900", "EPSG:5514+8357", "EPSG:2263+6360"])
def test_a_reference_system_with_heights_places_the_image_as_without_them(tmp_path, system):
    flat = CRS.from_user_input(system.partition("+")[0])
    where = {"3067": (385_000, 6_673_000), "5514": (-743_000, -1_043_000), "2263": (985_000, 210_000)}
    x, y = where.get(str(flat.to_epsg()), (WEST, NORTH))
    place = Affine.translation(x, y) @ Affine.scale(0.5 / flat.units_factor[1], -0.5 / flat.units_factor[1])
    info, reader = ingest(tmp_path, write(tmp_path / "a.tif", quarters(), CRS.from_user_input(system), place))
    assert info.crs == f"EPSG:{flat.to_epsg()}"
    assert_quarters_in_place(reader, flat, place)


@pytest.mark.parametrize("west", [190.0, 355.5, 180.0, -190.0, 540.0])
def test_longitudes_beyond_180_lie_a_turn_away(tmp_path, west):
    place = Affine(0.5 / 111_320, 0, west, 0, -0.5 / 111_320, 10.0)
    info, reader = ingest(tmp_path, write(tmp_path / "a.tif", quarters(), LONLAT, place))
    lon = (west + 180) % 360 - 180
    assert info.footprint_lonlat.bounds[0] == pytest.approx(lon, abs=2e-5)
    assert_quarters_in_place(reader, LONLAT, Affine(place.a, 0, lon, 0, place.e, place.f))


@pytest.mark.parametrize(("system", "turn"), [(3857, 40_075_016.68557849), (3395, 40_075_016.68557849)])
def test_a_projection_of_the_whole_earth_that_counts_on_lies_a_turn_away(tmp_path, system, turn):
    crs = CRS.from_epsg(system)
    here = Affine(0.5, 0, -19_000_000, 0, -0.5, 1_000_000)
    source = write(tmp_path / "a.tif", quarters(), crs, Affine.translation(turn, 0) @ here)
    _, reader = ingest(tmp_path, source)
    assert_quarters_in_place(reader, crs, here)


@pytest.mark.parametrize(("system", "x"), [(4326, 179.9998), (4326, -180.0002), (3857, 20_037_480.0)])
def test_an_image_across_the_180th_meridian_is_refused_with_the_remedy(tmp_path, system, x):
    crs = CRS.from_epsg(system)
    cell = 0.5 / 111_320 if crs.is_geographic else 0.5
    source = write(tmp_path / "a.tif", quarters(), crs, Affine(cell, 0, x, 0, -cell, 10.0))
    with pytest.raises(InvalidInputError, match=r"180th meridian: .*gdalwarp -te"):
        ingest_raster(source, tmp_path / "out.tif")


def test_an_image_that_ends_at_the_180th_meridian_is_taken_as_it_is(tmp_path):
    cell = 0.5 / 111_320
    place = Affine(cell, 0, 180.0 - SIDE_PX * cell, 0, -cell, 10.0)
    _, reader = ingest(tmp_path, write(tmp_path / "a.tif", quarters(), LONLAT, place))
    assert_quarters_in_place(reader, LONLAT, place)


@pytest.mark.parametrize("frame", [Affine.scale(0.5, 0.5), Affine.rotation(30) @ Affine.scale(0.5, -0.5)])
def test_an_image_stored_south_up_or_turned_shows_its_quarters_in_their_places(tmp_path, frame):
    place = Affine.translation(WEST, NORTH) @ frame
    _, reader = ingest(tmp_path, write(tmp_path / "a.tif", quarters(), transform=place))
    assert_quarters_in_place(reader, transform=place)


def test_pixels_as_points_are_not_half_a_pixel_off(tmp_path):
    lattice = np.zeros((3, SIDE_PX, SIDE_PX), np.uint8) + np.uint8(20)
    lattice[:, 60:64, 60:64] = 250
    seen = []
    for kind in ("Area", "Point"):
        source = write(tmp_path / f"{kind}.tif", lattice, tags={"AREA_OR_POINT": kind})
        _, reader = ingest(tmp_path, source)
        seen.append([seen_at(reader, UTM, PLACE, c, 62.0)[0][0] for c in np.arange(57, 68, 0.5)])
    assert np.abs(np.subtract(*seen)).max() <= 3
    assert max(seen[0]) > 200


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("driver", ["GTiff", "PNG", "JPEG"])
def test_an_image_without_a_transform_has_none(tmp_path, driver):
    source = write(tmp_path / "a.img", quarters(), transform=None, driver=driver)
    with hardened_raster(source) as data:
        assert transform_of(data) is None
