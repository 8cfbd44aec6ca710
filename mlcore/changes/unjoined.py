"""Things on bare ground before their shape with the building that they lean on is made: most are no change."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
from shapely import Polygon

from mlcore.changes.figures import columns
from mlcore.changes.untraced import DrawnFootprint
from mlcore.changes.verdicts import VerdictsOf
from mlcore.geometry.webmercator import TileAddress

ALONE = {"abutting": 0.0, "wall": 1.0, "joined": 0.0, "neighbour_mean": 0.5, "relative_area": 0.0}
"""Figures about a footprint beside it where none is near."""
JOINED, CLAIMS = np.linspace(0.1, 1.0, 7).tolist(), (0.0, 0.5, 1.0)
"""What the figures may come to that are known last."""
GROUND_FIGURES = (
    "mean", "high_share", "log_area", "width_m", "solidity", "touching", "outline", "contrast", "covered", "claimed",
    "abutting", "wall", "joined", "neighbour_mean", "relative_area",
)  # fmt: skip


class Leaning(NamedTuple):
    """The footprint that something on bare ground leans on, and the figures that need no shape of both as one.

    Attributes:
        shape: of the footprint, in pixels of the window.
    """

    drawn: DrawnFootprint
    shape: Polygon
    figures: dict[str, float]


class Asked(NamedTuple):
    """Which things on bare ground are measured: on some tiles alone, and what some verdicts could call missing."""

    tiles: Collection[TileAddress] | None
    verdicts_of: VerdictsOf | None
    least: float

    def may_be_missing(self, tile: TileAddress, figures: dict[str, float], leaning: Leaning | None) -> bool:
        """Whether the verdicts of a tile may find it so likely, whatever shape it makes with what it leans on.

        Most of what stands bare is a strip along a wall that is drawn a little off, and the shape of both as one
        building takes a good part of comparing a block.
        """
        if self.verdicts_of is None:
            return True
        rows = [figures | ALONE | {"claimed": claim} for claim in CLAIMS]
        beside = [] if leaning is None else [
            figures | leaning.figures | {"joined": joined, "claimed": claim} for joined in JOINED for claim in CLAIMS
        ]  # fmt: skip
        measured = np.stack([columns(GROUND_FIGURES, **row) for row in (*rows, *beside)])
        said = np.mean([verdicts.ground_chances(measured) for verdicts in self.verdicts_of(tile)], axis=0)
        missing = said[:, 1] + np.where(np.arange(len(said)) < len(rows), 0, said[:, 2])
        return bool(missing.max() >= self.least)
