"""Tiles of a server, which nobody vouches for, become one clean picture in a child process with limits."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image, UnidentifiedImageError
from rasterio.enums import ColorInterp
from rasterio.transform import from_bounds

from mlcore.errors import InvalidInputError
from mlcore.files import whole_file
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.ingestion.apart import ApartLimits, run_apart
from mlcore.progress import Progress, SilentProgress

FORMATS = ("PNG", "JPEG", "WEBP")
SIDES_PX = (TILE_PX, 2 * TILE_PX)
LIMITS = ApartLimits(memory_bytes=4 * 1024**3, cpu_s=120, wall_s=300, file_bytes=1024**3)
Piece = tuple[int, int, str]
"""Column and row of a tile, and its file."""


def mosaic_apart(
    first: TileAddress,
    size: tuple[int, int],
    pieces: Sequence[Piece],
    target: Path,
    progress: Progress | None = None,
    limits: ApartLimits = LIMITS,
) -> None:
    """Lay tiles side by side, in a child process, as a GeoTIFF in EPSG:3857 with 256 px a tile and a band of alpha.

    Args:
        first: the tile in the north-west.
        size: columns and rows of the whole.
        pieces: tiles of 256 or 512 px, as PNG, JPEG or WebP; where there is none there is no data.

    Raises:
        InvalidInputError: a file is no such picture, or took more memory or time than it may.
        NoSpaceError, StoppedError: nothing is left of the target.
    """
    told = [[column, row, str(Path(path).resolve())] for column, row, path in pieces]
    run_apart(
        laid, [[first.z, first.x, first.y], list(size), told, str(target.resolve())], limits,
        lambda ended: "the tiles of this server took more than pictures may: register another server",
        progress=progress or SilentProgress(), target=target.resolve(),
    )  # fmt: skip


def laid(first: Sequence[int], size: Sequence[int], pieces: Sequence[Piece], target: str, progress: Progress) -> None:
    """The work of the child."""
    z, x, y = first
    columns, rows = size
    rgba = np.zeros((rows * TILE_PX, columns * TILE_PX, 4), np.uint8)
    for column, row, path in pieces:
        top, left = row * TILE_PX, column * TILE_PX
        rgba[top : top + TILE_PX, left : left + TILE_PX] = _read(Path(path), f"tile {z}/{x + column}/{y + row}")
    west, _, _, north = TileAddress(z, x, y).bounds_mercator
    _, south, east, _ = TileAddress(z, x + columns - 1, y + rows - 1).bounds_mercator
    profile = {
        "driver": "GTiff", "dtype": "uint8", "count": 4, "width": rgba.shape[1], "height": rgba.shape[0],
        "crs": "EPSG:3857", "transform": from_bounds(west, south, east, north, rgba.shape[1], rgba.shape[0]),
        "compress": "deflate", "predictor": 2, "tiled": True, "blockxsize": TILE_PX, "blockysize": TILE_PX,
    }  # fmt: skip
    with whole_file(Path(target)) as scratch, rasterio.open(scratch, "w", **profile) as data:
        data.colorinterp = [ColorInterp.red, ColorInterp.green, ColorInterp.blue, ColorInterp.alpha]
        data.write(rgba.transpose(2, 0, 1))


def _read(path: Path, name: str) -> np.ndarray:
    """(256, 256, 4) uint8."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(path.read_bytes()), formats=FORMATS) as picture:
                if picture.width != picture.height or picture.width not in SIDES_PX:
                    raise InvalidInputError(
                        f"{name} is {picture.width} x {picture.height} px: tiles of 256 or 512 px can be used"
                    )
                whole = picture.convert("RGBA").resize((TILE_PX, TILE_PX), Image.Resampling.BOX)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombWarning) as error:
        raise InvalidInputError(f"{name} is no PNG, JPEG or WebP picture: check the address of the tiles") from error
    return np.asarray(whole)
