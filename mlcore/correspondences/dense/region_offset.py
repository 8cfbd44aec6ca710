"""The one offset of a whole region: said once, instead of a thousand times."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from mlcore.correspondences.dense.neighbours import weighted_median
from mlcore.correspondences.dense.shift import LEAST_CONFIDENCE, OWN, RIGHT_M, Shift

NOTABLE_M = 0.5  # less is what digitising and orthophotos differ by anyway
LEAST_SHARE = 0.5  # of the tiles that measured a shift must agree before it is the region's
LEAST_TILES = 3


@dataclass(frozen=True)
class RegionOffset:
    """How far the image lies from the map in a whole region.

    Attributes:
        east_m, north_m: the move that brings the map onto the image, metres on the ground.
        confidence: 0..1; how surely one offset holds for the region.
        tiles: tiles whose own shift agrees with it, within RIGHT_M.
        of: all tiles that were asked.
    """

    east_m: float
    north_m: float
    confidence: float
    tiles: int
    of: int

    @property
    def metres(self) -> float:
        return math.hypot(self.east_m, self.north_m)

    @property
    def notable(self) -> bool:
        """Whether people should hear of it: far enough, and what most tiles say."""
        return self.metres >= NOTABLE_M and self.confidence >= LEAST_SHARE and self.tiles >= LEAST_TILES


def region_offset(
    shifts: Collection[Shift], resolution_m: float, least_confidence: float = LEAST_CONFIDENCE
) -> RegionOffset:
    """The offset that most tiles share: a weighted median, then the mean of those that agree with it.

    Args:
        shifts: shifts of tiles; those taken from elsewhere, or less sure than `least_confidence`, have no vote.
        resolution_m: metres per pixel of the shifts.

    Returns:
        An offset of 0 with confidence 0 where no tile has a vote.
    """
    votes = [shift for shift in shifts if shift.origin in OWN and shift.confidence >= least_confidence]
    if not votes:
        return RegionOffset(0.0, 0.0, 0.0, 0, len(shifts))
    places = np.array([shift.metres(resolution_m) for shift in votes])
    weights = np.array([shift.confidence for shift in votes])
    middle = np.array([weighted_median(places[:, axis], weights) for axis in (0, 1)])
    agree = np.hypot(*(places - middle).T) <= RIGHT_M
    if agree.any():
        middle = np.average(places[agree], axis=0, weights=weights[agree])
    share = float(weights[agree].sum() / weights.sum())
    # one tile alone says little of a region, however sure it is
    known = 1 - float(np.prod(1 - weights[agree])) if agree.any() else 0.0
    return RegionOffset(float(middle[0]), float(middle[1]), share * known, int(agree.sum()), len(shifts))
