"""Reference systems as files name them: a name of a register or WKT, and nothing that reaches for another file."""

from __future__ import annotations

import re

from rasterio.crs import CRS

from mlcore.errors import InvalidInputError
from mlcore.imagery.gdal import GDAL_ERRORS
from mlcore.imagery.georeference import horizontal_part
from mlcore.imagery.side_files import FOREIGN_FILE, WKT

MOST_CHARACTERS = 16_384
NAME = re.compile(r"(EPSG|ESRI|OGC|IGNF|IAU_2015):[A-Za-z0-9_.]{1,32}\Z")


def crs_of_text(text: str, what: str) -> CRS | None:
    """The reference system of a line of text, without a part for heights; None for an empty one.

    Args:
        what: the file, for the message.

    Raises:
        InvalidInputError: it is neither a name nor WKT, is damaged, or names another file.
    """
    text = text.strip()
    if not text:
        return None
    remedy = "set the target CRS in the georeferencer's transformation settings and save the points again"
    if len(text) > MOST_CHARACTERS or not (NAME.match(text) or WKT.match(text)) or FOREIGN_FILE.search(text):
        raise InvalidInputError(f"{what} names no usable reference system (a name such as EPSG:4326, or WKT): {remedy}")
    try:
        return horizontal_part(CRS.from_string(text) if NAME.match(text) else CRS.from_wkt(text))
    except (*GDAL_ERRORS, ValueError) as error:
        raise InvalidInputError(f"{what} has a damaged reference system: {remedy}") from error
