"""Turns measured figures into probabilities: one small network for footprints, one for ground the map leaves bare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from torch import Tensor, nn

from mlcore.changes.ground import GROUND_FIGURES, GroundMeasure
from mlcore.changes.measure import FOOTPRINT_FIGURES, FootprintMeasure
from mlcore.errors import InvalidInputError

FOOTPRINT_CLASSES = ("unchanged", "remove", "modify")
GROUND_CLASSES = ("nothing", "add", "extend")
HIDDEN = 16
STEPS = 300
WEIGHT_DECAY, MOST_DECAY = 3e-3, 2e-2  # where examples are plenty, and where there is next to none,
SCARCE = 0.5  # and this over the number of examples of a change between: a prior weighs what it weighs
TILE_PRIOR = (0.3, 0.5, 0.5, 1.0)  # weights of the doubts about a tile where nothing better is known
TILE_SPREAD, TILE_RIDGE, BIAS_RIDGE = 2.0, 0.2, 0.05


class TileDoubts(NamedTuple):
    """What speaks for a change on a tile, the higher the more.

    Attributes:
        inconsistency: U-CSA's score, negated.
        any_change, surest: log-odds that any building changed, and of the surest change.
        largest: log-odds of the largest difference of evidence and map (`Measures.largest`), which needs no learning.
    """

    inconsistency: float
    any_change: float
    surest: float
    largest: float

    @classmethod
    def of(cls, final: float, confidences: Sequence[float], areas_m2: Sequence[float], largest: float) -> TileDoubts:
        """From the tile's score, its candidates and its largest difference (a probability).

        Buildings below 40 m2 count less, since a tile is called changed from one building of that size on.
        """
        weighed = [c * min(1.0, (a / 40.0) ** 2) for c, a in zip(confidences, areas_m2, strict=True)]
        none = float(np.prod([1 - c for c in weighed])) if weighed else 1.0
        return cls(-final, log_odds(1 - none), log_odds(max(weighed, default=0.0)), log_odds(largest))


class Classifier(nn.Module):
    """Class probabilities from figures: standardised, clipped, one hidden layer."""

    mean: Tensor
    spread: Tensor

    def __init__(self, figures: int, classes: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(figures))
        self.register_buffer("spread", torch.ones(figures))
        self.hidden = nn.Linear(figures, hidden) if hidden else None
        self.out = nn.Linear(hidden, classes) if hidden else None
        self.direct = nn.Linear(figures, classes)

    def forward(self, figures: Tensor) -> Tensor:
        """(N, figures) float -> (N, classes) logits."""
        x = ((figures - self.mean) / self.spread).clamp(-4, 4)
        if self.hidden is None or self.out is None:
            return self.direct(x)
        return self.out(torch.tanh(self.hidden(x))) + self.direct(x)


def fit_classifier(
    figures: np.ndarray,
    labels: np.ndarray,
    classes: int,
    *,
    seed: int,
    hidden: int = HIDDEN,
    weights: np.ndarray | None = None,
) -> Classifier:
    """Fit on measured examples.

    Args:
        figures: (N, F); labels: (N,) class numbers.
        hidden: width of the hidden layer; 0 is a plain logistic regression.
        weights: (N,) how much each example counts; None = all the same.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Classifier(figures.shape[1], classes, hidden)
    x = torch.as_tensor(figures, dtype=torch.float32)
    y = torch.as_tensor(labels, dtype=torch.long)
    share = None if weights is None else torch.as_tensor(weights / weights.sum(), dtype=torch.float32)
    model.mean.copy_(x.mean(dim=0))
    model.spread.copy_(x.std(dim=0).clamp(min=1e-3) if len(x) > 1 else torch.ones(x.shape[1]))
    decay = float(np.clip(SCARCE / max(1, int((labels > 0).sum())), WEIGHT_DECAY, MOST_DECAY))
    optimiser = torch.optim.Adam(model.parameters(), 2e-2)
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = 2e-2 * (1 - step / STEPS)
        logits = model(x)
        loss = F.cross_entropy(logits, y) if share is None else (F.cross_entropy(logits, y, reduction="none") @ share)
        penalty = sum((p**2).sum() for name, p in model.named_parameters() if name.endswith("weight"))
        optimiser.zero_grad(set_to_none=True)
        (loss + decay * penalty).backward()
        optimiser.step()
    return model.eval()


