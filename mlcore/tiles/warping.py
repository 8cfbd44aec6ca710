"""Brings a raster onto the XYZ grid by windows and writes it as a clean COG."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window

from mlcore.progress import Progress, stop_if_asked
from mlcore.tiles.gdal import HARDENED
from mlcore.tiles.raster_plan import MERCATOR, RasterPlan
from mlcore.tiles.scaling import BandPlan

BLOCK_PX = 512
WINDOW_PX = 2048
JPEG_QUALITY = 90
WARP_MEMORY_MB = 128


def write_clean_cog(
    data: rasterio.DatasetReader, plan: RasterPlan, bands: BandPlan, target: Path, progress: Progress
) -> None:
    """Write the source's pixels on the plan's grid: JPEG with an internal mask and overviews, no foreign metadata.

    Raises:
        StoppedError: `progress` asked to stop; no file is left.
    """
    working = target.with_suffix(".work.tif")
    profile = {
        "driver": "GTiff", "width": plan.width, "height": plan.height, "count": 3, "dtype": "uint8",
        "crs": MERCATOR, "transform": plan.target_transform, "tiled": True, "blockxsize": BLOCK_PX,
        "blockysize": BLOCK_PX, "compress": "deflate", "zlevel": 1, "bigtiff": "if_safer", "photometric": "rgb",
    }  # fmt: skip
    try:
        with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True, **HARDENED):
            with rasterio.open(working, "w", **profile) as output:
                windows = list(_windows(plan.width, plan.height))
                for count, (window, rgb, valid) in enumerate(_pixels(data, plan, bands, windows)):
                    stop_if_asked(progress)
                    output.write(rgb, window=window)
                    output.write_mask(valid, window=window)
                    progress.report(0.7 * (count + 1) / len(windows), "bringing the image onto the grid")
            stop_if_asked(progress)
            progress.report(0.7, "writing overviews")
            rasterio.shutil.copy(
                str(working), str(target), driver="COG", COMPRESS="JPEG", QUALITY=JPEG_QUALITY, BLOCKSIZE=BLOCK_PX,
                OVERVIEW_RESAMPLING="AVERAGE", OVERVIEW_QUALITY=JPEG_QUALITY, BIGTIFF="IF_SAFER",
            )  # fmt: skip
    finally:
        working.unlink(missing_ok=True)


def _windows(width: int, height: int) -> Iterator[Window]:
    for row in range(0, height, WINDOW_PX):
        for column in range(0, width, WINDOW_PX):
            yield Window(column, row, min(WINDOW_PX, width - column), min(WINDOW_PX, height - row))


def _pixels(
    data: rasterio.DatasetReader, plan: RasterPlan, bands: BandPlan, windows: list[Window]
) -> Iterator[tuple[Window, np.ndarray, np.ndarray]]:
    """Each window with uint8 (3, H, W) and its mask, 0 or 255 (H, W)."""
    if plan.exact:
        for window in windows:
            yield window, *_copied(data, plan, bands, window)
        return
    options = {
        "crs": MERCATOR, "transform": plan.target_transform, "width": plan.width, "height": plan.height,
        "src_crs": plan.crs, "src_transform": plan.transform, "warp_mem_limit": WARP_MEMORY_MB,
        "resampling": _resampling(plan, bands), "add_alpha": _needs_alpha(data), "dtype": None,
    }  # fmt: skip
    with WarpedVRT(data, **options) as warped:
        for window in windows:
            valid = _valid(warped, bands, window)
            values = warped.read(bands.bands, window=window)
            rgb = bands.to_rgb(values)
            rgb[:, ~valid] = 0
            yield window, rgb, valid.astype(np.uint8) * 255


def _copied(
    data: rasterio.DatasetReader, plan: RasterPlan, bands: BandPlan, window: Window
) -> tuple[np.ndarray, np.ndarray]:
    """A window of the result straight from the source's pixels."""
    height, width = int(window.height), int(window.width)
    rgb, valid = np.zeros((3, height, width), np.uint8), np.zeros((height, width), bool)
    column, row = int(window.col_off) - plan.offset[0], int(window.row_off) - plan.offset[1]
    left, top = max(0, -column), max(0, -row)
    right, bottom = min(width, data.width - column), min(height, data.height - row)
    if left < right and top < bottom:
        source = Window(column + left, row + top, right - left, bottom - top)
        good = _valid(data, bands, source)
        part = bands.to_rgb(data.read(bands.bands, window=source))
        part[:, ~good] = 0
        rgb[:, top:bottom, left:right], valid[top:bottom, left:right] = part, good
    return rgb, valid.astype(np.uint8) * 255


def _valid(data: rasterio.DatasetReader, bands: BandPlan, window: Window) -> np.ndarray:
    """Where the mask, the alpha band and the nodata value let pixels through, bool (H, W)."""
    good = data.dataset_mask(window=window) >= 128
    for band, dtype in zip(bands.bands, (data.dtypes[b - 1] for b in bands.bands), strict=True):
        if np.dtype(dtype).kind == "f":
            good &= np.isfinite(data.read(band, window=window))
    return good


def _needs_alpha(data: rasterio.DatasetReader) -> bool:
    """Whether a warp must add an alpha band to carry the source's edge and mask."""
    has_alpha = ColorInterp.alpha in data.colorinterp
    nodata = any(MaskFlags.nodata in flags for flags in data.mask_flag_enums)
    return not has_alpha and not nodata


def _resampling(plan: RasterPlan, bands: BandPlan) -> Resampling:
    """Averages when shrinking, else a cubic; colours of a palette are never mixed."""
    if bands.palette is not None:
        return Resampling.nearest
    cell = plan.target_transform.a * np.cos(np.arctan(np.sinh(plan.bounds[1] / 6378137.0)))
    return Resampling.average if cell > 1.5 * plan.source_m else Resampling.cubic
