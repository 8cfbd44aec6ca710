"""Where a map picture that had no place lies on the ground: the middles of its pairs as control points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.correspondences.exchange.control_points import ControlPoints
from mlcore.correspondences.exchange.gdal_points import gcp_text
from mlcore.correspondences.exchange.qgis import write_qgis_points
from mlcore.files import whole_file
from mlcore.imagery.georeference import MERCATOR

MOST_LISTED = 300
"""GDAL fits a spline to all that are listed, and a line of the shell has an end."""
MOST_NAME_BYTES = 160
Middle = tuple[float, float, float, float]


def middle_of(line: dict[str, Any]) -> Middle:
    """x, y of the map and x, y of the image, pixels of the whole pictures, of a line of the proposals."""
    window = line["window"]
    x, y = (window[side] + window["side"] / 2 for side in ("left", "top"))
    place = np.linalg.inv(np.array(line["map_to_image"])) @ np.array([x, y, 1.0])
    return float(place[0] / place[2]), float(place[1] / place[2]), float(x), float(y)


def place_map(
    middles: Sequence[Middle], to_mercator: Callable[[np.ndarray], np.ndarray], name: str, out: Path
) -> list[Path]:
    """Write `NAME.points`, which QGIS takes with the map picture of that name, and a line of gdal_translate.

    Args:
        to_mercator: (N, 2) pixels of the image -> EPSG:3857.
    """
    if not middles:
        return []
    chosen = np.unique(np.linspace(0, len(middles) - 1, min(MOST_LISTED, len(middles))).round().astype(int))
    places = np.array(middles)[chosen]
    points = ControlPoints.of(places[:, :2], to_mercator(places[:, 2:]), MERCATOR)
    short = name.encode()[:MOST_NAME_BYTES].decode(errors="ignore")  # a whole title may be no file's name
    listed, line = out / f"{short}.points", out / f"{short}-gcps.txt"
    write_qgis_points(points, listed)
    with whole_file(line) as scratch:
        scratch.write_text(gcp_text(points, name, f"{Path(name).stem}-placed.tif"), encoding="utf-8")
    return [listed, line]
