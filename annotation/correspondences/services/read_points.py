"""A file of control points as what a person may answer with; nothing is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from annotation.correspondences import engine
from annotation.correspondences.models import Correspondences, TransformKind
from annotation.tiles.engine import tile_address


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
    tile = tile_address(row.pair.tile)
    payload = engine.payload_of(given, tile, kind or row.transform_kind or TransformKind.SIMILARITY.value)
    return ReadPoints(payload, engine.checked_correction(payload, tile))
