"""How unlike everything learnt something is, and how little sense it makes.

What nobody taught is looked for among what nobody taught.

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
FOLDS, RIDGE = 5, 3e-3
STEEP = 0.1
"""Sense is a decision: it changes over this share of the way from what is sensible to what is not."""


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


class Sense(nn.Module):
    """Of unit features (N, C): about -1 of what is sensible, 1 of what is not; 0 before `fit`.

    A linear discriminant between the two, regularised, both counting the same however many there are of each.
    """

    direction: Tensor
    middle: Tensor
    spread: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("direction", torch.zeros(features))
        self.register_buffer("middle", torch.zeros(()))
        self.register_buffer("spread", torch.ones(()))

    def fit(self, known: Tensor, strange: Tensor, rng: np.random.Generator) -> None:
        """Take what is sensible, (N, C) of unit length, and what is not, (M, C), FOLDS of each or more.

        Where the middle between them lies is measured on parts that the discriminant did not see.
        """
        folds = [torch.from_numpy(rng.permutation(len(some)) % FOLDS) for some in (known, strange)]
        unseen: list[list[Tensor]] = [[], []]
        for fold in range(FOLDS):
            apart = [of == fold for of in folds]
            direction = discriminant(known[~apart[0]], strange[~apart[1]])
            for told, some, mine in zip(unseen, (known, strange), apart, strict=True):
                told.append(some[mine] @ direction)
        sensible, senseless = (torch.cat(told).median() for told in unseen)
        self.direction = discriminant(known, strange).to(self.middle.device)
        self.middle = ((sensible + senseless) / 2).to(self.middle.device)
        self.spread = (STEEP * (senseless - sensible)).clamp(min=1e-3).to(self.middle.device)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C) of unit length -> (N, 1) in -1..1."""
        return torch.tanh((features @ self.direction - self.middle) / self.spread)[:, None]


def discriminant(low: Tensor, high: Tensor) -> Tensor:
    """(N, C), (M, C) -> (C,): the direction of ridge regression on 0 and 1, both sides of the same weight."""
    both = torch.cat([low, high]).double()
    weight = torch.cat([torch.full((len(some),), 0.5 / len(some)) for some in (low, high)]).double().to(both.device)
    wanted = torch.cat([torch.zeros(len(low)), torch.ones(len(high))]).double().to(both.device)
    centred = both - weight @ both
    covariance = (weight[:, None] * centred).T @ centred + RIDGE * torch.eye(both.shape[1]).to(both)
    return torch.linalg.solve(covariance, (weight * (wanted - 0.5)) @ centred).float()


def nearest_few(likeness: Tensor) -> Tensor:
    """(N, K) -> (N,): the mean of the largest few."""
    return likeness.topk(min(NEIGHBOURS, likeness.shape[1]), dim=1).values.mean(dim=1)
