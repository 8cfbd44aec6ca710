"""Reads what lies beside a raster: a world file and a .prj, whatever letters their names are written in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from mlcore.errors import InvalidInputError

WORLD_FILES = (".wld", ".tfw", ".tifw", ".tiffw", ".pgw", ".pngw", ".jgw", ".jpgw", ".jpegw")
WORLD_BYTES, PRJ_BYTES, PAM_BYTES = 4096, 16_384, 1 << 20
PLACED = re.compile(rb"<(SRS|GeoTransform|GCPList|NoDataValue)[\s>]")
"""What makes a difference in a side file of GDAL; statistics alone do not."""
WKT = re.compile(r"(PROJCS|GEOGCS|COMPD_CS|PROJ(ECTED)?CRS|GEOG(RAPHIC)?CRS|GEOD(ETIC)?CRS|COMPOUNDCRS)\s*[\[(]", re.I)
ESRI_HEIGHT = re.compile(r",\s*VERTCS\s*[\[(].*\Z", re.I | re.S)
"""ESRI writes a height system behind the other one, with a comma between them and nothing around both."""
FOREIGN_FILE = re.compile(r"PARAMETERFILE|PROJ4_GRIDS|(grids|file|model|init)\s*=(?!@null[\s\"])", re.IGNORECASE)
"""How a reference system names a file, which PROJ would open: a path of this machine, or an address."""


def world_file(path: Path) -> Affine | None:
    """The six numbers of a world file beside the image; they name the centre of the first pixel."""
    found = _beside(path, WORLD_FILES, WORLD_BYTES)
    if found is None:
        return None
    words = found.read_text("utf-8-sig", errors="replace").replace(",", ".").split()
    try:
        a, d, b, e, c, f = (float(word) for word in words[:6])  # what follows the numbers is a remark, as for GDAL
    except ValueError as error:
        raise InvalidInputError(f"{found.name} is not a world file: it needs six numbers") from error
    transform = Affine(a, b, c - a / 2 - b / 2, d, e, f - d / 2 - e / 2)
    if not abs(transform.determinant) > 1e-18:
        raise InvalidInputError(f"{found.name} gives pixels no extent: write it with gdal_translate -co TFW=YES")
    return transform


def projection_file(path: Path) -> CRS | None:
    """The reference system of a .prj beside the image, in WKT only: names and addresses are not looked up."""
    found = _beside(path, (".prj",), PRJ_BYTES)
    if found is None:
        return None
    text = found.read_text("utf-8-sig", errors="replace").strip()
    if not WKT.match(text):
        raise InvalidInputError(f"{found.name} holds no WKT: write it with gdalsrsinfo -o wkt_esri")
    _check_no_foreign_files(text, found)
    try:
        return CRS.from_wkt(ESRI_HEIGHT.sub("", text))
    except CRSError as error:
        raise InvalidInputError(f"{found.name} holds damaged WKT: write it with gdalsrsinfo -o wkt_esri") from error


def unread_beside(path: Path) -> tuple[str, ...]:
    """Names of GDAL's own side files that say what the image itself does not: masks, and where it lies."""
    mask, said = path.with_name(f"{path.name}.msk"), path.with_name(f"{path.name}.aux.xml")
    found = [mask.name] if mask.is_file() else []
    if said.is_file() and not said.is_symlink():  # a link may lead anywhere
        with said.open("rb") as file:
            found += [said.name] if PLACED.search(file.read(PAM_BYTES)) else []
    return tuple(found)


def _beside(path: Path, suffixes: Iterable[str], max_bytes: int) -> Path | None:
    """The file of the image's name with one of the suffixes, the one in the very letters asked for first."""
    wanted = [path.stem + suffix for suffix in suffixes]
    order = {name.casefold(): rank for rank, name in reversed(list(enumerate(wanted)))}
    found = [
        entry
        for entry in path.parent.iterdir()
        if entry.name.casefold() in order and entry.is_file() and entry.stat().st_size < max_bytes
    ]
    same_letters = [entry for entry in found if entry.stem == path.stem] or found
    exact = [entry for entry in same_letters if entry.name in wanted] or same_letters
    return min(exact, key=lambda entry: (order[entry.name.casefold()], entry.name), default=None)


def _check_no_foreign_files(text: str, path: Path) -> None:
    """Before PROJ sees the text: it opens such files already when it reads or writes WKT."""
    if FOREIGN_FILE.search(text):
        raise InvalidInputError(
            f"{path.name} has a reference system that needs another file: reproject it with gdalwarp -t_srs EPSG:3857"
        )
