"""What topics are taught: the teacher's distribution over categories and attributes (TopicGeo Eq. 1-3).

B pictures of N patches of 2 x 2 cells; K categories, A attributes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def topic_distribution(features: Tensor, prompts: Tensor, temperature: float) -> Tensor:
    """p = softmax(F F_prompts^T / t) (TopicGeo Eq. 1).

    Args:
        features: (..., C), made unit vectors here as CLIP's are; prompts: (K, C) unit vectors.

    Returns:
        (..., K) shares that sum to one.
    """
    return ((F.normalize(features, dim=-1) @ prompts.T) / temperature).softmax(dim=-1)


def pooled_topics(topics: Tensor, shape: tuple[int, int]) -> Tensor:
    """F_topic^p: topics of cells, averaged over 2 x 2 to lie on the teacher's patches (TopicGeo, before Eq. 2).

    Args:
        topics: (B, h * w, C) of a grid of `shape` rows and columns; an odd last row or column is left out.

    Returns:
        (B, N, C), N = (h // 2) (w // 2).
    """
    grid = topics.transpose(1, 2).reshape(len(topics), -1, *shape)
    return F.avg_pool2d(grid, 2).flatten(2).transpose(1, 2)


def frequency_weights(shares: Tensor) -> Tensor:
    """w_i: patches of rare categories count more, all together as much as they are (TopicGeo, below Eq. 2).

    A patch weighs the inverse of how often its categories occur in the batch, averaged over its own distribution.

    Args:
        shares: (..., K).

    Returns:
        (...) with a mean of 1.
    """
    often = shares.reshape(-1, shares.shape[-1]).mean(dim=0).clamp(min=1e-3)
    rare = (shares / often).sum(dim=-1)
    rare = rare.clamp(max=10 * float(rare.min()))
    return rare / rare.mean().clamp(min=1e-6)


def divergence_loss(teacher: Tensor, student: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """sum_i w_i KL(p_i || q_i) t^2, as a mean over patches (TopicGeo Eq. 2).

    Args:
        teacher, student: (..., K) distributions p and q; weights: (...).
    """
    ratio = teacher.clamp(min=1e-6).log() - student.clamp(min=1e-6).log()
    return ((teacher * ratio).sum(dim=-1) * weights).mean() * temperature**2


def distillation_loss(category: Tensor, attribute: Tensor) -> Tensor:
    """L_d = Loss_category + Loss_attribute (TopicGeo Eq. 3)."""
    return category + attribute


def attribute_shares(categories: Tensor, category_of: Tensor) -> Tensor:
    """A teacher that knows categories alone spreads each evenly over the category's attributes.

    Args:
        categories: (..., K); category_of: (A,) long.

    Returns:
        (..., A).
    """
    counts = torch.bincount(category_of, minlength=categories.shape[-1])
    return (categories / counts.clamp(min=1))[..., category_of]
