"""Footprints before the shape that the image shows of them is traced: most are as the map has them, and need none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from shapely.geometry.base import BaseGeometry

from mlcore.changes.figures import column_of
from mlcore.changes.verdicts import VerdictsOf
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.features import MapFeature

FOOTPRINT_FIGURES = (
    "mean", "best_near", "low_share", "log_area", "overlap", "outline", "shift_m", "shift_gain", "shifted_mean",
    "remove_gain", "modify_gain", "iou_with_map", "grown", "lost", "instance_grown",
    "instance_lost", "moved",
)  # fmt: skip
IOU, GAIN, MOVED = (column_of(FOOTPRINT_FIGURES, name) for name in ("iou_with_map", "modify_gain", "moved"))
STRAIGHTENED_IOU = 0.25  # by so much a traced outline's overlap differs from that of its pixels, at most
STEPS = 6
SURE = 0.8  # of the least confidence of a candidate: what may not even reach so much is left untraced


@dataclass(frozen=True)
class DrawnFootprint:
    """A footprint of the map in a window.

    Attributes:
        shape: where the image shows it, in pixels of the window.
        centre: (x, y) where the map has it: the same for every block that sees it.
    """

    feature: MapFeature
    shape: BaseGeometry
    centre: np.ndarray


@dataclass(frozen=True)
class UntracedFootprint:
    """One footprint against the image, all but the shape that it should have.

    Attributes:
        corner: (x, y) of the pixels about it, in the window.
        own, seen: (h, w) bool of these, where the map has it and where the image shows it.
        moved_px: (dx, dy) to where it fits as it is; None where it fits nowhere else better.
        figures: (len(FOOTPRINT_FIGURES),) float64 but for `iou_with_map`, which its shape decides.
    """

    drawn: DrawnFootprint
    tile: TileAddress
    corner: tuple[int, int]
    own: np.ndarray
    seen: np.ndarray
    moved_px: tuple[int, int] | None
    figures: np.ndarray

    def possible(self) -> np.ndarray:
        """(STEPS + 1, F) figures as whatever may be traced would give them; the last: nothing can be."""
        both = (self.own & self.seen).sum() / max((self.own | self.seen).sum(), 1)
        rows = np.repeat(self.figures[None], STEPS + 1, axis=0)
        rows[:, IOU] = [*np.linspace(max(both - STRAIGHTENED_IOU, 0), min(both + STRAIGHTENED_IOU, 1), STEPS), 1.0]
        rows[-1, GAIN] = 0.0
        return rows


def may_differ(
    footprints: Sequence[UntracedFootprint], verdicts_of: VerdictsOf, least: float
) -> list[UntracedFootprint]:
    """Those that any shape would make a candidate of, or that were moved.

    Args:
        verdicts_of: of a tile; the mean of their probabilities is taken.
        least: confidence of a candidate.
    """
    chances = np.zeros(len(footprints))
    for tile in {one.tile for one in footprints}:
        here = [number for number, one in enumerate(footprints) if one.tile == tile]
        rows = np.concatenate([footprints[number].possible() for number in here])
        said = np.mean([verdicts.footprint_chances(rows) for verdicts in verdicts_of(tile)], axis=0)
        chances[here] = said[:, 1:].max(axis=1).reshape(len(here), -1).max(axis=1)
    return [
        one for one, most in zip(footprints, chances, strict=True) if one.moved_px is not None or most >= SURE * least
    ]
