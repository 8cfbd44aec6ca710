"""The dual graph: all keypoints within and across the pictures, then each keypoint's nearest ones along their edges.

Positions enter only by what no rotation, shift or uniform scaling of a picture alters: distances in units of its usual
spacing of keypoints, and directions of edges against the direction of the picture's own structure at their ends. Rotary
positions (LightGlue) know no shift, but a turned picture has others; maps and images come here at any angle.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EDGE_FEATURES = 7
EDGE_CHANNELS = 32
KNOTS = (-1.0, 0.0, 1.0, 2.0, 3.0, 4.0)
"""Of the distance, as a power of two of the spacing, between which attention to a distance is learnt."""
UNSEEN = -1e9
TINY = 1e-6


@dataclass(frozen=True)
class Graph:
    """How the keypoints of each picture lie to each other.

    Attributes:
        known: (B, N) bool: the others are padding.
        neighbours: (B, N, K) of each keypoint, its nearest ones.
        edge_known: (B, N, K) bool.
        edges: (B, N, K, EDGE_FEATURES) of the edges to them.
        radial: (B, N, N, len(KNOTS)) distances of all.
    """

    known: Tensor
    neighbours: Tensor
    edge_known: Tensor
    edges: Tensor
    radial: Tensor


@torch.no_grad()
def graph_of(xy: Tensor, turn: Tensor, known: Tensor, neighbours: int) -> Graph:
    """The graphs of keypoints.

    Args:
        xy: (B, N, 2) pixels, N at least 2; turn: (B, N, 2) directions as vectors of twice their angle, length 0..1.
        known: (B, N) bool; neighbours: edges of each keypoint, fewer where there are fewer keypoints.
    """
    count = xy.shape[1]
    apart = torch.cdist(xy, xy, compute_mode="donot_use_mm_for_euclid_dist")
    barred = ~(known[:, :, None] & known[:, None]) | torch.eye(count, dtype=torch.bool, device=xy.device)
    near = apart.masked_fill(barred, float("inf")).topk(min(neighbours, count - 1), dim=2, largest=False)
    edge_known = near.values.isfinite()
    length = near.values.masked_fill(~edge_known, 0.0)
    spacing = (length.sum(dim=(1, 2)) / edge_known.sum(dim=(1, 2)).clamp(min=1)).clamp(min=TINY)[:, None, None]
    edges = _edge_features(xy, turn, near.indices, length / spacing)
    power = torch.log2(apart / spacing + 2.0 ** KNOTS[0])
    radial = torch.exp(-0.5 * (power[..., None] - xy.new_tensor(KNOTS)) ** 2)
    return Graph(known, near.indices, edge_known, edges * edge_known[..., None], radial)


def _edge_features(xy: Tensor, turn: Tensor, neighbours: Tensor, length: Tensor) -> Tensor:
    """(B, N, K, 7): log length, twice the angle of the edge to the direction at either end, and of these to each other.

    As complex numbers, with e the edge's direction squared and z, w the directions at its ends: e z*, e w*, z w*. All
    turn together, so that the products stay.
    """
    step = gathered(xy, neighbours) - xy[:, :, None]
    step = step / step.norm(dim=-1, keepdim=True).clamp(min=TINY)
    edge = torch.stack([step[..., 0] ** 2 - step[..., 1] ** 2, 2 * step[..., 0] * step[..., 1]], dim=-1)
    here, there = turn[:, :, None].expand_as(edge), gathered(turn, neighbours)
    parts = [_against(edge, here), _against(edge, there), _against(here, there)]
    return torch.cat([torch.log(length + 0.1)[..., None], *parts], dim=-1)


def _against(one: Tensor, other: Tensor) -> Tensor:
    """The product of one complex number with the conjugate of the other, (..., 2) each."""
    real = (one * other).sum(dim=-1)
    return torch.stack([real, one[..., 1] * other[..., 0] - one[..., 0] * other[..., 1]], dim=-1)


def gathered(values: Tensor, index: Tensor) -> Tensor:
    """(B, N, C) values at (B, N, K) indices -> (B, N, K, C)."""
    batch = torch.arange(len(values), device=values.device)[:, None, None]
    return values[batch, index]


def silent(layer: nn.Linear) -> nn.Linear:
    """A layer that says nothing until it has learnt to."""
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


class Update(nn.Module):
    """A token takes up a message (SuperGlue, Eq. 3): x + MLP([x, message]).

    At first it takes up nothing, so that training starts from what the descriptors say alone.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(2 * channels, 2 * channels), nn.LayerNorm(2 * channels), nn.GELU(),
            silent(nn.Linear(2 * channels, channels)),
        )  # fmt: skip

    def forward(self, tokens: Tensor, message: Tensor) -> Tensor:
        return tokens + self.mlp(torch.cat([tokens, message], dim=-1))


