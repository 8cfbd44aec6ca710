"""The training losses of U-CSA, one named function per equation (Eq. 1-7)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.errors import InvalidInputError


def similarity(features: Tensor, texts: Tensor, temperature: Tensor | float) -> Tensor:
    """Similarity of every feature to every text (U-CSA Eq. 1).

    Args:
        features: (N, D) unit vectors of images or of maps.
        texts: (M, D) unit vectors of anchors.
        temperature: tau > 0.

    Returns:
        (N, M) cosine / tau.
    """
    if features.ndim != 2 or texts.ndim != 2 or features.shape[1] != texts.shape[1]:
        raise InvalidInputError(f"need (N, D) and (M, D), not {tuple(features.shape)} and {tuple(texts.shape)}")
    return _cosines(features, texts) / temperature


def symmetric_contrast(similarities: Tensor, ignore: Tensor | None = None) -> Tensor:
    """Symmetric InfoNCE with the matches on the diagonal (U-CSA Eq. 2 for images, Eq. 3 for maps).

    Args:
        similarities: (N, N), rows are images or maps, columns their anchors.
        ignore: (N, N) bool, pairs off the diagonal that are no negatives (equal anchors), left out of the sums.

    Returns:
        Scalar, >= 0; log N where nothing can be told apart.
    """
    if similarities.ndim != 2 or similarities.shape[0] != similarities.shape[1]:
        raise InvalidInputError(f"need (N, N) similarities, not {tuple(similarities.shape)}")
    count = similarities.shape[0]
    if ignore is not None:
        off_diagonal = ignore & ~torch.eye(count, dtype=torch.bool, device=similarities.device)
        similarities = similarities.masked_fill(off_diagonal, float("-inf"))
    target = torch.arange(count, device=similarities.device)
    return 0.5 * (F.cross_entropy(similarities, target) + F.cross_entropy(similarities.T, target))


def identical_anchors(texts: Tensor) -> Tensor:
    """(N, D) unit vectors -> (N, N) bool, True where two tiles share one anchor (false negatives of Eq. 2-3)."""
    return _cosines(texts, texts) > 1.0 - 1e-5


def _cosines(first: Tensor, second: Tensor) -> Tensor:
    """In float32 whatever autocast says: bfloat16 takes cosines of 0.999 and 1 for equal."""
    with torch.autocast(first.device.type, enabled=False):
        return first.float() @ second.float().T


def cell_contrast(cells: Tensor, texts: Tensor, target: Tensor, temperature: Tensor | float) -> Tensor:
    """Eq. 2's image-to-text half for cells against a closed set of texts (ours: anchors of cells).

    Args:
        cells: (N, D, h, w) features, normalised here.
        texts: (K, D) unit vectors of the texts.
        target: (N, h, w) index of each cell's text; -1 is left out.
        temperature: tau > 0.

    Returns:
        Scalar; 0 where no cell has a target.
    """
    logits = torch.einsum("ndhw,kd->nkhw", F.normalize(cells, dim=1), texts) / temperature
    if not bool((target >= 0).any()):
        return logits.sum() * 0.0
    return F.cross_entropy(logits, target, ignore_index=-1)


def prototype_similarity(fused: Tensor, prototypes: Tensor) -> Tensor:
    """Cosine to the nearest prototype (U-CSA Eq. 4, and Eq. 9 at inference).

    Args:
        fused: (..., D) fused features.
        prototypes: (K, D).

    Returns:
        (...) in -1..1.
    """
    if fused.shape[-1] != prototypes.shape[-1]:
        raise InvalidInputError(f"features have {fused.shape[-1]} channels, prototypes {prototypes.shape[-1]}")
    return (F.normalize(fused, dim=-1) @ F.normalize(prototypes, dim=-1).T).amax(dim=-1)


def discriminator_loss(matched: Tensor, unmatched: Tensor) -> Tensor:
    """Hinge loss (U-CSA Eq. 5): D is pushed above 1 on matches and below -1 on mismatches; either may be empty."""
    loss = matched.new_zeros(())
    if matched.numel():
        loss = loss + F.relu(1.0 - matched).mean()
    if unmatched.numel():
        loss = loss + F.relu(1.0 + unmatched).mean()
    return loss


def prototype_loss(similarities: Tensor) -> Tensor:
    """1 - S_proto, averaged over the matched pairs (U-CSA Eq. 6)."""
    return (1.0 - similarities).mean()


def total_loss(discriminator: Tensor, prototype: Tensor, weight: float) -> Tensor:
    """L_D + lambda L_proto (U-CSA Eq. 7)."""
    return discriminator + weight * prototype
