"""Says which pixels of a raster hold data, by its masks, its alpha band and nodata values that its type can hold."""

from __future__ import annotations

import numpy as np
import rasterio
from rasterio.enums import MaskFlags
from rasterio.windows import Window


def says_nodata(data: rasterio.DatasetReader, bands: tuple[int, ...]) -> bool:
    """Whether anything says which pixels of these 1-based bands are without data."""
    return _has_mask(data, bands) or any(_nodata_counts(data, band) for band in bands)


def data_mask(data: rasterio.DatasetReader, window: Window) -> np.ndarray:
    """Where any band holds data, bool (H, W)."""
    bands = tuple(range(1, data.count + 1))
    if _has_mask(data, bands) or all(_nodata_counts(data, band) for band in bands):
        return data.dataset_mask(window=window) >= 128
    some: np.ndarray = np.logical_or.reduce(band_masks(data, bands, window), axis=0)
    return some


def band_masks(data: rasterio.DatasetReader, bands: tuple[int, ...], window: Window) -> np.ndarray:
    """Where each band holds data, bool (len(bands), H, W).

    A nodata value that the type can't hold hides nothing: GDAL cuts 0.5 to 0 and would hide every black pixel.
    """
    masks = data.read_masks(bands, window=window) >= 128
    if not _has_mask(data, bands):
        masks[[not _nodata_counts(data, band) for band in bands]] = True
    return masks


def _has_mask(data: rasterio.DatasetReader, bands: tuple[int, ...]) -> bool:
    """Whether an alpha band or a mask of the whole raster counts, and nodata values therefore do not."""
    flags = {flag for band in bands for flag in data.mask_flag_enums[band - 1]}
    return bool(flags & {MaskFlags.per_dataset, MaskFlags.alpha}) and MaskFlags.nodata not in flags


def _nodata_counts(data: rasterio.DatasetReader, band: int) -> bool:
    dtype, value = np.dtype(data.dtypes[band - 1]), data.nodatavals[band - 1]
    if value is None or dtype.kind == "f":
        return value is not None
    return bool(np.isfinite(value) and value == int(value) and np.iinfo(dtype).min <= value <= np.iinfo(dtype).max)
