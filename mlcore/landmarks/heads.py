"""Heads: from the features of a frozen tower to the common space."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LARGEST_SCALE = 100.0
LEAST_SPREAD = 1e-3


class Head(nn.Module):
    """Two layers (MMLandmarks, "simple baseline"), or one where `hidden` is 0; unit vectors come out.

    Features are first brought to mean 0 and spread 1 by those of the first training, then to unit length.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, features: int, hidden: int, dimension: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        first = [nn.Linear(features, hidden), nn.ReLU()] if hidden else []
        self.layers = nn.Sequential(nn.Dropout(dropout), *first, nn.Linear(hidden or features, dimension))

    def fit(self, features: Tensor) -> None:
        """Take mean and spread of (N, C) features."""
        self.mean = features.float().mean(dim=0).to(self.mean.device)
        self.spread = features.float().std(dim=0, unbiased=False).clamp(min=LEAST_SPREAD).to(self.mean.device)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C) -> (N, D) of unit length."""
        return F.normalize(self.layers(F.normalize((features - self.mean) / self.spread, dim=1)), dim=1)


class Temperature(nn.Module):
    """One over the temperature of the contrast, learnt, at most 100."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / temperature).log())

    def forward(self) -> Tensor:
        """A scalar."""
        return self.log_scale.exp().clamp(max=LARGEST_SCALE)
