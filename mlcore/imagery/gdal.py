"""Opens rasters so that a hostile file reaches nothing but its own bytes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import rasterio
from affine import Affine
from rasterio._err import CPLE_BaseError
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError

from mlcore.errors import InvalidInputError

DRIVERS = ("GTiff", "PNG", "JPEG")
HARDENED: dict[str, str | int] = {
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".none",
    "CPL_VSIL_CURL_USE_HEAD": "NO",
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
    "GDAL_HTTP_MAX_RETRY": "0",
    "GDAL_HTTP_CONNECTTIMEOUT": "1",
    "VRT_SHARED_SOURCE": "0",
    "GDAL_VRT_ENABLE_PYTHON": "NO",
    "GDAL_GEOREF_SOURCES": "INTERNAL",
    "OGR_ENABLE_PARTIAL_REPROJECTION": "NO",
    "GDAL_MAX_DATASET_POOL_SIZE": "8",
    "GDAL_CACHEMAX": 256,
    "GDAL_NUM_THREADS": "1",
}
"""GDAL's options for files from outside: no side files, no network, no foreign drivers' tricks."""
GDAL_ERRORS = (RasterioError, CRSError, CPLE_BaseError)
"""All that GDAL and PROJ raise through rasterio; the last has no common base with the others."""
MAGICS = {"GTiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), "PNG": (b"\x89PNG",), "JPEG": (b"\xff\xd8\xff",)}


def sniff_driver(path: Path) -> str | None:
    """The driver whose first bytes the file has; None for anything else."""
    with path.open("rb") as file:
        head = file.read(8)
    return next((name for name, magics in MAGICS.items() if head.startswith(magics)), None)


@contextmanager
def hardened_raster(path: str | Path) -> Iterator[rasterio.DatasetReader]:
    """Open a raster from outside under the hardened options, its own overviews unread.

    Raises:
        InvalidInputError: it isn't a readable GeoTIFF, PNG or JPEG file.
    """
    path = Path(path)
    if "\0" in str(path) or not path.is_file():
        raise InvalidInputError(f"there is no raster file {path.name!r}: check the path")
    driver = sniff_driver(path)
    if driver is None:
        raise InvalidInputError(
            f"{path.name} is neither a GeoTIFF nor a PNG or JPEG: convert it with gdal_translate -of COG first"
        )
    with rasterio.Env(**HARDENED), warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        try:
            dataset = rasterio.open(path.resolve(), driver=driver, OVERVIEW_LEVEL="NONE")
        except (*GDAL_ERRORS, ValueError) as error:
            raise InvalidInputError(f"{path.name} can't be read ({error}): export it again as a GeoTIFF") from error
        with dataset:
            yield dataset


def transform_of(data: rasterio.DatasetReader) -> Affine | None:
    """The transform that the raster itself carries, None where it has none.

    Of a raster opened with OVERVIEW_LEVEL=NONE, `transform` is whatever lay in memory when there is none (rasterio
    1.4): only the warning tells.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        numbers = data.read_transform()
    if any(issubclass(warning.category, NotGeoreferencedWarning) for warning in said):
        return None
    transform = Affine.from_gdal(*numbers)
    return transform if transform != Affine.identity() and abs(transform.determinant) > 1e-18 else None
