"""The match score of U-CSA (Eq. 8-10), with the paper's two faults mended.

Eq. 8 negates a discriminator that Eq. 5 trains to be high on matches: the minus is dropped. Eq. 10 adds an unbounded
number to a cosine: both are standardised first, on matched pairs of the validation split.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from mlcore.errors import InvalidInputError

MIN_DEVIATION = 1e-6


@dataclass(frozen=True)
class Standardisation:
    """Mean and deviation of the two scores on matched validation pairs."""

    disc_mean: float = 0.0
    disc_std: float = 1.0
    proto_mean: float = 0.0
    proto_std: float = 1.0

    @classmethod
    def fit(cls, disc: np.ndarray, proto: np.ndarray) -> Standardisation:
        """From (N,) scores of matched pairs, N >= 1; a deviation of nothing counts as a tiny one."""
        if len(disc) == 0 or len(disc) != len(proto):
            raise InvalidInputError("standardising needs at least one matched validation pair")
        return cls(
            float(np.mean(disc)), max(float(np.std(disc)), MIN_DEVIATION),
            float(np.mean(proto)), max(float(np.std(proto)), MIN_DEVIATION),
        )  # fmt: skip


@dataclass(frozen=True)
class ScoreBatch:
    """Scores of N pairs, each (N,) float32; higher = image and map agree more."""

    disc: np.ndarray
    proto: np.ndarray
    final: np.ndarray


def discriminator_score(discriminator: Tensor) -> Tensor:
    """S_disc (U-CSA Eq. 8, without its minus): D itself, high on matches because Eq. 5 makes it so."""
    return discriminator


def tile_score(cells: Tensor, worst_share: float, valid: Tensor | None = None) -> Tensor:
    """A tile's score from its cells: the mean of the lowest ones (ours; U-CSA fuses one vector per tile).

    Args:
        cells: (N, h, w) scores of cells, higher = agrees.
        worst_share: share of all cells that is averaged, in (0, 1]; at least one cell.
        valid: (N, h, w) bool, cells that count; a tile without any gets the mean of all its cells.

    Returns:
        (N,).
    """
    count = max(1, round(worst_share * cells[0].numel()))
    flat = cells.flatten(1)
    if valid is not None:
        seen = valid.flatten(1)
        seen = seen | ~seen.any(dim=1, keepdim=True)
        flat = flat.masked_fill(~seen, float("inf"))
    lowest = flat.topk(count, dim=1, largest=False).values
    finite = lowest.isfinite()
    return lowest.masked_fill(~finite, 0.0).sum(dim=1) / finite.sum(dim=1)


def final_score(disc: np.ndarray, proto: np.ndarray, alpha: float, standard: Standardisation) -> np.ndarray:
    """alpha S_disc + (1 - alpha) S_proto, both standardised (U-CSA Eq. 10).

    Args:
        disc: (N,) from Eq. 8.
        proto: (N,) from Eq. 9.
        alpha: in 0..1 (paper: 0.7).
        standard: from matched validation pairs.

    Returns:
        (N,) float32; 0 is an ordinary match, negative less than that.
    """
    if disc.shape != proto.shape or not 0 <= alpha <= 1:
        raise InvalidInputError("both scores must have one shape and alpha must lie in 0..1")
    disc_z = (disc - standard.disc_mean) / standard.disc_std
    proto_z = (proto - standard.proto_mean) / standard.proto_std
    return (alpha * disc_z + (1 - alpha) * proto_z).astype(np.float32)
