"""Evidence networks that speak with one voice: a fold and what it started from, the folds of a region, a prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from mlcore.errors import CheckpointError
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.enlarged import Enlarged
from mlcore.evidence.model import EvidenceNetwork, evidence_network
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.evidence.readout import ReadAnew, Readout

EDGE = 1e-3


class EvidenceEnsemble(nn.Module):
    """A linear opinion pool: the weighted mean of what its members say, as probabilities.

    Tuning on a few tiles forgets the roofs that are not among them; the start still knows those, and what it knows is
    worth the less, the more tiles there were to learn from. Averaged weights forget most of that; averaged
    probabilities do not.

    Args:
        members: networks; the first is the one that learnt last.
        weights: (M,) shares that add up to 1; None = all the same.
        prior_shifts: (M,) what is added to each member's logit of building (see `mlcore.evidence.prior`).
    """

    weights: Tensor
    prior_shifts: Tensor

    def __init__(
        self,
        members: Sequence[nn.Module],
        weights: Sequence[float] | None = None,
        prior_shifts: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.ready = False  # made to be asked only (`mlcore.evidence.inference`)
        count = len(members)

        def kept(values: Sequence[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=self.device)

        self.register_buffer("weights", kept(weights or [1 / count] * count))
        self.register_buffer("prior_shifts", kept(prior_shifts or [0.0] * count))
        self.to(self.device).eval()

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) float RGB in 0..1 -> (B, 2, H, W) probabilities of building and of outline."""
        return self.pooled(self.logits(images))

    def logits(self, images: Tensor) -> list[Tensor]:
        """(B, 3, H, W) float RGB in 0..1 -> of each member (B, 2, H, W) logits, no prior shift added."""
        return [member(images).float() for member in self.members]

    def pooled(self, logits: Sequence[Tensor]) -> Tensor:
        """What the members said, one (B, 2, H, W) each, as (B, 2, H, W) probabilities of building and of outline."""
        pool = torch.zeros_like(logits[0])
        for said, weight, shift in zip(logits, self.weights, self.prior_shifts, strict=True):
            added = torch.stack([shift, torch.zeros_like(shift)])[:, None, None]
            pool = pool + weight * torch.sigmoid(said + added)
        return pool

    @property
    def device(self) -> torch.device:
        return next(self.members.parameters()).device

    @property
    def tuned(self) -> EvidenceNetwork:
        """The network that learnt last, as it was trained."""
        first = self.members[0]
        while isinstance(first, ReadAnew | Enlarged):
            first = first.network
        return cast(EvidenceNetwork, first)

    @classmethod
    def mean_of(cls, ensembles: Sequence[EvidenceEnsemble]) -> EvidenceEnsemble:
        """All of them, each counting the same: what a tile gets that no fold has seen."""
        members = [cast(EvidenceNetwork, member) for one in ensembles for member in one.members]
        weights = [float(weight) / len(ensembles) for one in ensembles for weight in one.weights]
        return cls(members, weights, [float(shift) for one in ensembles for shift in one.prior_shifts])

    def shifted(self, by: float) -> EvidenceEnsemble:
        """The same networks, each with `by` added to its logit of building."""
        members = [cast(EvidenceNetwork, member) for member in self.members]
        moved = EvidenceEnsemble(members, self.weights.tolist(), [float(shift) + by for shift in self.prior_shifts])
        moved.ready = self.ready
        return moved

    @classmethod
    def from_tensors(cls, config: EvidenceConfig, tensors: Mapping[str, Tensor]) -> EvidenceEnsemble:
        """Rebuild from a state dict, or from that of a single network.

        Raises:
            CheckpointError: the tensors are of another version or size.
        """
        alone = "weights" not in tensors
        count = 1 if alone else len(tensors["weights"])
        ensemble = cls([_blank(config, f"members.{number}.", tensors) for number in range(count)])
        try:
            (ensemble.members[0] if alone else ensemble).load_state_dict(dict(tensors))
        except RuntimeError as error:
            raise CheckpointError(
                f"these weights are of another version of the evidence: train the region again ({error})"
            ) from error
        return ensemble.eval()


def _blank(config: EvidenceConfig, name: str, tensors: Mapping[str, Tensor]) -> nn.Module:
    """A member of the kind that `tensors` hold under `name`, with other numbers."""
    network = evidence_network(config)
    if not isinstance(network, PyramidEvidence):
        return network
    larger = any(f"{name}{inner}factor" in tensors for inner in ("", "network."))
    seen = Enlarged(network, 1.0) if larger else network
    return ReadAnew(seen, Readout.blank(config.widths)) if f"{name}scale_and_bias" in tensors else seen


def best_share(tuned: np.ndarray, start: np.ndarray, drawn: np.ndarray) -> float:
    """The share with which the pool explains the map best: least mean negative log-likelihood, which is convex in it.

    Args:
        tuned, start: (N,) evidence of pixels that neither network learnt from, 0..1.
        drawn: (N,) bool, whether the map has a building there.

    Returns:
        0..1; 1 where there is nothing to go by.
    """
    if not len(drawn):
        return 1.0
    right, other = (np.where(drawn, p, 1 - p).clip(EDGE, 1) for p in (tuned, start))
    found = minimize_scalar(
        lambda share: -float(np.log(share * right + (1 - share) * other).mean()), bounds=(0, 1), method="bounded"
    )
    return float(found.x)
