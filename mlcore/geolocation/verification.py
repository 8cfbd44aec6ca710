"""Global geometric verification: do the matches of a base lie to each other as they do in the query (Eq. 9-11)?

Only ratios of distances and differences of angles are compared, so that no shift, turn or scale changes anything; a
mirrored picture differs. B bases (or one), each with up to K matches of which `known` says which there are.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

LARGEST_RATIO = 1.0
"""Logarithms of distance ratios beyond +- this are cut off, so that one wrong match does not spoil the others."""


def distance_spread(query_xy: Tensor, base_xy: Tensor, known: Tensor) -> Tensor:
    """Var(d_n): how unlike the distance ratios of a match to all others are, after division by the common ratio.

    Ratios are taken in logarithms, in which half and double are alike; the common ratio is their median.

    Args:
        query_xy, base_xy: (B, K, 2) in any unit; known: (B, K) bool.

    Returns:
        (B, K), 0 for perfect consistency; the largest possible value where there is nothing to compare with.
    """
    lengths = [torch.cdist(xy, xy) for xy in (query_xy, base_xy)]
    paired = known[:, :, None] & known[:, None, :] & (lengths[0] > 0) & (lengths[1] > 0)
    ratios = (lengths[1].clamp(min=1e-9) / lengths[0].clamp(min=1e-9)).log()
    middle = torch.where(paired, ratios, torch.nan).flatten(1).nanmedian(dim=1).values
    off = (ratios - middle[:, None, None]).clamp(-LARGEST_RATIO, LARGEST_RATIO)
    # two cells of one picture on one cell of the other: as far apart as can be
    one_place = known[:, :, None] & known[:, None, :] & ((lengths[0] > 0) != (lengths[1] > 0))
    squares = torch.where(paired, off**2, 0.0) + one_place * LARGEST_RATIO**2
    counts = (paired | one_place).sum(dim=2)
    spread = squares.sum(dim=2) / counts.clamp(min=1)
    return torch.where(counts > 0, spread, torch.full_like(spread, LARGEST_RATIO**2))


def angle_difference(query_xy: Tensor, base_xy: Tensor, known: Tensor, neighbours: int) -> Tensor:
    """c_n: mean absolute difference, in radians, of the relative angles between a match's nearest matches.

    Args:
        query_xy, base_xy: (B, K, 2); known: (B, K) bool.
        neighbours: k, nearest in the query; fewer where fewer are known.

    Returns:
        (B, K) in 0..pi; pi where a match has fewer than two neighbours.
    """
    count = known.shape[1]
    far = torch.cdist(query_xy, query_xy)
    barred = ~(known[:, :, None] & known[:, None, :]) | (far <= 0) | (torch.cdist(base_xy, base_xy) <= 0)
    far = far.masked_fill(barred, math.inf)
    nearest = far.topk(min(neighbours, count), dim=2, largest=False)
    there = torch.isfinite(nearest.values)
    angles = [_headings(xy, nearest.indices) for xy in (query_xy, base_xy)]
    relative = [each - each.roll(1, dims=2) for each in angles]
    paired = there & there.roll(1, dims=2)
    difference = torch.remainder(relative[0] - relative[1] + math.pi, 2 * math.pi) - math.pi
    counts = paired.sum(dim=2)
    mean = (difference.abs() * paired).sum(dim=2) / counts.clamp(min=1)
    return torch.where((counts > 0) & (there.sum(dim=2) > 1), mean, torch.full_like(mean, math.pi))


def distance_compatibility(spread: Tensor, truncation: float, limit: float) -> Tensor:
    """alpha_n = max(0, min(Z - Var(d_n) / delta_d^2, Z - 1)) (TopicGeo Eq. 9)."""
    return (truncation - spread / limit**2).clamp(0, truncation - 1)


def angle_compatibility(difference: Tensor, truncation: float, limit: float) -> Tensor:
    """beta_n = max(0, min(Z - c_n^2 / delta_c^2, Z - 1)) (TopicGeo Eq. 10).

    Args:
        difference, limit: radians.
    """
    return (truncation - difference**2 / limit**2).clamp(0, truncation - 1)


def confidences(distance: Tensor, angle: Tensor, both: Tensor, angle_share: float) -> Tensor:
    """E_n = (lambda beta_n + (1 - lambda) alpha_n) (P_AB + P_BA) (TopicGeo Eq. 11).

    Args:
        distance, angle: alpha_n and beta_n; both: P_AB + P_BA of the matches.
    """
    return (angle_share * angle + (1 - angle_share) * distance) * both


def _headings(xy: Tensor, others: Tensor) -> Tensor:
    """(B, K, k) direction from each of (B, K, 2) to its (B, K, k) others."""
    batch, count, near = others.shape
    there = xy.gather(1, others.reshape(batch, -1, 1).expand(-1, -1, 2)).reshape(batch, count, near, 2)
    step = there - xy[:, :, None]
    return torch.atan2(step[..., 1], step[..., 0])
