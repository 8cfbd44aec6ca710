"""A classifier that says the same of everything, for tests of what follows from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlcore.changes.classifiers import ChangeClassifier


class Sure(ChangeClassifier):
    """Says `ground` of everything on bare ground, and `footprints` of every footprint: unchanged."""

    def __init__(self, *ground: float, footprints: Sequence[float] = (1.0, 0.0, 0.0)) -> None:
        super().__init__()
        self.chances, self.footprint_chances = ground, footprints

    def classify_footprints(self, measures) -> np.ndarray:
        return np.tile(self.footprint_chances, (len(measures), 1))

    def classify_ground(self, measures) -> np.ndarray:
        return np.tile(self.chances, (len(measures), 1))
