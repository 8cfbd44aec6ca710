"""An image of four quarters, red, green, blue and white, and where they are found again."""

import numpy as np
import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points

from mlcore.imagery.raster import open_image
from mlcore.ingestion.ingest import ingest_raster

SIDE_PX = 120
COLOURS = np.array([[[200, 40, 40], [40, 200, 40]], [[40, 40, 200], [220, 220, 220]]], np.uint8)
UTM = CRS.from_epsg(32635)
WEST, NORTH, CELL_M = 385_000.0, 6_673_000.0, 0.5
PLACE = Affine(CELL_M, 0, WEST, 0, -CELL_M, NORTH)


def quarters(side: int = SIDE_PX) -> np.ndarray:
    """uint8 (3, side, side)."""
    half = np.arange(side) * 2 // side
    return np.ascontiguousarray(COLOURS[np.ix_(half, half)].transpose(2, 0, 1))


def write(path, values: np.ndarray, crs=UTM, transform=PLACE, **profile):
    """A GeoTIFF of (bands, H, W) values."""
    mask, palette = profile.pop("mask", None), profile.pop("palette", None)
    tags, gcps = profile.pop("tags", {}), profile.pop("gcps", None)
    profile = {"driver": "GTiff"} | profile
    placed = {} if transform is None else {"crs": crs, "transform": transform}
    count, height, width = values.shape
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path, "w", width=width, height=height, count=count, dtype=values.dtype, **placed, **profile
        ) as out,
    ):
        out.write(values)
        out.update_tags(**tags)
        if gcps is not None:
            out.gcps = (gcps, crs)
        if palette is not None:
            out.write_colormap(1, palette)
        if mask is not None:
            out.write_mask(mask)
    return path


def ingest(tmp_path, source):
    """What ingestion says of the image, and a reader of the result."""
    info = ingest_raster(source, tmp_path / "out.tif")
    return info, open_image(tmp_path / "out.tif")


def seen_at(reader, crs: CRS, transform: Affine, column: float, row: float) -> tuple[np.ndarray, bool]:
    """The colour that the result shows where the source's (column, row) lies, and whether it holds data there."""
    x, y = transform @ (column, row)
    (east,), (north,) = transform_points(crs, CRS.from_epsg(3857), [x], [y])
    tile = reader.read_window((east - 1, north - 1, east + 1, north + 1), 8, 8)
    return np.median(tile.rgb.reshape(-1, 3), axis=0), bool(tile.valid.all())


def assert_quarters_in_place(
    reader, crs: CRS = UTM, transform: Affine = PLACE, side: int = SIDE_PX, within: float = 25
):
    """Every quarter's middle shows its colour."""
    for row in (0, 1):
        for column in (0, 1):
            middle = (0.25 + 0.5 * column) * side, (0.25 + 0.5 * row) * side
            colour, valid = seen_at(reader, crs, transform, *middle)
            assert valid
            assert np.abs(colour - COLOURS[row, column]).max() <= within, (row, column, colour)
