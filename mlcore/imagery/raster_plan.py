"""Decides, before a pixel is read, whether a raster can be used and onto which grid it goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform, transform_bounds

from mlcore.errors import InvalidInputError
from mlcore.geometry.polygons import LocalFrame
from mlcore.geometry.webmercator import MAX_ZOOM, TILE_PX, WORLD_M, ground_resolution_m, mercator_to_lonlat
from mlcore.imagery.gdal import GDAL_ERRORS
from mlcore.imagery.georeference import read_georeference
from mlcore.limits import RasterLimits

MERCATOR = CRS.from_epsg(3857)
SHARPER = 0.9
"""A zoom serves an image whose pixels are at least this share of the zoom's: no visible detail is lost."""
FINEST_SHARE = 0.7
ROUNDING = 1.01
"""How much coarser than the limit a pixel may be: a metre of a projection is up to 1 % more or less on the ground."""
OUTLINE_STEPS = 21
DECLARED_FROM_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class RasterPlan:
    """Where a source goes.

    Attributes:
        crs, transform: georeference of the source.
        zoom: the XYZ zoom whose 256 px grid the result has.
        bounds: (west, south, east, north) of the result in EPSG:3857, on pixel borders of the zoom.
        width, height: size of the result.
        exact: the source's pixels lie on the grid already, at (column, row) `offset` of the result.
        source_m: metres on the ground per source pixel.
        outline_px: area of the source in pixels of the result.
    """

    crs: CRS
    transform: Affine
    zoom: int
    bounds: tuple[float, float, float, float]
    width: int
    height: int
    exact: bool
    offset: tuple[int, int]
    source_m: float
    outline_px: float

    @property
    def target_transform(self) -> Affine:
        cell = WORLD_M / 2**self.zoom / TILE_PX
        return Affine(cell, 0, self.bounds[0], 0, -cell, self.bounds[3])


def check_cost(data: rasterio.DatasetReader, path: Path, limits: RasterLimits) -> None:
    """Refuse, by the header alone, what would cost too much to read.

    Raises:
        InvalidInputError: too many pixels, or a header that declares far more than the file holds.
    """
    pixels = data.width * data.height
    if data.count > 64 or any(dtype.startswith("complex") for dtype in data.dtypes):
        raise InvalidInputError(f"{path.name} is no photograph: extract red, green and blue with gdal_translate -b")
    declared = pixels * sum(np.dtype(dtype).itemsize for dtype in data.dtypes)
    if pixels > limits.max_pixels:
        raise InvalidInputError(f"{path.name} has {data.width} x {data.height} pixels, too many: cut it to the region")
    if declared > DECLARED_FROM_BYTES and declared > limits.max_ratio * path.stat().st_size:
        raise InvalidInputError(
            f"{path.name} declares {declared} bytes in a file of {path.stat().st_size}: cut it to its content"
        )
    if data.driver != "GTiff" and pixels > limits.max_plain_pixels:
        raise InvalidInputError(f"{path.name} is too large for {data.driver}: convert it with gdal_translate -of COG")
    for block_height, block_width in data.block_shapes:
        if data.driver == "GTiff" and block_height * block_width > limits.max_plain_pixels:
            raise InvalidInputError(f"{path.name} is one block: re-tile it with gdal_translate -of COG")


def plan_raster(data: rasterio.DatasetReader, path: Path, limits: RasterLimits) -> RasterPlan:
    """Where the source goes on the XYZ grid.

    Raises:
        InvalidInputError: no georeference, too coarse, beyond the latitudes, or across the 180th meridian.
    """
    crs, source = read_georeference(data, path)
    try:
        corners = rasterio.transform.array_bounds(data.height, data.width, source)
        # rasterio gives the bounds of a south-up image upside down
        xs, ys = sorted(corners[0::2]), sorted(corners[1::2])
        west, south, east, north = transform_bounds(crs, MERCATOR, xs[0], ys[0], xs[1], ys[1], densify_pts=21)
        resolution, coarser = _ground_resolutions(crs, source, data.width, data.height)
    except (*GDAL_ERRORS, ValueError) as error:
        raise InvalidInputError(
            f"{path.name} can't be placed on Earth ({error}): check its reference system"
        ) from error
    (lon0, lat0), (lon1, lat1) = mercator_to_lonlat(np.array([[west, south], [east, north]]))
    if not np.isfinite([west, south, east, north, resolution, coarser]).all() or west >= east or south >= north:
        raise InvalidInputError(f"{path.name} can't be placed on Earth: check its reference system and its corners")
    if east - west > WORLD_M / 2 or lon0 < -180.001 or lon1 > 180.001:
        raise InvalidInputError(
            f"{path.name} crosses the 180th meridian: cut it there into two files with gdalwarp -te"
        )
    if max(abs(lat0), abs(lat1)) > limits.max_latitude:
        raise InvalidInputError(f"{path.name} reaches beyond {limits.max_latitude:g} degrees of latitude: cut it there")
    if coarser > limits.coarsest_m * ROUNDING:
        raise InvalidInputError(
            f"{path.name} has {coarser:.2f} m per pixel, buildings need {limits.coarsest_m:g} m: use a sharper image"
        )
    return _on_grid(data, crs, source, (west, south, east, north), resolution, (lat0 + lat1) / 2, path, limits)


