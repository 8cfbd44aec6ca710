"""Finds where a raster lies: from the file itself, or from a world file and a .prj beside it."""

from __future__ import annotations

import re
from pathlib import Path

import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from mlcore.errors import InvalidInputError

WORLD_FILES = (".wld", ".tfw", ".pgw", ".jgw", ".tifw", ".pngw", ".jpgw")
FOREIGN_FILE = re.compile(r"PARAMETERFILE|PROJ4_GRIDS|(grids|file|model|init)\s*=(?!@null[\s\"])", re.IGNORECASE)
"""How a reference system names a file, which PROJ would open: a path of this machine, or an address."""


def read_georeference(data: rasterio.DatasetReader, path: Path) -> tuple[CRS, Affine]:
    """Reference system and transform of a raster.

    Raises:
        InvalidInputError: one of them is missing, damaged, or reaches for other files.
    """
    source, crs = data.transform, data.crs
    if not _placed(source):
        source = _world_file(path) or source
    if crs is None and _placed(source):
        crs = _projection_file(path)
    if crs is None or not _placed(source):
        raise InvalidInputError(
            f"{path.name} has no georeference: set one with gdal_translate -a_srs EPSG:... -a_ullr ..."
        )
    return crs, source


def _check_no_foreign_files(text: str, path: Path) -> None:
    """Before PROJ sees the text: it opens such files already when it reads or writes WKT."""
    if FOREIGN_FILE.search(text):
        raise InvalidInputError(
            f"{path.name} has a reference system that needs another file: reproject it with gdalwarp -t_srs EPSG:3857"
        )


def _placed(source: Affine) -> bool:
    """Whether a transform is more than the one GDAL gives to an image without any."""
    return source != Affine.identity() and abs(source.determinant) > 1e-18


def _world_file(path: Path) -> Affine | None:
    """The six numbers of a world file beside the image; they name the centre of the first pixel."""
    for suffix in WORLD_FILES:
        beside = path.with_suffix(suffix)
        if beside.is_file() and beside.stat().st_size < 4096:
            try:
                a, d, b, e, c, f = (float(word) for word in beside.read_text("ascii").split())
            except (ValueError, UnicodeDecodeError) as error:
                raise InvalidInputError(f"{beside.name} is not a world file: it needs six numbers") from error
            return Affine(a, b, c - a / 2 - b / 2, d, e, f - d / 2 - e / 2)
    return None


def _projection_file(path: Path) -> CRS | None:
    """The reference system of a .prj beside the image, in WKT only: names and addresses are not looked up."""
    beside = path.with_suffix(".prj")
    if not beside.is_file() or beside.stat().st_size > 16_384:
        return None
    text = beside.read_text("utf-8", errors="replace").strip()
    if not re.match(r"(PROJCS|GEOGCS|PROJCRS|GEOGCRS)\[", text):
        raise InvalidInputError(f"{beside.name} holds no WKT: write it with gdalsrsinfo -o wkt_esri")
    _check_no_foreign_files(text, beside)
    try:
        return CRS.from_wkt(text)
    except CRSError as error:
        raise InvalidInputError(f"{beside.name} holds damaged WKT: write it with gdalsrsinfo -o wkt_esri") from error
