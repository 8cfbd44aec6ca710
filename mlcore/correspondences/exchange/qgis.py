"""`.points` of QGIS's georeferencer, written as QGIS writes them and read as it reads them, but for what it guesses.

Source of the format: QGIS, `QgsGCPList::saveGcps` and `loadGcps` (src/app/georeferencer/qgsgcplist.cpp, 3.26 on):

    #CRS: <WKT>
    mapX,mapY,sourceX,sourceY,enable,dX,dY,residual

`sourceX, sourceY` are coordinates of the source layer: of an image without georeference column and minus row, from the
outer corner of the first pixel. Before 3.26 the two columns are called `pixelX, pixelY` and there is no CRS line; the
oldest files are parted by tabs. QGIS takes the columns in this order whatever the header says, always skips one line
as the header (a file without one loses its first point), reads a blank line as an error, a word that is no number as 0
and any `enable` but a whole number as off. Here all of these are refused or, where the header says more, obeyed.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np

from mlcore.correspondences.exchange.control_points import LARGEST, MOST_POINTS, ControlPoints
from mlcore.correspondences.exchange.reference_system import MOST_CHARACTERS, crs_of_text
from mlcore.errors import InvalidInputError
from mlcore.files import whole_file

COLUMNS = ("mapX", "mapY", "sourceX", "sourceY", "enable", "dX", "dY", "residual")
PLACES = tuple(name.lower() for name in COLUMNS[:4])
FORMER = {"pixelx": "sourcex", "pixely": "sourcey"}
CRS_MARK = "#CRS: "
MOST_BYTES = 4 * 1024**2
MOST_LINE = 1024
AGAIN = "save the points again in QGIS's georeferencer"


def qgis_text(points: ControlPoints) -> str:
    """The file's content: all points, of which QGIS will fit exactly those that are fitted here.

    A check point is written as one that is off, since QGIS fits every point that is on; residuals that nobody measured
    are written as 0, as QGIS does before it has a transform.
    """
    lines = [] if points.crs is None else [CRS_MARK + points.crs.to_wkt(version="WKT2_2019")]
    lines.append(",".join(COLUMNS))
    rows = zip(points.map_xy, points.image_xy, points.fitted_mask, points.residuals_px, strict=True)
    for (x, y), (column, row), used, (dx, dy) in rows:
        off = (dx, dy, math.hypot(dx, dy)) if math.isfinite(dx + dy) else (0.0, 0.0, 0.0)
        numbers = [_written(one) for one in (x, y, column, -row)] + [str(int(used))] + [_written(one) for one in off]
        lines.append(",".join(numbers))
    return "\n".join(lines) + "\n"


def write_qgis_points(points: ControlPoints, path: Path) -> None:
    """`qgis_text` as a file."""
    with whole_file(path) as scratch:
        scratch.write_bytes(qgis_text(points).encode())


def read_qgis_points(path: Path, image_size: tuple[int, int] | None = None) -> ControlPoints:
    """The points of a file of any version of QGIS.

    Points that are off come as fit points that are not enabled. `dX` and `dY` are taken for pixels of the image, which
    QGIS writes unless its settings ask for units of the map.

    Args:
        image_size: width and height of the image, to refuse points that lie elsewhere.

    Raises:
        InvalidInputError: the file is too long, no text, has other columns or numbers, or its points are not pixels.
    """
    lines = _lines(path)
    crs = None
    if lines and lines[0].startswith(CRS_MARK.strip()):
        crs = crs_of_text(lines.pop(0).removeprefix(CRS_MARK.strip()), path.name)
    mark = "\t" if lines and "\t" in lines[0] else ","
    names = [*PLACES, "enable", "dx", "dy", "residual"]
    if lines and not _is_number(lines[0].split(mark)[0]):
        names = _header(lines.pop(0).split(mark), path)
    elif lines:
        names = names[: len(lines[0].split(mark))]
    if len(lines) > MOST_POINTS:
        raise InvalidInputError(f"{path.name} has over {MOST_POINTS:,} points: keep the best of them")
    rows = [_row(line.split(mark), names, f"{path.name}, point {number}") for number, line in enumerate(lines, 1)]
    table = {name: np.array([row[name] for row in rows]) for name in names}
    image_xy = np.column_stack([table["sourcex"], -table["sourcey"]]) if rows else np.zeros((0, 2))
    _check_pixels(image_xy, image_size, path)
    has_residuals = bool(rows) and {"dx", "dy"} <= set(names)
    return ControlPoints.of(
        image_xy,
        np.column_stack([table["mapx"], table["mapy"]]) if rows else np.zeros((0, 2)),
        crs,
        enabled=table["enable"] > 0 if rows and "enable" in names else None,
        residuals_px=np.column_stack([table["dx"], table["dy"]]) if has_residuals else None,
    )


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise InvalidInputError(f"there is no file {path.name!r} with control points: check the path")
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InvalidInputError(
            f"{path.name} is larger than {MOST_BYTES // 1024**2} MB: is it a file of control points?"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path.name} is no text in UTF-8: {AGAIN}") from error
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    allowed = MOST_CHARACTERS + len(CRS_MARK)
    if any(len(line) > (allowed if number == 0 else MOST_LINE) for number, line in enumerate(lines)):
        raise InvalidInputError(f"{path.name} has a line that is too long for a control point: {AGAIN}")
    return lines


def _header(words: list[str], path: Path) -> list[str]:
    """Names of the columns, those of former versions by their present names."""
    names = [FORMER.get(name, name) for name in (word.strip().lower() for word in words)]
    twice = {one for one, other in pairwise(sorted(names)) if one == other}
    if twice or not set(PLACES) <= set(names):
        raise InvalidInputError(
            f"{path.name} has other columns than {', '.join(COLUMNS[:4])} (or pixelX, pixelY), once each: {AGAIN}"
        )
    return names


def _row(words: list[str], names: list[str], where: str) -> dict[str, float]:
    if len(words) != len(names) or len(words) < len(PLACES):
        raise InvalidInputError(
            f"{where} has {len(words)} columns in place of {max(len(names), len(PLACES))}: part columns by commas and "
            "write numbers with decimal points"
        )
    row = {}
    for name, word in zip(names, words, strict=True):
        if name not in {*PLACES, "enable", "dx", "dy"}:
            row[name] = 0.0
            continue
        row[name] = number_of(word)
        residual = name in ("dx", "dy")
        if residual and not abs(row[name]) <= LARGEST:
            row[name] = math.nan
        if not (residual or abs(row[name]) <= LARGEST):  # false for what is not a number, too
            raise InvalidInputError(
                f"{where}: {word.strip()[:40]!r} is no {name}; write finite numbers, decimal points"
            )
        if name == "enable" and row[name] not in (0.0, 1.0):
            raise InvalidInputError(f"{where}: enable is {word.strip()[:40]!r}, not 0 or 1: {AGAIN}")
    return row


def number_of(word: str) -> float:
    """The number of a word, not a number where it is none: Python's underscores and other digits are none here."""
    try:
        return float(word) if word.isascii() and "_" not in word else math.nan
    except ValueError:
        return math.nan


def _is_number(word: str) -> bool:
    """Whether a line begins as a point does; "nan" does, and is refused as a point."""
    return not math.isnan(number_of(word)) or word.strip().lower().lstrip("+-") == "nan"


def _written(number: float) -> str:
    return repr(float(number) + 0.0)  # no -0.0


def _check_pixels(image_xy: np.ndarray, image_size: tuple[int, int] | None, path: Path) -> None:
    if not len(image_xy):
        return
    outside = (image_xy < 0).any(axis=1)
    if image_size is not None:
        outside |= (image_xy > np.array(image_size)).any(axis=1)
    if 2 * outside.sum() > len(image_xy):
        raise InvalidInputError(
            f"{path.name} has most of its points outside of the image: sourceX and sourceY are column and minus row. "
            "Of an image that had a georeference they are coordinates: georeference a copy without it"
        )
