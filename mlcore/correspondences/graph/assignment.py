"""From tokens to matches: dual softmax or optimal transport, the probability of each match, mutual nearest ones.

Both ways give one table: log probabilities (B, M + 1, N + 1) whose last column and row are the dustbin, for keypoints
that the other picture does not show.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.correspondences.graph.config import Assignment
from mlcore.errors import InvalidInputError

NEVER = -1e9
"""The log probability of what can't be, such as a match of padding; finite, so that no gradient is lost."""


def log_dual_softmax(similarity: Tensor, odds0: Tensor, odds1: Tensor, known0: Tensor, known1: Tensor) -> Tensor:
    """Both softmaxes, times the probability that either keypoint has a match at all (LightGlue, section 3.2).

    Args:
        similarity: (B, M, N); odds0, odds1: (B, M) and (B, N) logits of having a match.
        known0, known1: (B, M) and (B, N) bool: the others are padding.

    Returns:
        (B, M + 1, N + 1) log probabilities.
    """
    both = known0[:, :, None] & known1[:, None]
    logits = similarity.masked_fill(~both, NEVER)
    there, back = F.log_softmax(logits, dim=2), F.log_softmax(logits, dim=1)
    inner = there + back + F.logsigmoid(odds0)[:, :, None] + F.logsigmoid(odds1)[:, None]
    table = F.pad(inner.masked_fill(~both, NEVER), [0, 1, 0, 1], value=NEVER)
    table[:, :-1, -1] = F.logsigmoid(-odds0).masked_fill(~known0, NEVER)
    table[:, -1, :-1] = F.logsigmoid(-odds1).masked_fill(~known1, NEVER)
    return table


def log_transport(similarity: Tensor, dustbin: Tensor, known0: Tensor, known1: Tensor, rounds: int) -> Tensor:
    """Optimal transport with a dustbin by Sinkhorn's rounds on logarithms (SuperGlue, Eq. 8-9; Cuturi 2013).

    Every keypoint brings 1, and the dustbins as much as the other picture's keypoints together. Padding brings nothing.

    Args:
        similarity: (B, M, N); dustbin: () score of no match.
        known0, known1: (B, M) and (B, N) bool.
        rounds: of scaling rows, then columns; columns add up exactly, rows as nearly as the rounds allow.

    Returns:
        (B, M + 1, N + 1) log of the mass: known keypoints' rows and columns sum to 1, the dustbin's to N and M.
    """
    scores = F.pad(similarity.masked_fill(~(known0[:, :, None] & known1[:, None]), 0.0), [0, 1, 0, 1])
    rim = F.pad(torch.zeros_like(similarity), [0, 1, 0, 1], value=1.0)
    scores = scores + rim * dustbin
    rows, columns = _log_mass(known0, known1), _log_mass(known1, known0)
    u, v = torch.zeros_like(rows), torch.zeros_like(columns)
    for _ in range(rounds):
        u = rows - torch.logsumexp(scores + v[:, None], dim=2)
        v = columns - torch.logsumexp(scores + u[:, :, None], dim=1)
    return (scores + u[:, :, None] + v[:, None]).clamp(min=NEVER)


def _log_mass(ours: Tensor, theirs: Tensor) -> Tensor:
    """(B, M + 1) log of what each of ours and the dustbin bring."""
    own = torch.zeros_like(ours, dtype=torch.float32).masked_fill(~ours, NEVER)
    rest = theirs.sum(dim=1, keepdim=True).float().clamp(min=TINY_MASS).log()
    return torch.cat([own, rest], dim=1)


TINY_MASS = 1e-6


FIRST_SCALE = 1.5
"""Of tokens before they are held against each other: of 128 channels the softmax then has a temperature of 0.04."""


@dataclass(frozen=True)
class Pairs:
    """Matches of one pair of pictures.

    Attributes:
        first, second: (K,) indices of the keypoints; confidence: (K,) their probability.
    """

    first: Tensor
    second: Tensor
    confidence: Tensor


def mutual_nearest(table: Tensor, least_confidence: float) -> list[Pairs]:
    """Of each (M + 1, N + 1) table the matches that are the best of their row and of their column, and sure enough."""
    if table.ndim != 3 or min(table.shape[1:]) < 2:
        raise InvalidInputError("a table of matches must be (B, M + 1, N + 1) with a keypoint on either side")
    chosen = []
    for inner in table[:, :-1, :-1].exp():
        best, second = inner.max(dim=1)
        back = inner.argmax(dim=0)
        first = torch.arange(len(inner), device=inner.device)
        taken = (back[second] == first) & (best >= least_confidence) & (best > 0)
        chosen.append(Pairs(first[taken], second[taken], best[taken].clamp(max=1)))
    return chosen


class Assigner(nn.Module):
    """The table of matches of two sets of tokens; at first by how alike they are as they come."""

    def __init__(self, channels: int, way: Assignment, sinkhorn_rounds: int) -> None:
        super().__init__()
        self.way, self.sinkhorn_rounds = way, sinkhorn_rounds
        self.project = nn.Linear(channels, channels)
        nn.init.eye_(self.project.weight).data.mul_(FIRST_SCALE)
        nn.init.zeros_(self.project.bias)
        if way == "transport":
            self.dustbin = nn.Parameter(torch.tensor(1.0))
        else:
            self.odds = nn.Linear(channels, 1)

    def forward(self, tokens0: Tensor, tokens1: Tensor, known0: Tensor, known1: Tensor) -> Tensor:
        """(B, M, C) and (B, N, C) tokens, (B, M) and (B, N) bool -> (B, M + 1, N + 1) log probabilities."""
        words0, words1 = self.project(tokens0), self.project(tokens1)
        similarity = words0 @ words1.transpose(1, 2) / words0.shape[-1] ** 0.5
        if self.way == "transport":
            return log_transport(similarity, self.dustbin, known0, known1, self.sinkhorn_rounds)
        odds0, odds1 = self.odds(tokens0)[..., 0], self.odds(tokens1)[..., 0]
        return log_dual_softmax(similarity, odds0, odds1, known0, known1)
