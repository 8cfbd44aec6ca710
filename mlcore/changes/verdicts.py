"""What fitted classifiers say of figures, in plain arrays: the same in every process, and none needs PyTorch for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mlcore.geometry.webmercator import TileAddress

if TYPE_CHECKING:
    from mlcore.changes.usual import Usual

FARTHEST = 4.0
"""Spreads from the mean: figures beyond count as no farther."""


@dataclass(frozen=True)
class PlainClassifier:
    """A classifier of one hidden layer beside a direct one, or of the direct one alone.

    Attributes:
        mean, spread: (F,) of the figures.
        direct: (C, F) weights and (C,) biases.
        hidden: (H, F), (H,), (C, H), (C,): weights and biases to the hidden layer and from it; None: there is none.
    """

    mean: np.ndarray
    spread: np.ndarray
    direct: tuple[np.ndarray, np.ndarray]
    hidden: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None = None

    def probabilities(self, figures: np.ndarray) -> np.ndarray:
        """(N, F) figures -> (N, C) probabilities."""
        x = np.clip((figures.astype(np.float32) - self.mean) / self.spread, -FARTHEST, FARTHEST)
        logits = _layer(x, *self.direct)
        if self.hidden is not None:
            into, into_bias, out_of, out_bias = self.hidden
            logits = logits + _layer(np.tanh(_layer(x, into, into_bias)), out_of, out_bias)
        likely = np.exp(logits - logits.max(axis=1, keepdims=True))
        return likely / likely.sum(axis=1, keepdims=True)


def _layer(x: np.ndarray, weights: np.ndarray, biases: np.ndarray) -> np.ndarray:
    # a plain sum: a product of matrices would round by how many threads and rows there are
    return np.einsum("nf,cf->nc", x, weights) + biases


class Measured(Protocol):
    """What has figures."""

    @property
    def figures(self) -> np.ndarray: ...


class Verdicts(Protocol):
    """How likely footprints are to be unchanged, to be removed and to be modified, and bare ground to be nothing, a
    building that the map lacks and a part of one that it has: (N, 3) each."""

    def footprint_chances(self, figures: np.ndarray) -> np.ndarray: ...

    def ground_chances(self, figures: np.ndarray) -> np.ndarray: ...

    def classify_footprints(self, measures: Sequence[Measured]) -> np.ndarray: ...

    def classify_ground(self, measures: Sequence[Measured]) -> np.ndarray: ...


VerdictsOf = Callable[[TileAddress], Sequence[Verdicts]]
"""Those that count on a tile; the mean of their probabilities is taken."""


@dataclass(frozen=True)
class FoldVerdicts:
    """The verdicts of one fold's classifiers.

    Attributes:
        usual: in the place, for a classifier that asks how strange a footprint is there; None for those of one region,
            which know no other place.
    """

    footprint: PlainClassifier
    ground: PlainClassifier
    usual: Usual | None = None

    def footprint_chances(self, figures: np.ndarray) -> np.ndarray:
        """(N, len(FOOTPRINT_FIGURES)) -> (N, 3) probabilities of unchanged, remove, modify."""
        return self.footprint.probabilities(figures if self.usual is None else self.usual.beside(figures))

    def classify_footprints(self, measures: Sequence[Measured]) -> np.ndarray:
        """The same of N measured footprints."""
        return self.footprint_chances(_figures(measures)) if measures else np.zeros((0, len(self.footprint.direct[1])))

    def ground_chances(self, figures: np.ndarray) -> np.ndarray:
        """(N, len(GROUND_FIGURES)) -> (N, 3) probabilities of nothing, a building that the map lacks, a part of one
        that it has."""
        return self.ground.probabilities(figures)

    def classify_ground(self, measures: Sequence[Measured]) -> np.ndarray:
        """The same of N things measured on bare ground."""
        return self.ground_chances(_figures(measures)) if measures else np.zeros((0, len(self.ground.direct[1])))


def _figures(measures: Sequence[Measured]) -> np.ndarray:
    return np.stack([one.figures for one in measures])


@dataclass(frozen=True)
class VerdictsByTile:
    """Whose verdicts count on a tile: those of its fold, or of all on a tile that none has seen."""

    folds: Sequence[FoldVerdicts]
    fold_by_tile: Mapping[TileAddress, int]

    def __call__(self, tile: TileAddress) -> Sequence[FoldVerdicts]:
        fold = self.fold_by_tile.get(tile)
        return self.folds if fold is None else [self.folds[fold]]
