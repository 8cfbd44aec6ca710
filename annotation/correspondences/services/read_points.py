"""A file of control points as what a person may answer with; nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from math import dist
from typing import Any

from annotation.correspondences import engine, selectors
from annotation.correspondences.models import ControlPoint, Correspondences, TransformKind
from annotation.tiles.engine import tile_address

SAME_PX = 0.02
"""Files round places: a point that lies no farther from one of the matcher's is that one."""


@dataclass(frozen=True)
class ReadPoints:
    """What a file says: the payload of an adjusted answer, and what its points come to."""

    payload: dict[str, Any]
    correction: engine.Correction


def read_points(row: Correspondences, given: engine.GivenFile, kind: str = "") -> ReadPoints:
    """The points of a file as an answer on this proposal would say them, fitted and checked as it would be.

    Args:
        row: with its pair's tile.
        kind: of the transform to fit; empty: the proposal's, or a similarity where it has none.

    Raises:
        BadPointsFileError: it is no file of points.
        BadPointsError: its points lie off the tile, or no transform of a map fits them.
    """
    tile = tile_address(row.tile)
    payload = engine.payload_of(given, tile, kind or row.transform_kind or TransformKind.SIMILARITY.value)
    engine.checked_correction(payload, tile)  # what is wrong is told by the number of the row
    payload["points"] = _numbered(payload["points"], selectors.points_of(row.pk, corrected=False))
    return ReadPoints(payload, engine.checked_correction(payload, tile))


def _numbered(listed: list[dict[str, Any]], proposed: list[ControlPoint]) -> list[dict[str, Any]]:
    """The points of a file under the numbers of the matcher's points that they are; others get numbers of their own."""
    left = {point.number: point for point in proposed}
    after = count(max(left, default=0) + 1)
    numbered = []
    for one in listed:
        same = next((number for number, point in left.items() if _is(one, point)), None)
        if same is not None:
            del left[same]
        numbered.append({**one, "number": next(after) if same is None else same})
    return sorted(numbered, key=lambda one: one["number"])


def _is(one: dict[str, Any], point: ControlPoint) -> bool:
    return max(dist(one["map_xy"], point.map_xy), dist(one["image_xy"], point.image_xy)) <= SAME_PX
