"""What is usual in a place: a footprint's figures say more beside those of all that the place's map has.

Of a network that never saw a place, a mean evidence of 0.3 under a footprint is a demolished building where nine in ten
have 0.9, and nothing to wonder at where half of them have less. That takes a map most of whose footprints stand, as
nearly all do. Of bare ground nothing is usual: where a map lacks much, most of what stands there is missing buildings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlcore.changes.untraced import FOOTPRINT_FIGURES, GAIN, IOU, MOVED

STRANGE = [column for column in range(len(FOOTPRINT_FIGURES)) if column not in (IOU, GAIN, MOVED)]
"""The figures that say how strange a footprint is: all that are the same whether it was traced or not."""
STRANGEST = 6.0  # spreads from the middle: what is stranger counts as no stranger
LEAST_SPREAD = 1e-2
LEAST = 12  # footprints of which something is usual
OUTER, SPREADS = (10, 90), 2.56  # percentiles, and how many standard deviations lie between them if all is normal


@dataclass(frozen=True)
class Usual:
    """The middle and the spread of figures among the footprints of a place.

    Attributes:
        middle, spread: (len(STRANGE),) float64.
    """

    middle: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, measured: Sequence[np.ndarray]) -> Usual | None:
        """From (len(FOOTPRINT_FIGURES),) figures of each, of which a tenth may be as odd as they like; None of few."""
        if len(measured) < LEAST:
            return None
        figures = np.stack(measured)[:, STRANGE]
        low, high = np.percentile(figures, OUTER, axis=0)
        return cls(np.median(figures, axis=0), np.maximum((high - low) / SPREADS, LEAST_SPREAD))

    def beside(self, figures: np.ndarray) -> np.ndarray:
        """(..., F) figures -> (..., F + len(STRANGE)): themselves, and how many spreads some lie from the middle."""
        strange = np.clip((figures[..., STRANGE] - self.middle) / self.spread, -STRANGEST, STRANGEST)
        return np.concatenate([figures, strange], axis=-1)
