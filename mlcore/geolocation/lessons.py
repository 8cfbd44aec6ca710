"""How a step of training hears its teacher: the distillation loss, and what the loss of each token weighs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mlcore.geolocation import distillation
from mlcore.geolocation.grounds import TrainingPair

if TYPE_CHECKING:
    from mlcore.geolocation.model import LocatorModel, Tokens


@dataclass(frozen=True)
class Lesson:
    """What a teacher says of queries.

    Attributes:
        categories: (B, N, K) shares of each patch of 2 x 2 cells; attributes: (B, N, A).
        known: (B,) bool, queries of which it says anything.
    """

    categories: Tensor
    attributes: Tensor
    known: Tensor

    def of(self, chosen: list[int]) -> Lesson:
        """The same of some of the queries."""
        return Lesson(self.categories[chosen], self.attributes[chosen], self.known[chosen])


def from_labels(pairs: Sequence[TrainingPair], patches: int, category_of: Tensor) -> Lesson:
    """The photos' own classes, the same for every patch; nothing of pictures without a class."""
    count = int(category_of.max()) + 1
    rows = [pair.categories if pair.categories is not None else np.full(count, 1 / count) for pair in pairs]
    shares = torch.tensor(np.stack(rows), dtype=torch.float32, device=category_of.device)
    shares = shares[:, None].expand(-1, patches, -1)
    known = torch.tensor([pair.categories is not None for pair in pairs], device=category_of.device)
    return Lesson(shares, distillation.attribute_shares(shares, category_of), known)


def distilled(model: LocatorModel, query: Tokens, shape: tuple[int, int], lesson: Lesson) -> Tensor:
    """L_d of the queries that have a teacher (Eq. 1-3); zero where topics are not taught."""
    config, branch = model.config, model.topic_branch
    if not config.distillation or query.topics is None or branch is None or not bool(lesson.known.any()):
        return query.tokens.new_zeros(())
    pooled = distillation.pooled_topics(query.topics, shape)[lesson.known]
    weights = distillation.frequency_weights(lesson.categories[lesson.known])
    terms = [(lesson.categories, branch.categories, config.category_temperature)]
    if config.attributes:
        terms.append((lesson.attributes, branch.attributes, config.attribute_temperature))
    parts = [
        distillation.divergence_loss(
            taught[lesson.known], distillation.topic_distribution(pooled, prompts, temperature), weights, temperature
        )
        for taught, prompts, temperature in terms
    ]
    return distillation.distillation_loss(parts[0], parts[1] if len(parts) > 1 else parts[0].new_zeros(()))


def token_weights(
    model: LocatorModel, query: Tokens, shape: tuple[int, int], lesson: Lesson, *, early: bool
) -> Tensor:  # fmt: skip
    """(B, M) w_token of Eq. 12: early in training the teacher's w of each token's patch, later the topics' own."""
    config, branch = model.config, model.topic_branch
    if not config.weighted or query.topics is None or branch is None:
        return query.tokens.new_ones(query.tokens.shape[:2])
    if not early:
        own = distillation.topic_distribution(query.topics.detach(), branch.categories, config.category_temperature)
        return distillation.frequency_weights(own)
    weights = distillation.frequency_weights(lesson.categories)
    weights = torch.where(lesson.known[:, None], weights, torch.ones_like(weights))
    grid = weights.reshape(-1, 1, shape[0] // 2, shape[1] // 2)
    return F.interpolate(grid, size=shape, mode="nearest").flatten(1)
