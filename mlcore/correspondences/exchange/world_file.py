"""World files: the affine from pixels to coordinates in six lines (ESRI; GDAL's raster data model, "World files")."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mlcore.correspondences.exchange.control_points import ControlPoints
from mlcore.errors import InvalidInputError
from mlcore.files import whole_file

SUFFIXES = {".tif": ".tfw", ".tiff": ".tfw", ".png": ".pgw", ".jpg": ".jgw", ".jpeg": ".jgw"}


def world_file_text(points: ControlPoints) -> str:
    """The six numbers: A, D, B, E of x = A column + B row + C and y = D column + E row + F, then the place (C, F) of
    the centre of the first pixel, whose outer corner is (0, 0) here.

    Raises:
        InvalidInputError: there is no transform, or a homography, which six numbers can't say.
    """
    if points.placed is None:
        raise InvalidInputError("a world file says a transform: fit one to the points first, or write QGIS .points")
    if points.placed.transform.kind == "homography":
        raise InvalidInputError(
            "a world file can't say a homography: fit an affine, or write the points for QGIS or GDAL and warp the "
            "image with gdalwarp -tps"
        )
    (a, b, _), (d, e, _), _ = matrix = points.placed.image_to_map
    c, f, _ = matrix @ np.array([0.5, 0.5, 1.0])
    return "".join(f"{float(number)!r}\n" for number in (a, d, b, e, c, f))


def write_world_file(points: ControlPoints, image: Path) -> list[Path]:
    """Write the world file beside the image, and a .prj (ESRI's WKT) where the reference system is known.

    Args:
        image: the image file; it need not be there yet.

    Returns:
        The files written.

    Raises:
        InvalidInputError: as of `world_file_text`.
    """
    texts = {image.with_suffix(SUFFIXES.get(image.suffix.lower(), ".wld")): world_file_text(points)}
    if points.crs is not None:
        texts[image.with_suffix(".prj")] = points.crs.to_wkt(version="WKT1_ESRI") + "\n"
    for path, text in texts.items():
        with whole_file(path) as scratch:
            scratch.write_text(text, encoding="ascii", errors="replace")
    return list(texts)
