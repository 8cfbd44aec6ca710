"""Every real image at hand comes in as it is: placed, coloured and masked right.

The expected places are computed with rasterio from the files' own corners, apart from the product's planning.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.warp import transform_geom
from rasterio.windows import Window
from scipy import ndimage

from mlcore.imagery.raster import ImageReader
from tests.mlcore.imagery.quarters import ingest
from tests.mlcore.source_makers import DATA, real_data

LARGEST_PX = 700
"""Larger files are cut to this, so that all of them are read within seconds."""


def real_images() -> list[str]:
    return sorted(str(path.relative_to(DATA)) for path in DATA.glob("*/*.tif"))


def cut(source: Path, target: Path) -> Path:
    """The fullest part of a file, at most LARGEST_PX a side, with its bands, mask and reference system as they are."""
    with rasterio.open(source) as data, rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        width, height = min(data.width, LARGEST_PX), min(data.height, LARGEST_PX)
        if (width, height) == (data.width, data.height):
            return source
        lefts, tops = (
            np.linspace(0, whole - part, 4).astype(int) for whole, part in ((data.width, width), (data.height, height))
        )
        windows = [Window(left, top, width, height) for top in tops for left in lefts]
        window = max(windows, key=lambda w: data.read_masks(1, window=w, out_shape=(50, 50)).sum())
        profile = data.profile | {
            "driver": "GTiff", "width": width, "height": height, "transform": data.window_transform(window),
            "compress": "lzw", "photometric": None,
        }  # fmt: skip
        with rasterio.open(target, "w", **{key: value for key, value in profile.items() if value is not None}) as out:
            out.write(data.read(window=window))
            out.write_mask(data.dataset_mask(window=window))
    return target


def ground_truth(path: Path) -> tuple[shapely.Polygon, float, float]:
    """Border in EPSG:3857, share with data, and mean brightness of what holds data."""
    with rasterio.open(path) as data:
        corners = [data.transform @ c for c in ((0, 0), (data.width, 0), (data.width, data.height), (0, data.height))]
        border = shapely.segmentize(shapely.Polygon(corners), data.width * abs(data.transform.a) / 20)
        placed = shapely.geometry.shape(transform_geom(data.crs, "EPSG:3857", shapely.geometry.mapping(border)))
        mask = data.dataset_mask() >= 128
        return placed, float(mask.mean()), float(data.read((1, 2, 3))[:, mask].mean())


@pytest.mark.parametrize("name", real_images() or ["austin/austin.tif"])
def test_a_real_image_comes_in_as_it_is(tmp_path, name):
    path = cut(real_data(name), tmp_path / "cut.tif")
    border, share, brightness = ground_truth(path)
    _, reader = ingest(tmp_path, path)
    whole = reader.read_window(reader.bounds_mercator, reader.width, reader.height)
    cell = (reader.bounds_mercator[2] - reader.bounds_mercator[0]) / reader.width
    rows, columns = np.nonzero(whole.valid)
    west, _, _, north = reader.bounds_mercator
    extent = (west + columns.min() * cell, north - (rows.max() + 1) * cell)
    assert extent[0] >= border.bounds[0] - 2 * cell
    assert extent[1] >= border.bounds[1] - 2 * cell
    assert whole.valid.sum() * cell**2 == pytest.approx(share * border.area, rel=0.01)
    assert whole.rgb[whole.valid].mean() == pytest.approx(brightness, abs=2.5)
    _assert_same_places(reader, path)


def _assert_same_places(reader: ImageReader, path: Path) -> None:
    """The result agrees with the source around nine points, and does so better than 24 pixels beside them."""
    with rasterio.open(path) as data:
        values, mask, place, crs = data.read((1, 2, 3)), data.dataset_mask() >= 128, data.transform, data.crs
    reach = 12
    inner = ndimage.minimum_filter(mask, 2 * reach + 2, mode="constant", cval=0)
    spots = np.argwhere(inner)
    assert len(spots), "no part of the image holds data"
    agree, beside = [], []
    for row, column in spots[np.linspace(0, len(spots) - 1, 9).astype(int)]:
        own = values[:, row - reach : row + reach, column - reach : column + reach].reshape(3, -1).mean(axis=1)
        agree.append(np.abs(_mean_around(reader, crs, place, column, row, reach) - own).max())
        beside.append(np.abs(_mean_around(reader, crs, place, column + 2 * reach, row, reach) - own).max())
    assert np.median(agree) <= 6
    assert np.mean(agree) < np.mean(beside)


def _mean_around(reader: ImageReader, crs: CRS, place: Affine, column: float, row: float, reach: int) -> np.ndarray:
    """Mean colour over the square of the source's pixels around (column, row), each looked up in the result."""
    steps = np.arange(-reach, reach, 2) + 1.0
    columns, rows = (grid.ravel() for grid in np.meshgrid(column + steps, row + steps))
    xs, ys = place @ (columns, rows)
    east, north = rasterio.warp.transform(crs, CRS.from_epsg(3857), xs, ys)
    west, south, right, top = min(east), min(north), max(east), max(north)
    size = 64
    tile = reader.read_window((west, south, right, top), size, size)
    pick_x = np.clip((np.array(east) - west) / (right - west) * size, 0, size - 1).astype(int)
    pick_y = np.clip((top - np.array(north)) / (top - south) * size, 0, size - 1).astype(int)
    return tile.rgb[pick_y, pick_x].astype(float).mean(axis=0)
