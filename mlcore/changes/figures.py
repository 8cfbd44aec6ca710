"""Figures by name, as the columns that classifiers read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlcore.errors import InvalidInputError


def columns(names: Sequence[str], **figures: float) -> np.ndarray:
    """(len(names),) float64 of the figures, each in the column of its name.

    Raises:
        InvalidInputError: a name is missing, or unknown.
    """
    if set(figures) != set(names):
        wrong = sorted(set(figures) ^ set(names))
        raise InvalidInputError(f"these figures are missing or unknown: {', '.join(wrong)}: give each name once")
    return np.array([figures[name] for name in names], np.float64)


def column_of(names: Sequence[str], name: str) -> int:
    """The column of one figure."""
    return list(names).index(name)