def fit_tile_classifier(doubts: np.ndarray, changed: np.ndarray) -> Classifier:
    """Logistic regression of "the tile changed" on `TileDoubts`, near TILE_PRIOR where examples are few.

    The doubts are used in their own units, none may speak against a change, and the odds of a change where nothing
    speaks for one stay near even: folds whose tiles have more errors of the map's own must not call all tiles of the
    others changed, or their probabilities could not be compared.

    Args:
        doubts: (N, 4); changed: (N,) bool.
    """
    target = changed.astype(np.float64)
    x = np.clip(doubts / TILE_SPREAD, -4, 4) * TILE_SPREAD

    def loss(values: np.ndarray) -> float:
        z = x @ values[:-1] + values[-1]
        ridge = TILE_RIDGE * ((values[:-1] - TILE_PRIOR) ** 2).sum() + BIAS_RIDGE * values[-1] ** 2
        return float(np.mean(np.logaddexp(0, z) - target * z) + ridge)

    bounds = [(0, None)] * x.shape[1] + [(None, None)]
    values = minimize(loss, np.append(TILE_PRIOR, 0.0), bounds=bounds, method="L-BFGS-B").x
    model = tile_classifier()
    with torch.no_grad():
        model.direct.weight[1] = torch.as_tensor(values[:-1] * TILE_SPREAD, dtype=torch.float32)
        model.direct.bias[1] = float(values[-1])
    return model.eval()


def tile_classifier() -> Classifier:
    """A tile's classifier before any fit: the prior alone."""
    model = Classifier(len(TileDoubts._fields), 2, hidden=0)
    with torch.no_grad():
        model.spread.fill_(TILE_SPREAD)
        model.direct.weight.zero_()
        model.direct.bias.zero_()
        model.direct.weight[1] = torch.as_tensor(np.array(TILE_PRIOR) * TILE_SPREAD, dtype=torch.float32)
    return model


class ChangeClassifier(nn.Module):
    """The classifiers of one fold: of footprints, of what stands on bare ground, of whole tiles."""

    def __init__(
        self, footprint: Classifier | None = None, ground: Classifier | None = None, tile: Classifier | None = None
    ) -> None:
        super().__init__()
        self.footprint = footprint or Classifier(len(FOOTPRINT_FIGURES), len(FOOTPRINT_CLASSES))
        self.ground = ground or Classifier(len(GROUND_FIGURES), len(GROUND_CLASSES))
        self.tile = tile or tile_classifier()

    def classify_footprints(self, measures: Sequence[FootprintMeasure]) -> np.ndarray:
        """(N, 3) probabilities of unchanged, remove, modify."""
        return _probabilities(self.footprint, [measure.figures for measure in measures], len(FOOTPRINT_CLASSES))

    def classify_ground(self, measures: Sequence[GroundMeasure]) -> np.ndarray:
        """(N, 3) probabilities of nothing, a building that the map lacks, a part of one that it has."""
        return _probabilities(self.ground, [measure.figures for measure in measures], len(GROUND_CLASSES))

    def consistent(self, doubts: TileDoubts) -> float:
        """Probability that a tile's image and map agree, from what speaks against it."""
        return float(_probabilities(self.tile, [np.array(doubts)], 2)[0, 0])

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> ChangeClassifier:
        """Rebuild from a state dict."""
        classifier = cls()
        try:
            classifier.load_state_dict(dict(tensors))
        except RuntimeError as error:
            raise InvalidInputError(
                f"these weights are of another version of the change classifiers: train the region again ({error})"
            ) from error
        return classifier.eval()


def log_odds(probability: float) -> float:
    """Log-odds, kept within what 1e-3 gives."""
    kept = min(max(probability, 1e-3), 1 - 1e-3)
    return float(np.log(kept / (1 - kept)))


def _probabilities(model: Classifier, figures: list[np.ndarray], classes: int) -> np.ndarray:
    if not figures:
        return np.zeros((0, classes))
    with torch.inference_mode():
        return torch.softmax(model(torch.as_tensor(np.stack(figures), dtype=torch.float32)), dim=1).numpy()
