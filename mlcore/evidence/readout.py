"""What a network's features say of a place once they are weighed as the place's own map tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.special import expit
from torch import Tensor, nn

from mlcore.encoders.unet import double
from mlcore.evidence.enlarged import Enlarged, on_grid
from mlcore.evidence.pyramid import PyramidEvidence

PENALTY = 1e-2  # for a weight of 1 on a channel of unit variance, against the mean negative log-likelihood
STEPS, HALVINGS, SMALL = 20, 8, 1e-5
LEAST_SPREAD, RIDGE = 1e-3, 1e-9


@dataclass(frozen=True)
class Readout:
    """A linear function of the decoder's channels that is added to the logit of building.

    Attributes:
        weights: (C,) float32 of the channels of each level, finest first.
        scale: of the network's own logit.
        bias: what is added everywhere.
    """

    weights: tuple[np.ndarray, ...]
    scale: float
    bias: float

    @classmethod
    def blank(cls, widths: Sequence[int]) -> Readout:
        """One that adds nothing, for levels of so many channels."""
        return cls(tuple(np.zeros(width, np.float32) for width in widths), 1.0, 0.0)

    @classmethod
    def mean_of(cls, readouts: Sequence[Readout]) -> Readout:
        """All of them, each counting the same."""
        weights = [np.mean(parts, axis=0) for parts in zip(*(one.weights for one in readouts), strict=True)]
        return cls(
            tuple(weights),
            float(np.mean([one.scale for one in readouts])),
            float(np.mean([one.bias for one in readouts])),
        )


class ReadAnew(nn.Module):
    """A network with a readout of its own; it is asked only, never trained."""

    def __init__(self, network: PyramidEvidence | Enlarged, readout: Readout) -> None:
        super().__init__()
        self.network = network
        device = next(network.parameters()).device
        self.register_buffer("scale_and_bias", torch.tensor([readout.scale, readout.bias], device=device))
        for number, weights in enumerate(readout.weights):
            kernel = torch.from_numpy(weights.astype(np.float32)).to(device)
            self.register_buffer(f"weights_{number}", kernel[None, :, None, None])

    def forward(self, images: Tensor) -> Tensor:
        """As `PyramidEvidence.forward`."""
        return self.read(self.network.levels(images))

    def read(self, levels: Sequence[Tensor]) -> Tensor:
        """(B, 2, H, W) float32 logits of building and of outline, from what the network's `levels` gave."""
        logits = self.network.said(levels).float()
        added: Tensor | None = None
        for number in reversed(range(len(levels))):
            weighed = levels[number].float() * self.get_buffer(f"weights_{number}")
            of_level = weighed.sum(1, keepdim=True)  # not a convolution, whose last digit depends on threads
            added = of_level if added is None else double(added) + of_level
        assert added is not None  # noqa: S101 - a network has levels
        scale, bias = self.get_buffer("scale_and_bias")
        added = F.interpolate(added, scale_factor=2.0, mode="nearest")
        height, width = logits.shape[-2:]
        return torch.cat([scale * logits[:, :1] + bias + on_grid(added, (height, width)), logits[:, 1:]], 1)


def channels_at(levels: Sequence[Tensor], sides: tuple[int, int], places: np.ndarray) -> np.ndarray:
    """(N, all channels) float32 at (2, N) rows and columns of the grid that `ReadAnew` brings every level to.

    Args:
        levels: of one picture.
    """
    rows, columns = torch.from_numpy(places).to(levels[0].device)
    found = [on_grid(level.float(), sides)[0, :, rows, columns] for level in levels]
    return np.ascontiguousarray(torch.cat(found).T.cpu().numpy())


def fitted_readout(
    channels: np.ndarray, logits: np.ndarray, drawn: np.ndarray, sizes: Sequence[int], shift: float = 0.0
) -> Readout:
    """Penalised logistic regression, by Newton's method with step halving; the network's own logit is the start.

    Args:
        channels: (N, C) float32 of pixels.
        logits: (N,) what the network says there.
        drawn: (N,) 0..1, how much of the pixel the map has a building on.
        sizes: channels of each level, finest first; they add up to C.
        shift: of the logits, to start from.
    """
    mean, spread = channels.mean(axis=0), channels.std(axis=0) + LEAST_SPREAD
    rows = np.column_stack([(channels - mean) / spread, logits, np.ones(len(logits), np.float32)])
    start = np.zeros(rows.shape[1])
    start[-2:] = 1.0, shift
    penalty = np.full(rows.shape[1], 2 * PENALTY)
    penalty[-1] = 0.0
    own = np.zeros_like(start)
    own[-2] = 1.0
    found = _newton(rows.astype(np.float32), drawn, start, own, penalty)
    weights = found[:-2] / spread
    bias = float(found[-1] - weights @ mean)
    return Readout(tuple(np.split(weights, np.cumsum(sizes)[:-1])), float(found[-2]), bias)


def _newton(rows: np.ndarray, drawn: np.ndarray, start: np.ndarray, own: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Least mean negative log-likelihood plus half the penalty times the squared distance to `own`."""

    def loss_at(values: np.ndarray) -> tuple[float, np.ndarray]:
        said = rows @ values.astype(np.float32)
        told = np.logaddexp(0, said) - drawn * said
        return float(told.mean(dtype=np.float64) + 0.5 * (penalty * (values - own) ** 2).sum()), said

    values = start
    loss, said = loss_at(values)
    for _ in range(STEPS):
        chance = expit(said)
        slope = rows.T @ (chance - drawn).astype(np.float32) / len(rows) + penalty * (values - own)
        weighed = rows * np.sqrt(chance * (1 - chance))[:, None].astype(np.float32)
        curve = (weighed.T @ weighed).astype(np.float64) / len(rows) + np.diag(penalty + RIDGE)
        step = np.linalg.solve(curve, slope)
        for _ in range(HALVINGS):
            lower, there = loss_at(values - step)
            if lower <= loss:
                break
            step = step / 2
        else:
            return values
        values, said = values - step, there
        if loss - lower < SMALL * max(loss, SMALL):
            return values
        loss = lower
    return values
