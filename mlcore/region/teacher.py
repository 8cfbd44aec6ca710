"""Examples that classifiers are fitted on: simulated edits, and what people said of the map as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlcore.changes.candidate import same_shape
from mlcore.changes.classifiers import Classifier, fit_classifier
from mlcore.changes.diff import Measures
from mlcore.changes.measure import FootprintMeasure
from mlcore.changes.usual import Usual
from mlcore.geometry.webmercator import TileAddress
from mlcore.region.decided import SAID_WEIGHT, Said

if TYPE_CHECKING:
    from mlcore.region.calibrate import Edition, Suspects


BALANCE = 0.5
"""Of many places each counts as the root of how many examples it has, so that none drowns the others."""


@dataclass
class Examples:
    """Figures, class numbers and weights of measured things, and the number of the place of each."""

    figures: list[np.ndarray] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)

    def add(self, figures: np.ndarray, label: int, weight: float = 1.0, place: int = 0) -> None:
        self.figures.append(figures)
        self.labels.append(label)
        self.weights.append(weight)
        self.places.append(place)

    @property
    def classes(self) -> int:
        """How many different labels there are."""
        return len(set(self.labels))

    def fit(self, classes: int, seed: int) -> Classifier:
        weights, counts = np.array(self.weights), np.bincount(self.places)
        if len(counts) > 1:
            weights = weights * counts[self.places] ** -BALANCE
        alike = bool((weights == 1.0).all())
        return fit_classifier(
            np.stack(self.figures), np.array(self.labels), classes, seed=seed, weights=None if alike else weights
        )


class Teacher:
    """Gives each fold's classifier the examples of the other folds' tiles.

    Args:
        editions: the map with simulated edits, measured.
        base: measures of the unedited map.
        said: people's answers; where they spoke, the simulation's guess that nothing changed is no example.
        usual_by_tile: what is usual in the place of a tile, where that is taught as well (`mlcore.changes.usual`).
    """

    def __init__(
        self,
        editions: Sequence[Edition],
        base: Sequence[Measures],
        said: Said,
        fold_of: Mapping[TileAddress, int],
        usual_by_tile: Mapping[TileAddress, Usual] | None = None,
    ) -> None:
        self.editions, self.base, self.said, self.fold_of = editions, base, said, fold_of
        self.usual_by_tile = usual_by_tile
        numbers: dict[int, int] = {}
        self.place_of = {tile: numbers.setdefault(id(one), len(numbers)) for tile, one in (usual_by_tile or {}).items()}
        self.weight = SAID_WEIGHT * max(1, len(editions))

    def footprints(self, without: int, suspects: Suspects) -> Examples:
        """Footprints of every fold but one."""
        examples = Examples()
        for edition in self.editions:
            measures = [measure for block in edition.measures for measure in block.footprints]
            for measure, label in zip(measures, edition.footprint_labels, strict=True):
                key = measure.feature.key
                doubtful = key in suspects.keys or self.said.holds(key)
                if self.fold_of[measure.tile] != without and (label or not doubtful):
                    examples.add(self._of_footprint(measure), label, place=self.place_of.get(measure.tile, 0))
        for measure in (measure for block in self.base for measure in block.footprints):
            said = self.said.footprint_label(measure) if self.fold_of[measure.tile] != without else None
            if said is not None:
                examples.add(self._of_footprint(measure), said, self.weight)
        return examples

    def grounds(self, without: int, suspects: Suspects) -> Examples:
        """Bare ground of every fold but one."""
        examples = Examples()
        for edition in self.editions:
            grounds = [ground for block in edition.measures for ground in block.ground]
            for ground, label in zip(grounds, edition.ground_labels, strict=True):
                if self.fold_of[ground.tile] == without:
                    continue
                key = ground.adjacent.feature.key if ground.adjacent is not None else None
                doubtful = (
                    key in suspects.keys or self.said.holds(key) or self.said.covers(ground.proposal)
                    or any(same_shape(ground.proposal, shape) for shape in suspects.shapes)
                )  # fmt: skip
                if label or not doubtful:
                    examples.add(ground.figures, label, place=self.place_of.get(ground.tile, 0))
        for ground in (ground for block in self.base for ground in block.ground):
            said = self.said.ground_label(ground) if self.fold_of[ground.tile] != without else None
            if said is not None:
                examples.add(ground.figures, said, self.weight)
        return examples

    def _of_footprint(self, measure: FootprintMeasure) -> np.ndarray:
        figures = measure.figures
        return figures if self.usual_by_tile is None else self.usual_by_tile[measure.tile].beside(figures)
