"""`-gcp` arguments of GDAL's tools as a text, as `gcp_text` writes them and people keep them in scripts.

Source of the format: GDAL's manual of gdal_translate, `-gcp <pixel> <line> <easting> <northing> [<elevation>]` and
`-a_srs <srs_def>`. Everything else in the text (the tool's name, files, other options) is passed over.
"""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np

from mlcore.correspondences.exchange.control_points import LARGEST, MOST_POINTS, ControlPoints
from mlcore.correspondences.exchange.qgis import MOST_BYTES, number_of
from mlcore.correspondences.exchange.reference_system import crs_of_text
from mlcore.errors import InvalidInputError

MARK, SYSTEM = "-gcp", "-a_srs"
NUMBERS = 4
"""Pixel, line, easting, northing; an elevation after them is passed over."""


def read_gcp_list(path: Path) -> ControlPoints:
    """The points of a text with `-gcp` arguments, all of them to be fitted.

    Raises:
        InvalidInputError: the text is too long, no text, its quotes are open, or a point is none.
    """
    words = _words(path)
    crs = None
    if SYSTEM in words[:-1]:
        crs = crs_of_text(words[words.index(SYSTEM) + 1], path.name)
    starts = [place for place, word in enumerate(words) if word == MARK]
    if not starts or len(starts) > MOST_POINTS:
        count = f"over {MOST_POINTS:,}" if starts else "no"
        raise InvalidInputError(f"{path.name} has {count} {MARK} arguments: give some, {MOST_POINTS:,} at most")
    rows = [_row(words[start + 1 : start + 1 + NUMBERS], number, path) for number, start in enumerate(starts, 1)]
    table = np.array(rows, np.float64)
    return ControlPoints.of(table[:, :2], table[:, 2:], crs)


def _words(path: Path) -> list[str]:
    if not path.is_file():
        raise InvalidInputError(f"there is no file {path.name!r} with control points: check the path")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InvalidInputError(f"{path.name} is larger than {MOST_BYTES // 1024**2} MB: is it a list of points?")
    try:
        return shlex.split(content.decode("utf-8-sig"), comments=True)
    except ValueError as error:  # UnicodeDecodeError is one, too
        raise InvalidInputError(f"{path.name} is no list of arguments in UTF-8 ({error}): write it again") from error


def _row(words: list[str], number: int, path: Path) -> list[float]:
    row = [number_of(word) for word in words]
    if len(row) != NUMBERS or not all(abs(one) <= LARGEST for one in row):  # false for what is not a number, too
        raise InvalidInputError(
            f"{path.name}, point {number}: {MARK} needs pixel, line, easting and northing as finite numbers"
        )
    return row
