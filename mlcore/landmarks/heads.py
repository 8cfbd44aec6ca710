"""Heads: from the features of a frozen tower to the common space.

part      output for N features
unit      (N, C) features brought to mean 0, spread 1, then unit length
learnt    (N, D - 2) unit vectors: one or two layers, what is trained
vector    (N, D): learnt, how new it is (`novelty`), how little sense it makes (texts alone), together of unit length
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.landmarks.novelty import Novelty, Sense

LARGEST_SCALE = 100.0
LEAST_SPREAD = 1e-3
TOLD = 2
"""Coordinates that are measured, not learnt."""


class Head(nn.Module):
    """Two layers (MMLandmarks, "simple baseline"), or one where `hidden` is 0, and what is measured beside them.

    Features are first brought to mean 0 and spread 1 by those of the first training. With weights of 0 for what is
    measured, as of the published design, the learnt part alone counts.
    """

    mean: Tensor
    spread: Tensor

    def __init__(
        self, features: int, hidden: int, dimension: int, dropout: float = 0.0, *, novelty: float = 0.0,
        nonsense: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        first = [nn.Linear(features, hidden), nn.ReLU()] if hidden else []
        self.told = bool(novelty or nonsense)
        outer = dimension - TOLD * self.told
        self.layers = nn.Sequential(nn.Dropout(dropout), *first, nn.Linear(hidden or features, outer))
        self.weight, self.nonsense_weight = novelty, nonsense
        self.novelty = Novelty(features)
        self.nonsense = Sense(features)

    def fit(self, features: Tensor) -> None:
        """Take mean and spread of (N, C) features."""
        self.mean = features.float().mean(dim=0).to(self.mean.device)
        self.spread = features.float().std(dim=0, unbiased=False).clamp(min=LEAST_SPREAD).to(self.mean.device)

    def unit(self, features: Tensor) -> Tensor:
        """(N, C) -> (N, C) of unit length."""
        return F.normalize((features - self.mean) / self.spread, dim=1)

    def learnt(self, features: Tensor) -> Tensor:
        """(N, C) -> (N, D - 2) of unit length: what training sees."""
        return F.normalize(self.layers(self.unit(features)), dim=1)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C) -> (N, D) of unit length."""
        unit = self.unit(features)
        learnt = F.normalize(self.layers(unit), dim=1)
        if not self.told:
            return learnt
        new = self.weight * self.novelty(unit)
        senseless = self.nonsense_weight * self.nonsense(unit).clamp(min=0.0)
        return F.normalize(torch.cat([learnt, new, senseless], dim=1), dim=1)


class Temperature(nn.Module):
    """One over the temperature of the contrast, learnt, at most 100."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / temperature).log())

    def forward(self) -> Tensor:
        """A scalar."""
        return self.log_scale.exp().clamp(max=LARGEST_SCALE)
