"""Control points as hypothesis draws them, and QGIS's own reader written down from its published source."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rasterio.crs import CRS

from mlcore.correspondences.exchange.control_points import ControlPoints, PlacedTransform
from mlcore.geometry.transform import Transform, TransformKind

SIZE = (640, 480)
unhurried = settings(deadline=None, max_examples=60)
"""For properties that write files or ask PROJ, which is slow the first time."""
SYSTEMS = {
    4326: ((-179.0, 179.0), (-84.0, 84.0)),
    3857: ((-2e7, 2e7), (-2e7, 2e7)),
    32633: ((2e5, 8e5), (0.0, 9e6)),
    2953: ((2.4e6, 2.7e6), (7.2e6, 7.6e6)),  # named north, east
}


def numbers(low: float, high: float, count: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float64, count, elements=st.floats(low, high, allow_subnormal=False))


@st.composite
def control_points(
    draw: st.DrawFn, least: int = 1, systems: tuple[int | None, ...] = (*SYSTEMS, None)
) -> ControlPoints:
    count = draw(st.integers(least, 12))
    number = draw(st.sampled_from(systems))
    (west, east), (south, north) = SYSTEMS[number] if number else ((0.0, 900.0), (-900.0, 0.0))
    return ControlPoints.of(
        np.column_stack([draw(numbers(0, SIZE[0], count)), draw(numbers(0, SIZE[1], count))]),
        np.column_stack([draw(numbers(west, east, count)), draw(numbers(south, north, count))]),
        CRS.from_epsg(number) if number else None,
        enabled=draw(arrays(bool, count)),
        roles=draw(st.lists(st.sampled_from(["fit", "check"]), min_size=count, max_size=count)),
        residuals_px=np.column_stack([draw(numbers(-50, 50, count)), draw(numbers(-50, 50, count))]),
    )


def placed(kind: TransformKind, parameters: list[float]) -> PlacedTransform:
    """At 500000, 6000000 with map pixels of half a metre."""
    count = len(parameters)
    grid = np.array([[0.5, 0, 500_000], [0, -0.5, 6_000_000]])
    return PlacedTransform(Transform(kind, np.array(parameters), np.zeros((count, count))), grid)


def read_as_qgis(text: str) -> tuple[str | None, list[tuple[float, float, float, float, bool]]]:
    """What QGIS 3.26 and later makes of a file: `QgsGCPList::loadGcps`, rule by rule.

    Returns:
        The text of the reference system, and per point map x, y, source x, y, and whether it is on.
    """
    lines = text.split("\n")
    if lines[-1] == "":  # QTextStream is at its end after the last line break
        lines.pop()
    crs = None
    first = lines.pop(0)
    if "#CRS: " in first:
        crs = first.replace("#CRS: ", "")
        lines.pop(0)
    points = []
    for number, line in enumerate(lines):
        words = line.split("," if "," in line else "\t")
        if len(words) < 4:
            raise ValueError(f"Malformed content at line {number}")
        map_x, map_y, source_x, source_y = (_to_double(word) for word in words[:4])
        points.append((map_x, map_y, source_x, source_y, len(words) < 5 or _to_int(words[4]) != 0))
    return crs, points


def _to_double(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return 0.0


def _to_int(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        return 0
