"""Turns measured figures into probabilities: one small network for footprints, one for ground the map leaves bare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.changes.unjoined import GROUND_FIGURES
from mlcore.changes.untraced import FOOTPRINT_FIGURES
from mlcore.changes.usual import STRANGE, Usual
from mlcore.changes.verdicts import FARTHEST, FoldVerdicts, Measured, PlainClassifier
from mlcore.errors import InvalidInputError

FOOTPRINT_CLASSES = ("unchanged", "remove", "modify")
GROUND_CLASSES = ("nothing", "add", "extend")
HIDDEN = 16
STEPS = 300
WEIGHT_DECAY, MOST_DECAY = 3e-3, 2e-2  # where examples are plenty, and where there is next to none,
SCARCE = 0.5  # and this over the number of examples of a change between: a prior weighs what it weighs
MOST_DOUBT = 8.0  # in log-odds: beyond it a doubt says no more


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

    def consistent(self, weights: TileWeights) -> float:
        """Probability that the tile's image and map agree."""
        kept = np.clip(np.array(self), -MOST_DOUBT, MOST_DOUBT)
        return float(1 / (1 + np.exp(kept @ np.array(weights.doubts) + weights.bias)))


class TileWeights(NamedTuple):
    """What each doubt weighs, in log-odds that a tile changed."""

    doubts: TileDoubts
    bias: float


OF_A_REGION = TileWeights(TileDoubts(0.30, 0.33, 0.47, 0.39), -0.55)
"""What a logistic regression found once on simulated edits of places. Fitted anew for each region it told tiles apart
no better."""
OF_ANY_PLACE = TileWeights(TileDoubts(0.0, 0.09, 0.13, 0.11), -0.28)
"""The same where networks and classifiers never saw the place: there U-CSA's score tells nothing that the others do
not, and all that is said is a good deal less sure."""


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
        x = ((figures - self.mean) / self.spread).clamp(-FARTHEST, FARTHEST)
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


class ChangeClassifier(nn.Module):
    """The classifiers of one fold: of footprints, and of what stands on bare ground.

    What many places taught is told how strange a footprint is in its place, beside its figures (`Usual.beside`).
    """

    def __init__(self, footprint: Classifier | None = None, ground: Classifier | None = None) -> None:
        super().__init__()
        self.footprint = footprint or Classifier(len(FOOTPRINT_FIGURES), len(FOOTPRINT_CLASSES))
        self.ground = ground or Classifier(len(GROUND_FIGURES), len(GROUND_CLASSES))

    @property
    def asks_usual(self) -> bool:
        """Whether what is usual in a place must be known before it is asked."""
        return len(self.footprint.mean) == len(FOOTPRINT_FIGURES) + len(STRANGE)

    def plain(self, usual: Usual | None = None) -> FoldVerdicts:
        """What it says, in plain arrays.

        Args:
            usual: in the place that it is asked about; None: what was usual in the places that taught it. It is of no
                matter to a classifier that does not ask.
        """
        if not self.asks_usual:
            return FoldVerdicts(_plain(self.footprint), _plain(self.ground))
        return FoldVerdicts(_plain(self.footprint), _plain(self.ground), usual or self._usual())

    def _usual(self) -> Usual:
        mean, spread = (part.cpu().double().numpy() for part in (self.footprint.mean, self.footprint.spread))
        return Usual(mean[STRANGE], spread[STRANGE])

    def classify_footprints(self, measures: Sequence[Measured]) -> np.ndarray:
        """(N, 3) probabilities of unchanged, remove, modify, wherever they are."""
        return self.plain().classify_footprints(measures)

    def footprint_chances(self, figures: np.ndarray) -> np.ndarray:
        """The same of (N, len(FOOTPRINT_FIGURES)) figures."""
        return self.plain().footprint_chances(figures)

    def ground_chances(self, figures: np.ndarray) -> np.ndarray:
        """(N, len(GROUND_FIGURES)) figures -> (N, 3) probabilities of nothing, a building that the map lacks, a part
        of one that it has."""
        return self.plain().ground_chances(figures)

    def classify_ground(self, measures: Sequence[Measured]) -> np.ndarray:
        """The same of N things measured on bare ground."""
        return self.plain().classify_ground(measures)

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> ChangeClassifier:
        """Rebuild from a state dict; files of earlier versions hold one of tiles as well, which nothing asks."""
        tensors = {name: value for name, value in tensors.items() if not name.startswith("tile.")}
        asks = len(tensors.get("footprint.mean", ())) > len(FOOTPRINT_FIGURES)
        figures = len(FOOTPRINT_FIGURES) + (len(STRANGE) if asks else 0)
        classifier = cls(Classifier(figures, len(FOOTPRINT_CLASSES)))
        try:
            classifier.load_state_dict(tensors)
        except RuntimeError as error:
            raise InvalidInputError(
                f"these weights are of another version of the change classifiers: train the region again ({error})"
            ) from error
        return classifier.eval()


def log_odds(probability: float) -> float:
    """Log-odds, kept within what 1e-3 gives."""
    kept = min(max(probability, 1e-3), 1 - 1e-3)
    return float(np.log(kept / (1 - kept)))


def _plain(model: Classifier) -> PlainClassifier:
    def arrays(*layers: nn.Linear) -> list[np.ndarray]:
        return [part.detach().cpu().numpy() for layer in layers for part in (layer.weight, layer.bias)]

    weights, biases = arrays(model.direct)
    hidden = None
    if model.hidden is not None and model.out is not None:
        into, into_bias, out_of, out_bias = arrays(model.hidden, model.out)
        hidden = (into, into_bias, out_of, out_bias)
    return PlainClassifier(model.mean.cpu().numpy(), model.spread.cpu().numpy(), (weights, biases), hidden)
