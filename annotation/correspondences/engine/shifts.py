"""Transforms of pairs as the shifts that the library moves a tile's map by, and as a frozen data set keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from annotation.correspondences.engine.transforms import proposed_transform, said_transform
from annotation.correspondences.models import Correspondences
from annotation.tiles.engine import tile_address
from mlcore.correspondences.dense.neighbours import Known
from mlcore.correspondences.dense.shift import Shift, confidence_of, shift_by
from mlcore.correspondences.dense.table import ShiftTable
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress

LEAST_OF_PEOPLE = 0.95
"""Who stands by a transform is surer than its points' residuals may look."""
RIGHT_OF_MATCHERS = 0.6
"""Of matched pairs of places that were never learnt from, in the working range, so many are brought right within 0.75 m
(`benchmarks/results/matching_working.json`); the residuals of a match say nothing of a match that is off as a whole."""


def known_shifts(verified: Iterable[Correspondences], proposed: Iterable[Correspondences]) -> Known:
    """What people stand by and what matchers propose, by tile; of several proposals the surest."""
    said = {tile_address(row.map_pair.tile): said_transform(row) for row in verified}
    stood_by = {tile: _verified(tile, one) for tile, one in said.items() if one is not None}
    return Known(stood_by, ShiftTable(_proposed(proposed)))


def _proposed(rows: Iterable[Correspondences]) -> Iterator[tuple[TileAddress, Shift]]:
    for row in rows:
        tile, transform = tile_address(row.map_pair.tile), proposed_transform(row)
        if transform is not None:
            sure = RIGHT_OF_MATCHERS * confidence_of(transform, tile.resolution_m())
            yield tile, shift_by(transform, sure, "matched")


def _verified(tile: TileAddress, transform: Transform) -> Shift:
    return shift_by(transform, max(confidence_of(transform, tile.resolution_m()), LEAST_OF_PEOPLE), "verified")


def frozen_transforms(transforms: Mapping[TileAddress, Transform]) -> list[list[Any]]:
    """[z, x, y, kind, parameters, covariance] of every tile, in the order of the tiles."""
    return [
        [tile.z, tile.x, tile.y, one.kind, one.parameters.tolist(), one.covariance.tolist()]
        for tile, one in sorted(transforms.items())
    ]


def thawed_shifts(frozen: Sequence[Sequence[Any]]) -> Known:
    """What `frozen_transforms` wrote, as what people stand by."""
    shifts = {}
    for z, x, y, kind, parameters, covariance in frozen:
        tile = TileAddress(z, x, y)
        shifts[tile] = _verified(tile, Transform(kind, np.array(parameters), np.array(covariance)))
    return Known(shifts)
