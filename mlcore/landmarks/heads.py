"""Heads: from the features of a frozen tower to the common space."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn


class Head(nn.Module):
    """Two layers (MMLandmarks, "simple baseline"), or one where `hidden` is 0; unit vectors come out."""

    def __init__(self, features: int, hidden: int, dimension: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = (
            nn.Sequential(nn.Dropout(dropout), nn.Linear(features, hidden), nn.ReLU(), nn.Linear(hidden, dimension))
            if hidden
            else nn.Sequential(nn.Dropout(dropout), nn.Linear(features, dimension))
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, C) -> (N, D) of unit length."""
        return F.normalize(self.layers(features), dim=1)
