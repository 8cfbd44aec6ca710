"""Images from 80 S to 80 N and round the world lie on their tiles to a fraction of a pixel."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points

from mlcore.geometry.webmercator import WORLD_M, lonlat_to_mercator, tile_at
from mlcore.imagery.raster import open_image
from mlcore.ingestion.ingest import ingest_raster

SIDE_PX = 400
ARM_PX = 8
PLACES = [(lon, lat) for lat in (-79.5, 0.0, 79.5) for lon in (-179.9, 87.0, 179.9)]


def utm_of(lon: float, lat: float) -> CRS:
    return CRS.from_epsg((32600 if lat >= 0 else 32700) + min(60, int((lon + 180) // 6) + 1))


def cross_image(path, crs: CRS, lon: float, lat: float, frame: Affine):
    """A black image with a white square at (lon, lat); `frame` turns and scales pixels around it."""
    (x,), (y,) = transform_points(CRS.from_epsg(4326), crs, [lon], [lat])
    values = np.zeros((3, SIDE_PX, SIDE_PX), np.uint8)
    middle = SIDE_PX // 2
    values[:, middle - ARM_PX : middle + ARM_PX, middle - ARM_PX : middle + ARM_PX] = 255
    transform = Affine.translation(x, y) @ frame @ Affine.translation(-middle, -middle)
    with rasterio.open(
        path, "w", driver="GTiff", width=SIDE_PX, height=SIDE_PX, count=3, dtype="uint8", crs=crs, transform=transform
    ) as data:
        data.write(values)
    return path


def miss_px(tmp_path, crs: CRS, lon: float, lat: float, frame: Affine) -> float:
    """How far, in pixels of its native tile, the square's middle lies from (lon, lat)."""
    ingest_raster(cross_image(tmp_path / "a.tif", crs, lon, lat, frame), tmp_path / "out.tif")
    reader = open_image(tmp_path / "out.tif")
    cell = (reader.bounds_mercator[2] - reader.bounds_mercator[0]) / reader.width
    zoom = round(np.log2(WORLD_M / 256 / cell))
    tile = tile_at(lon, lat, zoom)
    west, south, east, north = tile.bounds_mercator
    side = east - west
    # The tile and its eight neighbours, since the square may lie on a border.
    light = reader.read_window((west - side, south - side, east + side, north + side), 768, 768).rgb[..., 1] / 255.0
    assert light.sum() > 20
    rows, columns = np.mgrid[0:768, 0:768] + 0.5
    found = np.array([(light * columns).sum(), (light * rows).sum()]) / light.sum() - 256
    x, y = lonlat_to_mercator(np.array([lon, lat]))
    return float(np.abs(found - ((x - west) / cell, (north - y) / cell)).max())


@pytest.mark.parametrize("resolution_m", [0.1, 0.3, 1.0])
@pytest.mark.parametrize(("lon", "lat"), PLACES)
def test_a_utm_image_lies_on_its_tiles_everywhere(tmp_path, lon, lat, resolution_m):
    # At 80 degrees the farthest corner must stay on this side of the 180th meridian.
    assert miss_px(tmp_path, utm_of(lon, lat), lon, lat, Affine.scale(resolution_m, -resolution_m)) < 0.35


@pytest.mark.parametrize(
    "frame",
    [
        Affine.scale(0.3, 0.3),
        Affine.scale(-0.3, -0.3),
        Affine.rotation(30) @ Affine.scale(0.3, -0.3),
        Affine(0.3, 0.1, 0, 0.05, -0.3, 0),
    ],
    ids=["south-up", "mirrored", "turned", "sheared"],
)
def test_turned_and_mirrored_images_lie_on_their_tiles(tmp_path, frame):
    assert miss_px(tmp_path, utm_of(87.3, 27.6), 87.3, 27.6, frame) < 0.35


@pytest.mark.parametrize("lat", [-79.5, 0.0, 60.0])
def test_images_in_degrees_lie_on_their_tiles(tmp_path, lat):
    degrees = 0.3 / 111_320
    frame = Affine.scale(degrees / np.cos(np.radians(lat)), -degrees)
    assert miss_px(tmp_path, CRS.from_epsg(4326), 10.0, lat, frame) < 0.35


@pytest.mark.parametrize("up", [1, -1], ids=["south-up", "north-up"])
def test_images_in_web_mercator_off_the_grid_lie_on_their_tiles(tmp_path, up):
    assert miss_px(tmp_path, CRS.from_epsg(3857), 10.0, 50.0, Affine.scale(0.31, 0.31 * up)) < 0.35


def test_an_image_at_the_border_of_a_utm_zone_lies_on_its_tiles(tmp_path):
    assert miss_px(tmp_path, CRS.from_epsg(32645), 90.0004, 27.6, Affine.scale(0.3, -0.3)) < 0.35
