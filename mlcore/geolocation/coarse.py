"""Coarse matching of the tokens of two pictures, both ways (TopicGeo Eq. 4-8).

M tokens of the query (A), N of the base (B), each on a grid of cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

NEVER = -1e4
"""A logit no softmax notices."""


@dataclass(frozen=True, eq=False)
class CoarseMatches:
    """What the tokens of a query and a base say.

    Attributes:
        query_xy, base_xy: (K, 2) float64, centres of the matched cells in pixels of the two pictures.
        confidence: (K,) E_n of Eq. 11.
        score: E, their sum.
        cell_px: sides of a cell in pixels of the query and of the base.
    """

    query_xy: np.ndarray
    base_xy: np.ndarray
    confidence: np.ndarray
    score: float
    cell_px: tuple[float, float] = (64.0, 64.0)

    def __len__(self) -> int:
        return len(self.confidence)


def similarity(query: Tensor, base: Tensor, scale: Tensor | float = 1.0) -> Tensor:
    """S(i, j) = <F_A(i), F_B(j)> (TopicGeo Eq. 4), times a learnt scale since tokens have unit length.

    Args:
        query: (..., M, C); base: (..., N, C).

    Returns:
        (..., M, N).
    """
    return query @ base.transpose(-1, -2) * scale


def dual_softmax(
    table: Tensor, valid_query: Tensor, valid_base: Tensor, alone: Tensor | float | None = None
) -> tuple[Tensor, Tensor]:
    """P_AB, softmax of each row, and P_BA, softmax of each column (TopicGeo Eq. 5-6).

    Args:
        table: (..., M, N) S of Eq. 4; valid_query: (..., M) bool; valid_base: (..., N) bool.
        alone: a logit of having no counterpart, which takes part in every softmax; None: as published.

    Returns:
        two (..., M, N), zero where a token is not valid.
    """
    known = valid_query[..., :, None] & valid_base[..., None, :]
    table = table.masked_fill(~known, NEVER)
    both = []
    for dim in (-1, -2):
        total = table.logsumexp(dim=dim, keepdim=True)
        if alone is not None:
            total = torch.logaddexp(total, torch.as_tensor(alone, dtype=table.dtype, device=table.device))
        both.append((table - total).exp() * known)
    return both[0], both[1]


def row_matches(probabilities: Tensor, threshold: float) -> Tensor:
    """M_AB: the maximum of each row that reaches the threshold (TopicGeo Eq. 7).

    Args:
        probabilities: (..., M, N) P_AB; for M_BA, P_BA and its table transposed.

    Returns:
        (..., M, N) bool, at most one of a row.
    """
    best = probabilities.argmax(dim=-1, keepdim=True)
    chosen = torch.zeros_like(probabilities, dtype=torch.bool).scatter_(-1, best, True)
    return chosen & (probabilities >= threshold) & (probabilities > 0)


def mutual_neighbours(
    query_to_base: Tensor, base_to_query: Tensor, query_shape: tuple[int, int], base_shape: tuple[int, int],
    neighbours: int,
) -> Tensor:  # fmt: skip
    """M_c = MKNN(M_AB, M_BA) (TopicGeo Eq. 8).

    A match (i, j) of M_AB stays where M_BA has (i', j) with i' at most `neighbours` cells from i; one of M_BA where
    M_AB has (i, j') with j' as near to j. With 0 they are mutual nearest neighbours.

    Args:
        query_to_base, base_to_query: (..., M, N) bool M_AB and M_BA.
        query_shape, base_shape: rows and columns of the grids, M and N cells.

    Returns:
        (..., M, N) bool, the union of both.
    """
    near_query = _widened(base_to_query.transpose(-1, -2), query_shape, neighbours).transpose(-1, -2)
    near_base = _widened(query_to_base, base_shape, neighbours)
    return (query_to_base & near_query) | (base_to_query & near_base)


def _widened(chosen: Tensor, shape: tuple[int, int], reach: int) -> Tensor:
    """(..., h * w) bool: which cells have a chosen one within `reach` rows and columns."""
    if reach == 0:
        return chosen
    grid = chosen.reshape(-1, 1, *shape).float()
    wide = torch.nn.functional.max_pool2d(grid, 2 * reach + 1, stride=1, padding=reach)
    return (wide > 0).reshape(chosen.shape)


def cell_centres(shape: tuple[int, int], cell_px: float = 1.0) -> Tensor:
    """(h * w, 2) x and y of the centres of a grid's cells, row by row."""
    y, x = torch.meshgrid(torch.arange(shape[0]), torch.arange(shape[1]), indexing="ij")
    return (torch.stack([x, y], dim=-1).reshape(-1, 2).float() + 0.5) * cell_px
