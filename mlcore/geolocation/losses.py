"""What the locator learns: the right cells of its own base, of all others none, and places within cells (Eq. 12-15).

B pairs; M cells of a query, N of a base.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.geolocation.assignment import Assignment
from mlcore.geolocation.coarse import NEVER


def focal_loss(
    probabilities: Tensor, truth: Tensor, alpha: float, gamma: float, weights: Tensor | None = None
) -> Tensor:
    """FL: -alpha (1 - p)^gamma log p of true matches, -(1 - alpha) p^gamma log(1 - p) of all others (Lin 2017, Eq. 5).

    Args:
        probabilities: (..., M, N); truth: (..., M, N) bool.
        weights: (..., M) of the rows.

    Returns:
        the sum of both, each over the number of true matches.
    """
    p = probabilities.clamp(1e-6, 1 - 1e-6)
    each = torch.where(truth, -alpha * (1 - p) ** gamma * p.log(), -(1 - alpha) * p**gamma * (1 - p).log())
    if weights is not None:
        each = each * weights[..., None]
    return each.sum() / truth.sum().clamp(min=1)


def coarse_loss(
    forth: Tensor, back: Tensor, truth: Assignment, weights: Tensor, alpha: float, gamma: float
) -> Tensor:  # fmt: skip
    """L_c = (FL(P_AB, truth) + FL(P_BA, truth)) w_token (TopicGeo Eq. 12).

    Args:
        forth, back: (B, M, N) P_AB and P_BA; weights: (B, M) w_token of the query's tokens.
    """
    return focal_loss(forth, truth.forth, alpha, gamma, weights) + focal_loss(back, truth.back, alpha, gamma, weights)


def contrast_loss(
    query: Tensor, base: Tensor, query_valid: Tensor, base_valid: Tensor, truth: Assignment, scale: Tensor,
    alone: Tensor | None,
) -> Tensor:  # fmt: skip
    """Among the tokens of all bases of the batch, those of the same ground are the most alike, both ways.

    The published loss knows one base at a time; a search knows a thousand, so other bases' tokens are counter-examples
    (van den Oord 2018, Eq. 4), and against each of the other bases a token must prefer having no counterpart.

    Args:
        query: (B, M, C); base: (B, N, C) unit tokens; query_valid: (B, M); base_valid: (B, N) bool.
        scale, alone: of the model (see `dual_softmax`).
    """
    (batch, rows), columns = query.shape[:2], base.shape[1]
    table = query.reshape(batch * rows, -1) @ base.reshape(batch * columns, -1).T * scale
    table = table.masked_fill(~(query_valid.reshape(-1, 1) & base_valid.reshape(1, -1)), NEVER)
    right = torch.zeros_like(table, dtype=torch.bool).reshape(batch, rows, batch, columns)
    close = right.clone()
    own = torch.arange(batch, device=query.device)
    right[own, :, own], close[own, :, own] = truth.forth | truth.back, truth.near
    right, close = right.reshape(table.shape), close.reshape(table.shape)
    others = table.masked_fill(close, NEVER)
    loss = table.new_zeros(())
    for dim in (1, 0):
        negatives = others.logsumexp(dim=dim, keepdim=True)
        if alone is not None:
            negatives = torch.logaddexp(negatives, alone)
        loss = loss + _mean_of(F.softplus(negatives - table), right)
    if alone is not None and batch > 1:
        loss = loss + _no_counterpart(others, alone, (batch, rows, columns), query_valid, base_valid)
    return loss


def _no_counterpart(
    table: Tensor, alone: Tensor, shape: tuple[int, int, int], query_valid: Tensor, base_valid: Tensor
) -> Tensor:
    """-log of the share that `alone` gets against each other base, both ways."""
    batch, rows, columns = shape
    grid = table.reshape(batch, rows, batch, columns)
    foreign = ~torch.eye(batch, dtype=torch.bool, device=table.device)
    ahead = F.softplus(grid.logsumexp(dim=3) - alone)
    behind = F.softplus(grid.logsumexp(dim=1) - alone)
    return _mean_of(ahead, foreign[:, None, :] & query_valid[:, :, None]) + _mean_of(
        behind, foreign[:, :, None] & base_valid[None]
    )


def descriptor_loss(query: Tensor, base: Tensor, temperature: float = 0.07) -> Tensor:
    """Among the batch's bases a query's own is the most alike, both ways (van den Oord 2018, Eq. 4); (B, D) each."""
    logits = query @ base.T / temperature
    right = torch.arange(len(query), device=query.device)
    return 0.5 * (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right))


def window_loss(forth: Tensor, back: Tensor, truth: Assignment, alpha: float, gamma: float) -> Tensor:
    """Loss_a of windows at 1/16 (TopicGeo Eq. 13): as Eq. 12, over the number of matches.

    Args:
        forth, back: (B, M, N) P_a of cells within each other's windows, zero beyond.
    """
    return focal_loss(forth, truth.forth, alpha, gamma) + focal_loss(back, truth.back, alpha, gamma)


def expectation_loss(found: Tensor, truth: Tensor, spread: Tensor) -> Tensor:
    """Loss_f: squared distance of the expected place from the true one, less where the model is unsure (LoFTR, Eq. 6).

    Args:
        found, truth: (K, 2) in cells at 1/4; spread: (K,) standard deviation of the heatmap; only truths within the
            window are asked for.
    """
    if not len(found):
        return found.sum()
    weight = 1 / spread.detach().clamp(min=0.3)
    weight = weight / weight.mean()
    return (((found - truth) ** 2).sum(dim=1) * weight).mean()


def fine_loss(window: Tensor, expectation: Tensor) -> Tensor:
    """L_f = Loss_a + Loss_f (TopicGeo Eq. 14)."""
    return window + expectation


def total_loss(distillation: Tensor, coarse: Tensor, fine: Tensor) -> Tensor:
    """L = L_d + L_c + L_f (TopicGeo Eq. 15)."""
    return distillation + coarse + fine


def _mean_of(values: Tensor, chosen: Tensor) -> Tensor:
    """The mean of the chosen ones; 0 where there is none, with a gradient all the same."""
    return torch.where(chosen, values, torch.zeros_like(values)).sum() / chosen.sum().clamp(min=1)
