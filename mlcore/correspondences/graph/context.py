"""Semantic context: a keypoint's token knows what it lies on, not only what it looks like."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mlcore.correspondences.graph.attention import silent
from mlcore.errors import InvalidInputError


class Context(nn.Module):
    """First tokens of keypoints: their descriptors, moved by the deep features and the evidence at their places.

    The deep features see some 100 pixels about a point. Evidence (buildings, roads) comes from a network that is asked
    outside, so that any may be used. How MapGlue brings semantics in is not told; adding them is SuperGlue's way with
    positions (Sarlin 2020, Eq. 2).

    Args:
        channels: of descriptors and tokens; deep: of the deep features; classes: of the evidence, 0 for none.
    """

    def __init__(self, channels: int, deep: int, classes: int = 0) -> None:
        super().__init__()
        self.classes = classes
        self.words = nn.Linear(channels, channels)
        self.meaning = nn.Sequential(
            nn.Linear(deep + classes + 1, channels),
            nn.LayerNorm(channels),
            nn.GELU(),
            silent(nn.Linear(channels, channels)),
        )
        nn.init.eye_(self.words.weight)
        nn.init.zeros_(self.words.bias)

    def forward(self, descriptors: Tensor, deep: Tensor, score: Tensor, evidence: Tensor | None = None) -> Tensor:
        """Tokens.

        Args:
            descriptors: (B, N, channels); deep: (B, N, deep); score: (B, N); evidence: (B, N, classes).

        Returns:
            (B, N, channels).

        Raises:
            InvalidInputError: evidence is missing, or of other classes than those learnt with.
        """
        if (0 if evidence is None else evidence.shape[-1]) != self.classes:
            raise InvalidInputError(f"this matcher was made for {self.classes} classes of evidence: pass as many")
        parts = [deep, score[..., None]] + ([] if evidence is None else [evidence])
        return self.words(descriptors) * self.words.in_features**0.5 + self.meaning(torch.cat(parts, dim=-1))
