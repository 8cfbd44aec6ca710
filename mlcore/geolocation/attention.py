"""Attention over tokens: linear self-attention with rotary positions, and cross-attention to few prompts.

T, N tokens; C channels in `heads` heads of D = C / heads.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BASE = 100.0
"""The slowest turn goes round once in about `2 pi BASE` cells: bases are smaller than that."""


def rotary_angles(height: int, width: int, size: int, device: torch.device | str = "cpu") -> Tensor:
    """Angles by which pairs of channels are turned at each cell (RoFormer, Eq. 15, along two axes).

    Args:
        size: D of a head, a multiple of 4: one half of the pairs turns with x, the other with y.

    Returns:
        (height * width, size / 2) radians, row by row.
    """
    pace = BASE ** (-torch.arange(size // 4, dtype=torch.float32, device=device) / max(1, size // 4))
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    return torch.cat([x.reshape(-1, 1) * pace, y.reshape(-1, 1) * pace], dim=1)


def rotated(features: Tensor, angles: Tensor) -> Tensor:
    """Turn pairs of channels by their angles (RoFormer, Eq. 34): inner products then tell only differences of places.

    Args:
        features: (..., T, D); angles: (T, D / 2).
    """
    first, second = features[..., 0::2], features[..., 1::2]
    cos, sin = angles.cos(), angles.sin()
    return torch.stack([first * cos - second * sin, first * sin + second * cos], dim=-1).flatten(-2)


def linear_attention(queries: Tensor, keys: Tensor, values: Tensor, angles: Tensor, valid: Tensor) -> Tensor:
    """Attention whose cost grows linearly: phi(q) (sum phi(k) v) / phi(q) sum phi(k), with phi = elu + 1.

    Positions turn the mapped queries and keys of the sum alone, not of its normaliser (RoFormer, Eq. 19), so that the
    weights stay finite.

    Args:
        queries, keys, values: (B, heads, T, D); angles: (T, D / 2); valid: (B, T) bool, keys that count.

    Returns:
        (B, heads, T, D).
    """
    queries, keys = F.elu(queries) + 1, (F.elu(keys) + 1) * valid[:, None, :, None]
    gathered = rotated(keys, angles).transpose(2, 3) @ values
    total = (queries * keys.sum(dim=2, keepdim=True)).sum(dim=3, keepdim=True)
    return (rotated(queries, angles) @ gathered) / total.clamp(min=1e-6)


class SelfAttention(nn.Module):
    """One layer of linear attention over the tokens of a picture, with a feed-forward part and shortcuts."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.norm_out = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.project = nn.Linear(channels, 3 * channels)
        self.merge = nn.Linear(channels, channels)
        self.feed = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))

    def forward(self, tokens: Tensor, valid: Tensor, shape: tuple[int, int]) -> Tensor:
        """(B, T, C) tokens of a grid of `shape` rows and columns, (B, T) bool -> (B, T, C)."""
        batch, count, channels = tokens.shape
        parts = self.project(self.norm(tokens)).reshape(batch, count, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        angles = rotary_angles(*shape, channels // self.heads, tokens.device)
        seen = linear_attention(parts[0], parts[1], parts[2], angles, valid)
        tokens = tokens + self.merge(seen.transpose(1, 2).reshape(batch, count, channels))
        return tokens + self.feed(self.norm_out(tokens))


class CrossAttention(nn.Module):
    """Tokens ask the embeddings of prompts; these are few, so that it costs little (TopicGeo, Section 3.1)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm, self.norm_out = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.ask, self.offer = nn.Linear(channels, channels), nn.Linear(channels, 2 * channels)
        self.merge = nn.Linear(channels, channels)
        self.feed = nn.Sequential(nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels))

    def forward(self, tokens: Tensor, prompts: Tensor) -> Tensor:
        """(B, T, C) tokens, (P, C) prompts -> (B, T, C)."""
        batch, count, channels = tokens.shape
        queries = self.ask(self.norm(tokens)).reshape(batch, count, self.heads, -1).transpose(1, 2)
        keys, values = self.offer(prompts).reshape(1, len(prompts), 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(queries, keys.expand(batch, -1, -1, -1), values.expand(batch, -1, -1, -1))
        tokens = tokens + self.merge(seen.transpose(1, 2).reshape(batch, count, channels))
        return tokens + self.feed(self.norm_out(tokens))
