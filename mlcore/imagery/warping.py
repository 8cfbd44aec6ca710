"""Brings a raster onto the XYZ grid by windows and writes it as a clean COG."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.enums import MaskFlags, Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from mlcore.geometry.webmercator import EARTH_RADIUS_M
from mlcore.imagery.gdal import HARDENED
from mlcore.imagery.nodata import data_mask
from mlcore.imagery.raster_plan import MERCATOR, RasterPlan
from mlcore.imagery.scaling import BandPlan
from mlcore.progress import Progress, stop_if_asked

BLOCK_PX = 512
WINDOW_PX = 2048
JPEG_QUALITY = 90
WARP_MEMORY_MB = 128
PLAIN = {
    "driver": "GTiff", "count": 3, "dtype": "uint8", "tiled": True, "blockxsize": BLOCK_PX, "blockysize": BLOCK_PX,
    "compress": "deflate", "zlevel": 1, "bigtiff": "if_safer", "photometric": "rgb",
}  # fmt: skip
"""How files between two steps are written."""


def write_clean_cog(
    data: rasterio.DatasetReader, plan: RasterPlan, bands: BandPlan, target: Path, progress: Progress
) -> int:
    """Write the source's pixels on the plan's grid: JPEG with an internal mask and overviews, no foreign metadata.

    Returns:
        How many of the result's pixels hold data.

    Raises:
        StoppedError: `progress` asked to stop.

    What it wrote on its way is left beside the target: files `<stem>.work.tif` and `<stem>.plain.tif`.
    """
    filled = 0
    working = target.with_suffix(".work.tif")
    plain = target.with_suffix(".plain.tif")
    profile = PLAIN | {
        "width": plan.width, "height": plan.height, "crs": MERCATOR, "transform": plan.target_transform,
    }  # fmt: skip
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, **HARDENED):
        with rasterio.open(working, "w", **profile) as output:
            windows = list(_windows(plan.width, plan.height))
            pixels = _pixels(data, plan, bands, windows, plain, progress)
            for count, (window, rgb, valid) in enumerate(pixels):
                stop_if_asked(progress)
                output.write(rgb, window=window)
                output.write_mask(valid, window=window)
                filled += int(np.count_nonzero(valid))
                progress.report(0.7 * (count + 1) / len(windows), "bringing the image onto the grid")
        stop_if_asked(progress)
        progress.report(0.7, "writing overviews")
        rasterio.shutil.copy(
            str(working), str(target), driver="COG", COMPRESS="JPEG", QUALITY=JPEG_QUALITY, BLOCKSIZE=BLOCK_PX,
            OVERVIEW_RESAMPLING="AVERAGE", OVERVIEW_QUALITY=JPEG_QUALITY, BIGTIFF="IF_SAFER",
        )  # fmt: skip
    return filled


def _windows(width: int, height: int) -> Iterator[Window]:
    for row in range(0, height, WINDOW_PX):
        for column in range(0, width, WINDOW_PX):
            yield Window(column, row, min(WINDOW_PX, width - column), min(WINDOW_PX, height - row))


def _pixels(
    data: rasterio.DatasetReader,
    plan: RasterPlan,
    bands: BandPlan,
    windows: list[Window],
    plain: Path,
    progress: Progress,
) -> Iterator[tuple[Window, np.ndarray, np.ndarray]]:
    """Each window with uint8 (3, H, W) and its mask, 0 or 255 (H, W)."""
    if plan.exact:
        for window in windows:
            yield window, *_copied(data, bands, plan.offset, window)
        return
    if _is_plain(data, bands):
        yield from _warped(data, plan, windows)
        return
    # Warping 8-bit colours with a mask is many times faster than deep values with alpha, and keeps NaN and nodata
    # from bleeding into their neighbours.
    _write_plain(data, bands, plain, progress)
    with rasterio.open(plain, driver="GTiff") as flat:
        yield from _warped(flat, plan, windows)


def _warped(
    data: rasterio.DatasetReader, plan: RasterPlan, windows: list[Window]
) -> Iterator[tuple[Window, np.ndarray, np.ndarray]]:
    cell = plan.target_transform.a * np.cos(np.arctan(np.sinh(plan.bounds[1] / EARTH_RADIUS_M)))
    shrinking = cell > 1.5 * plan.source_m
    options = {
        "crs": MERCATOR, "transform": plan.target_transform, "width": plan.width, "height": plan.height,
        "src_crs": plan.crs, "src_transform": plan.transform, "warp_mem_limit": WARP_MEMORY_MB,
        "resampling": Resampling.average if shrinking else Resampling.cubic, "add_alpha": True,
    }  # fmt: skip
    with WarpedVRT(data, **options) as warped:
        for window in windows:
            values = warped.read(window=window)
            valid = values[3] >= 128
            rgb = values[:3]
            rgb[:, ~valid] = 0
            yield window, rgb, valid.astype(np.uint8) * 255


def _write_plain(data: rasterio.DatasetReader, bands: BandPlan, path: Path, progress: Progress) -> None:
    """The source's grid as 8-bit red, green and blue with a mask."""
    profile = PLAIN | {"width": data.width, "height": data.height}
    with rasterio.open(path, "w", **profile) as output:
        for window in _windows(data.width, data.height):
            stop_if_asked(progress)
            rgb, valid = _copied(data, bands, (0, 0), window)
            output.write(rgb, window=window)
            output.write_mask(valid, window=window)


def _is_plain(data: rasterio.DatasetReader, bands: BandPlan) -> bool:
    """8-bit red, green and blue with nothing else than perhaps a mask."""
    nodata = any(MaskFlags.nodata in flags for flags in data.mask_flag_enums)
    kept = bands.low is None and bands.palette is None and bands.collar is None
    return data.count == 3 and bands.rgb == (1, 2, 3) and kept and not nodata


def _copied(
    data: rasterio.DatasetReader, bands: BandPlan, offset: tuple[int, int], window: Window
) -> tuple[np.ndarray, np.ndarray]:
    """A window of the result straight from the source's pixels."""
    height, width = int(window.height), int(window.width)
    rgb, valid = np.zeros((3, height, width), np.uint8), np.zeros((height, width), bool)
    column, row = int(window.col_off) - offset[0], int(window.row_off) - offset[1]
    left, top = max(0, -column), max(0, -row)
    right, bottom = min(width, data.width - column), min(height, data.height - row)
    if left < right and top < bottom:
        source = Window(column + left, row + top, right - left, bottom - top)
        values = data.read(bands.bands, window=source)
        # The mask, the alpha band and the nodata value, then what the values themselves say.
        good = data_mask(data, source) & bands.shows(values, source)
        part = bands.to_rgb(values)
        part[:, ~good] = 0
        rgb[:, top:bottom, left:right], valid[top:bottom, left:right] = part, good
    return rgb, valid.astype(np.uint8) * 255
