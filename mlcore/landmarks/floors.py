"""Floors: how well the best find must fit before a query is said to mean something."""

from __future__ import annotations

from collections.abc import Mapping
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
        return best_likeness >= self.least.get(modality, -1.0)

    def to_dict(self) -> dict[str, float]:
        return dict(self.least)

    @classmethod
    def from_dict(cls, values: Mapping[str, float]) -> Floors:
        return cls({str(name): float(value) for name, value in values.items()})


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