class GlobalAttention(nn.Module):
    """Every keypoint attends to all of its picture, or to all of the other one (Vaswani 2017, Eq. 1)."""

    def __init__(self, channels: int, heads: int, *, positions: bool) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(channels, channels) for _ in range(4))
        self.distance = nn.Linear(len(KNOTS), heads, bias=False) if positions else None
        self.update = Update(channels)

    def forward(self, tokens: Tensor, source: Tensor, known: Tensor, radial: Tensor | None = None) -> Tensor:
        """Tokens after they heard those of `source`.

        Args:
            tokens: (B, M, C); source: (B, N, C); known: (B, N) bool of `source`.
            radial: (B, M, N, len(KNOTS)) distances, where they count.
        """
        mask = torch.zeros_like(known, dtype=tokens.dtype).masked_fill(~known, UNSEEN)[:, None, None]
        if self.distance is not None and radial is not None:
            mask = mask + self.distance(radial).permute(0, 3, 1, 2)
        parts = (self._heads(self.query(tokens)), self._heads(self.key(source)), self._heads(self.value(source)))
        heard = F.scaled_dot_product_attention(*parts, attn_mask=mask)
        return self.update(tokens, self.out(heard.transpose(1, 2).flatten(2)))

    def _heads(self, tokens: Tensor) -> Tensor:
        """(B, N, C) -> (B, heads, N, C / heads)."""
        return tokens.unflatten(2, (self.heads, -1)).transpose(1, 2)


class LocalAttention(nn.Module):
    """Every keypoint attends to its neighbours; what it hears and how much depends on the edge as well."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(channels, channels) for _ in range(4))
        self.edge = nn.Sequential(nn.Linear(EDGE_FEATURES, EDGE_CHANNELS), nn.GELU())
        self.weight = nn.Linear(EDGE_CHANNELS, heads)
        self.edge_out = nn.Linear(heads * EDGE_CHANNELS, channels)
        self.update = Update(channels)

    def forward(self, tokens: Tensor, graph: Graph) -> Tensor:
        """Tokens (B, N, C) after they heard their neighbours."""
        query = self.query(tokens).unflatten(2, (self.heads, -1))
        key = gathered(self.key(tokens), graph.neighbours).unflatten(3, (self.heads, -1))
        value = gathered(self.value(tokens), graph.neighbours).unflatten(3, (self.heads, -1))
        edge = self.edge(graph.edges)
        logits = torch.einsum("bnhc,bnkhc->bnkh", query, key) / query.shape[-1] ** 0.5 + self.weight(edge)
        logits = logits.masked_fill(~graph.edge_known[..., None], UNSEEN)
        share = F.softmax(logits, dim=2) * graph.edge_known[..., None]
        heard = self.out(torch.einsum("bnkh,bnkhc->bnhc", share, value).flatten(2))
        along = self.edge_out(torch.einsum("bnkh,bnke->bnhe", share, edge).flatten(2))
        return self.update(tokens, heard + along)


class Round(nn.Module):
    """From global to local: within each picture, across the two, then along the edges of the local graph.

    Both pictures go through the same weights, so that it does not matter which one comes first.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.within = GlobalAttention(channels, heads, positions=True)
        self.across = GlobalAttention(channels, heads, positions=False)
        self.local = LocalAttention(channels, heads)

    def forward(self, tokens0: Tensor, tokens1: Tensor, graph0: Graph, graph1: Graph) -> tuple[Tensor, Tensor]:
        """(B, M, C) and (B, N, C) -> the same."""
        tokens0 = self.within(tokens0, tokens0, graph0.known, graph0.radial)
        tokens1 = self.within(tokens1, tokens1, graph1.known, graph1.radial)
        heard0 = self.across(tokens0, tokens1, graph1.known)
        heard1 = self.across(tokens1, tokens0, graph0.known)
        return self.local(heard0, graph0), self.local(heard1, graph1)
