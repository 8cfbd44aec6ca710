"""How unlike everything learnt something is: what nobody taught is looked for among what nobody taught.

Heads learn from a few kinds of places and pull whatever is new towards one of these. So a picture and a text say of
themselves how far they are from all that was learnt, in a coordinate of their own: it raises the likeness of a new
word and a new sight, and lowers that of a new word and a well-known sight. (Telling seen from unseen first is how
generalised zero-shot recognition is brought into balance: Chao et al. 2016, Atzmon and Chechik 2019.)
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

NEIGHBOURS = 5
LEAST_OF_GROUP = 8
LEAST_SPREAD = 0.05


class Novelty(nn.Module):
    """Of unit features (N, C): about -1 where something learnt is like them, 1 where nothing is; 0 before `fit`."""

    anchors: Tensor
    middle: Tensor
    spread: Tensor
    step: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("anchors", torch.zeros(0, features, dtype=torch.int8))
        self.register_buffer("step", torch.ones(()))
        self.register_buffer("middle", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))

    def fit(self, features: Tensor, groups: np.ndarray, rng: np.random.Generator, most: int) -> None:
        """Take what was learnt: the middle lies between the likeness to one's own group and to the others' alone.

        Args:
            features: (N, C) of unit length; groups: (N,) whole numbers, of which those with a few members count.
            most: so many are kept at most, drawn by chance.
        """
        sizes = dict(zip(*np.unique(groups, return_counts=True), strict=True))
        known = np.flatnonzero([sizes[group] >= LEAST_OF_GROUP for group in groups])
        if len(np.unique(groups[known])) < 2:
            return
        known = np.sort(rng.permutation(known)[:most])
        vectors, of = features[torch.from_numpy(known)].float(), torch.from_numpy(groups[known])
        likeness = vectors @ vectors.T
        alike = of[:, None] == of[None, :]
        itself = torch.eye(len(known), dtype=torch.bool)
        learnt = nearest_few(likeness.masked_fill(itself, -1.0)).median()
        new = nearest_few(likeness.masked_fill(alike, -1.0)).median()
        self.keep(vectors)
        self.middle = ((learnt + new) / 2).to(self.middle.device)
        self.spread = ((learnt - new) / 2).clamp(min=LEAST_SPREAD).to(self.middle.device)

    def fit_against(self, known: Tensor, strange: Tensor, rng: np.random.Generator, most: int) -> None:
        """Take what is known, (N, C) of unit length, and what is not, (M, C): the middle lies between the two.

        Args:
            most: so many of what is known are kept at most, drawn by chance.
        """
        known = known[torch.from_numpy(np.sort(rng.permutation(len(known))[:most])).to(known.device)]
        likeness = known @ known.T
        learnt = nearest_few(likeness.fill_diagonal_(-1.0)).median()
        new = nearest_few(strange @ known.T).median()
        self.keep(known)
        self.middle = ((learnt + new) / 2).to(self.middle.device)
        self.spread = ((learnt - new) / 2).clamp(min=LEAST_SPREAD).to(self.middle.device)

    def keep(self, vectors: Tensor) -> None:
        """Take (K, C) anchors, kept as whole numbers of -127..127 steps."""
        self.step = (vectors.abs().max() / 127).to(self.middle.device)
        self.anchors = (vectors / self.step.cpu()).round().to(torch.int8).to(self.middle.device)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C) of unit length -> (N, 1) in -1..1."""
        if not len(self.anchors):
            return features.new_zeros(len(features), 1)
        likeness = nearest_few(features @ (self.anchors.float() * self.step).T)[:, None]
        return torch.tanh((self.middle - likeness) / self.spread)


def nearest_few(likeness: Tensor) -> Tensor:
    """(N, K) -> (N,): the mean of the largest few."""
    return likeness.topk(min(NEIGHBOURS, likeness.shape[1]), dim=1).values.mean(dim=1)
