"""Which cells show the same ground, given how the pictures lie to each other (TopicGeo, Section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mlcore.geolocation.coarse import cell_centres


@dataclass(frozen=True)
class Assignment:
    """True matches of M cells of queries and N of bases.

    Attributes:
        forth: (B, M, N) bool, the base's cell in which a query's cell lies; several may lie in one.
        back: (B, M, N) bool, the query's cell in which a base's cell lies.
        near: (B, M, N) bool, cells too near to be told apart from the true ones: no counter-examples.
    """

    forth: Tensor
    back: Tensor
    near: Tensor


def moved(matrix: Tensor, xy: Tensor) -> Tensor:
    """(B, 3, 3) homographies of (P, 2) points -> (B, P, 2); far outside where a point lies beyond the horizon."""
    ones = torch.cat([xy, torch.ones_like(xy[:, :1])], dim=1)
    there = ones @ matrix.transpose(1, 2)
    depth = there[..., 2:]
    return torch.where(depth > 1e-6, there[..., :2] / depth.clamp(min=1e-6), torch.full_like(there[..., :2], -1e6))


def assign_cells(
    matrix: Tensor, query_valid: Tensor, base_valid: Tensor, cell_px: float, *, centres: bool = True
) -> Assignment:
    """Labels of all pairs of cells.

    Args:
        matrix: (B, 3, 3) from the query's to the base's pixels.
        query_valid: (B, h, w) bool; base_valid: (B, H, W) bool.
        centres: cells go by their centres, as TopicGeo has it; else by their upper left corners, as before it: turned,
            a cell then gets a partner that it hardly covers.
    """
    shapes = (query_valid.shape[1], query_valid.shape[2]), (base_valid.shape[1], base_valid.shape[2])
    shift = 0.0 if centres else -0.5 * cell_px
    points = [cell_centres(shape, cell_px).to(matrix) + shift for shape in shapes]
    known = query_valid.flatten(1)[:, :, None] & base_valid.flatten(1)[:, None, :]
    ahead, behind = moved(matrix, points[0]), moved(torch.linalg.inv(matrix), points[1])
    forth = _one_hot(ahead, shapes[1], cell_px) & known
    back = _one_hot(behind, shapes[0], cell_px).transpose(1, 2) & known
    gap = torch.cdist(ahead, points[1].expand(len(matrix), -1, -1))
    gap_back = torch.cdist(behind, points[0].expand(len(matrix), -1, -1)).transpose(1, 2)
    near = (torch.minimum(gap, gap_back) < 1.25 * cell_px) | forth | back
    return Assignment(forth, back, near)


def _one_hot(xy: Tensor, shape: tuple[int, int], cell_px: float) -> Tensor:
    """(B, P, cells) bool: in which cell each point lies; none outside the grid."""
    column, row = (xy / cell_px).floor().long().unbind(dim=-1)
    inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    index = (row * shape[1] + column).clamp(0, shape[0] * shape[1] - 1)
    table = torch.zeros(*xy.shape[:2], shape[0] * shape[1], dtype=torch.bool, device=xy.device)
    return table.scatter_(2, index[..., None], inside[..., None])
