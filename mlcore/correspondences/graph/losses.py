"""What the graph matcher learns: keypoints that both pictures have, words that tell places apart, the right matches."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.correspondences.graph.assignment import NEVER
from mlcore.correspondences.graph.labels import IGNORED, Truth


def detector_loss(cells: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of the right pixel of every cell, or of none (DeTone 2018, Eq. 2-3).

    Args:
        cells: (B, 65, h, w) logits; labels: (B, h, w) long.
    """
    if not (labels != IGNORED).any():
        return cells.sum() * 0
    return F.cross_entropy(cells, labels, ignore_index=IGNORED)


def assignment_loss(table: Tensor, truth: Truth) -> Tensor:
    """Negative log-likelihood of the true matches, and of the dustbin for those without one (LightGlue, section 3.4).

    Args:
        table: (B, M + 1, N + 1) log probabilities.
    """
    matched = _mean_of(table[:, :-1, :-1], truth.matched)
    alone = _mean_of(table[:, :-1, -1], truth.alone0) + _mean_of(table[:, -1, :-1], truth.alone1)
    return -(matched + 0.5 * alone)


def contrast_loss(
    words0: Tensor, words1: Tensor, known0: Tensor, known1: Tensor, truth: Truth, temperature: float
) -> Tensor:
    """Of all keypoints of the other picture, the right one is the most alike, both ways (van den Oord 2018, Eq. 4).

    Keypoints too near to be told apart are no counter-examples.

    Args:
        words0, words1: (B, M, C) and (B, N, C) unit descriptors; known0, known1: (B, M) and (B, N) bool.
    """
    barred = ~(known0[:, :, None] & known1[:, None]) | (truth.near & ~truth.matched)
    logits = (words0 @ words1.transpose(1, 2) / temperature).masked_fill(barred, NEVER)
    return -0.5 * sum(
        (_mean_of(F.log_softmax(logits, dim=dim), truth.matched) for dim in (1, 2)), start=logits.new_zeros(())
    )


def exit_loss(tables: list[Tensor], sure0: list[Tensor], sure1: list[Tensor], known0: Tensor, known1: Tensor) -> Tensor:
    """Whether each keypoint's match is already the last round's, as said after the others (LightGlue, section 3.3).

    Args:
        tables: of every round, (B, M + 1, N + 1); sure0, sure1: (B, M) and (B, N) logits of all rounds but the last.
    """
    total = tables[-1].new_zeros(())
    for side, (sure, known) in enumerate(((sure0, known0), (sure1, known1))):
        final = _best(tables[-1], side)
        for logits, table in zip(sure, tables, strict=False):
            right = (_best(table, side) == final).to(logits.dtype)
            total = total - _mean_of(-F.binary_cross_entropy_with_logits(logits, right, reduction="none"), known)
    return total / max(1, len(sure0) + len(sure1))


def found_share(table: Tensor, truth: Truth) -> Tensor:
    """The share of the true matches that are the best of their row and of their column."""
    rows = F.one_hot(_best(table, 0), table.shape[2])[..., :-1].bool()
    columns = F.one_hot(_best(table, 1), table.shape[1])[..., :-1].bool().transpose(1, 2)
    return _mean_of((rows & columns).float(), truth.matched)


def _best(table: Tensor, side: int) -> Tensor:
    """(B, M) of a table's rows, or (B, N) of its columns, where each is the surest; the dustbin is the last."""
    return table[:, :-1].argmax(dim=2) if side == 0 else table[:, :, :-1].argmax(dim=1)


def _mean_of(values: Tensor, chosen: Tensor) -> Tensor:
    """The mean of the chosen ones; 0 where there is none, with a gradient all the same."""
    return torch.where(chosen, values, torch.zeros_like(values)).sum() / chosen.sum().clamp(min=1)
