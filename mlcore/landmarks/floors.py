"""Floors: how well the best find must fit before a query is said to mean something.

A floor that was measured on one set of pictures does not hold for texts on other ground. What a vector says of its own
newness (`novelty.py`) is alike for all tiles of a place that nobody taught: there a well-known word is far from every
tile, and a new one near to every tile, whatever they show. So of a text's likeness that part is taken away that comes
of how new the tiles are on the whole, and what is left is held against what texts without meaning reach on the same
tiles (`floor_of_texts`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from mlcore.errors import InvalidInputError


@dataclass(frozen=True)
class Floors:
    """The least likeness of a best find, by the modality of the query; one without a floor always means something.

    Attributes:
        least: cosines in -1..1 by modality.
    """

    least: Mapping[str, float] = field(default_factory=dict)

    def means_something(self, modality: str, best_likeness: float) -> bool:
        """Whether a query whose best find has this likeness means anything here."""
        return best_likeness >= self.of(modality)

    def of(self, modality: str) -> float:
        """The floor of a modality, -1 where it has none."""
        return self.least.get(modality, -1.0)

    def to_dict(self) -> dict[str, float]:
        return dict(self.least)

    @classmethod
    def from_dict(cls, values: Mapping[str, float]) -> Floors:
        return cls({str(name): float(value) for name, value in values.items()})


@dataclass(frozen=True)
class TextFloor:
    """The floor of texts on some tiles.

    Attributes:
        least: likeness above which a text means something there, of one that says nothing of its newness.
        newness: of those tiles on the whole.
    """

    least: float
    newness: float

    def of(self, newness: float) -> float:
        """The least likeness of the best find of a text that is so new itself."""
        return self.least + newness * self.newness


def floor_of_texts(
    senseless: np.ndarray, said_new: np.ndarray, tiles_new: np.ndarray, best: Callable[[np.ndarray], np.ndarray]
) -> TextFloor:
    """The floor of texts on some tiles: as far above the surest text without meaning as that is above the middle one.

    Args:
        senseless: (Q, D) vectors of texts that mean nothing, 1 or more; said_new: (Q,) how new these say they are.
        tiles_new: (N,) how new tiles say they are, all or some of them, 1 or more.
        best: (Q, D) vectors -> (Q,) likeness of the best find of each, among all tiles.

    Raises:
        InvalidInputError: one of them is empty.
    """
    if not len(senseless) or not len(tiles_new):
        raise InvalidInputError("a floor of texts needs texts that mean nothing, and tiles")
    usual = float(np.mean(tiles_new))
    reached = best(senseless) - said_new * usual
    surest = float(np.max(reached))
    return TextFloor(2 * surest - float(np.median(reached)), usual)


def floor_between(meant: np.ndarray, nonsense: np.ndarray) -> tuple[float, float, float]:
    """The floor that tells queries that mean something from such that don't, with the fewest errors of both kinds.

    Args:
        meant, nonsense: (N,), (M,) likeness of the best find of each query.

    Returns:
        The floor, the share of the meant that it keeps, the share of the nonsense that it refuses.

    Raises:
        InvalidInputError: one of them is empty.
    """
    if not len(meant) or not len(nonsense):
        raise InvalidInputError("a floor needs queries that mean something and such that mean nothing")
    values = np.unique(np.concatenate([meant, nonsense]))
    middles = np.concatenate([[values[0] - 1e-3], (values[:-1] + values[1:]) / 2, [values[-1] + 1e-3]])
    kept = (np.asarray(meant)[None] >= middles[:, None]).mean(axis=1)
    refused = (np.asarray(nonsense)[None] < middles[:, None]).mean(axis=1)
    best = int(np.argmax(kept + refused))
    return float(middles[best]), float(kept[best]), float(refused[best])