def _on_grid(
    data: rasterio.DatasetReader,
    crs: CRS,
    source: Affine,
    bounds: tuple[float, float, float, float],
    resolution: float,
    lat: float,
    path: Path,
    limits: RasterLimits,
) -> RasterPlan:
    zoom = _zoom(resolution, lat, limits.finest_m)
    cell = WORLD_M / 2**zoom / TILE_PX
    west, south, east, north = bounds
    left, top = (west + WORLD_M / 2) / cell, (WORLD_M / 2 - north) / cell
    right, bottom = (east + WORLD_M / 2) / cell, (WORLD_M / 2 - south) / cell
    exact = (
        crs == MERCATOR
        and source.b == source.d == 0
        and abs(source.a / cell - 1) * data.width < 0.02
        and abs(-source.e / cell - 1) * data.height < 0.02
        and max(abs(left - round(left)), abs(top - round(top))) < 0.02
    )
    # Whole tiles of the zoom, so that every coarser level of the file starts on a pixel border of its tiles.
    first_x, first_y = math.floor(round(left, 2) / TILE_PX), math.floor(round(top, 2) / TILE_PX)
    last_x, last_y = math.ceil(round(right, 2) / TILE_PX), math.ceil(round(bottom, 2) / TILE_PX)
    width, height = (last_x - first_x) * TILE_PX, (last_y - first_y) * TILE_PX
    if width * height > limits.max_pixels:
        raise InvalidInputError(f"{path.name} becomes {width} x {height} pixels, too many: cut it to the region")
    side = cell * TILE_PX
    grid_bounds = (
        first_x * side - WORLD_M / 2,
        WORLD_M / 2 - last_y * side,
        last_x * side - WORLD_M / 2,
        WORLD_M / 2 - first_y * side,
    )
    offset = (round(left) - first_x * TILE_PX, round(top) - first_y * TILE_PX)
    outline_px = _outline_m2(crs, source, data.width, data.height) / cell**2
    return RasterPlan(crs, source, zoom, grid_bounds, width, height, exact, offset, resolution, outline_px)


def _outline_m2(crs: CRS, source: Affine, width: int, height: int) -> float:
    """Area within the border of the source, in square metres of EPSG:3857."""
    along = np.linspace(0, 1, OUTLINE_STEPS, endpoint=False)
    across, down = np.zeros(OUTLINE_STEPS), np.ones(OUTLINE_STEPS)
    columns = np.concatenate([along, down, 1 - along, across]) * width
    rows = np.concatenate([across, along, down, 1 - along]) * height
    xs, ys = zip(*(source @ place for place in zip(columns, rows, strict=True)), strict=True)
    return float(shapely.Polygon(np.stack(transform(crs, MERCATOR, xs, ys), axis=1)).area)


def _zoom(resolution_m: float, lat: float, finest_m: float) -> int:
    """The coarsest zoom that keeps the image's detail, but of a finer image no more detail than `finest_m` has."""
    zooms = range(MAX_ZOOM + 1)
    if resolution_m < finest_m * SHARPER:
        return max(zoom for zoom in zooms if ground_resolution_m(zoom, lat) >= finest_m * FINEST_SHARE)
    return next((zoom for zoom in zooms if ground_resolution_m(zoom, lat) * SHARPER <= resolution_m), MAX_ZOOM)


def _ground_resolutions(crs: CRS, source: Affine, width: int, height: int) -> tuple[float, float]:
    """Metres on the ground per pixel in the middle of the image: the finer and the coarser of both directions."""
    column, row = width / 2, height / 2
    points = [source @ point for point in ((column, row), (column + 1, row), (column, row + 1))]
    xs, ys = transform(crs, CRS.from_epsg(4326), [p[0] for p in points], [p[1] for p in points])
    middle, right, below = shapely.get_coordinates(
        LocalFrame(xs[0], ys[0]).to_m(shapely.LineString(np.stack([xs, ys], axis=1)))
    )
    steps = np.linalg.norm([right - middle, below - middle], axis=1)
    return float(steps.min()), float(steps.max())
