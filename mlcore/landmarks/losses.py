"""Contrast between modalities: symmetric InfoNCE over every pair of modalities that samples have."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor

from mlcore.errors import InvalidInputError
from mlcore.landmarks.samples import MODALITIES

IMAGES = frozenset({"aerial", "ground"})


def pairs_of(variant: str) -> tuple[tuple[str, str], ...]:
    """The pairs of modalities that are contrasted: "all", or of "imagebind" those with an image."""
    pairs = tuple(combinations(MODALITIES, 2))
    return pairs if variant == "all" else tuple(pair for pair in pairs if IMAGES & set(pair))


def symmetric_infonce(first: Tensor, second: Tensor, scale: Tensor, groups: Tensor | None = None) -> Tensor:
    """InfoNCE both ways (MMLandmarks, "simple baseline"; CLIP).

    Args:
        first, second: (N, D) unit vectors; rows of the same number belong together.
        scale: one over the temperature, > 0.
        groups: (N,) whole numbers; what is of one group shares a half of the target, since it is called alike. None:
            every row stands for itself alone.

    Returns:
        The mean of both directions; nothing (0) for fewer than two rows, which say nothing of each other.

    Raises:
        InvalidInputError: the shapes differ.
    """
    if first.shape != second.shape or first.ndim != 2:
        raise InvalidInputError(f"vectors must be (N, D) both, not {tuple(first.shape)} and {tuple(second.shape)}")
    if len(first) < 2:
        return first.sum() * 0.0
    logits = scale * first @ second.T
    target = torch.eye(len(first), device=first.device)
    if groups is not None:
        alike = (groups[:, None] == groups[None, :]).float()
        target = 0.5 * target + 0.5 * alike / alike.sum(dim=1, keepdim=True)
    forth = -(target * logits.log_softmax(dim=1)).sum(dim=1).mean()
    back = -(target * logits.T.log_softmax(dim=1)).sum(dim=1).mean()
    return 0.5 * (forth + back)


def contrast(
    vectors: Mapping[str, tuple[Tensor, Tensor]], scale: Tensor, groups: Tensor, variant: str = "all"
) -> dict[str, Tensor]:
    """The loss of each pair of modalities over the samples that have both.

    Args:
        vectors: by modality, (M,) the numbers in the batch of the samples that have it, rising, and their (M, D).
        scale: one over the temperature.
        groups: (B,) of the batch's samples.

    Returns:
        By "aerial-text" and so on; a pair that fewer than two samples have is left out.
    """
    losses = {}
    for one, other in pairs_of(variant):
        if one not in vectors or other not in vectors:
            continue
        (rows, first), (others, second) = vectors[one], vectors[other]
        here, there = torch.isin(rows, others), torch.isin(others, rows)
        if int(here.sum()) >= 2:
            losses[f"{one}-{other}"] = symmetric_infonce(first[here], second[there], scale, groups[rows[here]])
    return losses
