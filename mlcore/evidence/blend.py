"""Evidence of two networks as one: the one tuned on a place, and the one it started from, which knows other places."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor, nn

from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.model import EvidenceModel

EDGE = 1e-3


class BlendedEvidence(nn.Module):
    """A linear opinion pool: share x tuned + (1 - share) x start, as probabilities.

    Tuning on a few tiles forgets the roofs that are not among them; the start still knows those, and what it knows is
    worth the less, the more tiles there were to learn from. Averaged weights forget most of that; averaged
    probabilities do not.

    Attributes:
        share: of the tuned network, 0..1.
        prior_shift: what is added to the start's logit of building (see `mlcore.evidence.prior`).
    """

    def __init__(self, tuned: EvidenceModel, start: EvidenceModel, share: float, prior_shift: float) -> None:
        super().__init__()
        self.tuned, self.start = tuned, start
        self.register_buffer("share", torch.tensor(float(share)))
        self.register_buffer("prior_shift", torch.tensor([float(prior_shift), 0.0]))

    def forward(self, images: Tensor) -> Tensor:
        """Logits of building and of outline, (B, 2, H, W), of (B, 3, H, W) float RGB in 0..1."""
        share, shift = self.get_buffer("share"), self.get_buffer("prior_shift")[:, None, None]
        pool = share * torch.sigmoid(self.tuned(images)) + (1 - share) * torch.sigmoid(self.start(images) + shift)
        return torch.logit(pool, eps=1e-6)


EvidenceNetwork = EvidenceModel | BlendedEvidence


def network_from_tensors(config: EvidenceConfig, tensors: Mapping[str, Tensor]) -> EvidenceNetwork:
    """Rebuild either sort of network from its state dict."""
    model: EvidenceNetwork = EvidenceModel(config)
    if "share" in tensors:
        model = BlendedEvidence(EvidenceModel(config), EvidenceModel(config), 1.0, 0.0)
    model.load_state_dict(dict(tensors))
    return model.eval()


def tuned_part(model: EvidenceNetwork) -> EvidenceModel:
    """The network that learnt last."""
    return model.tuned if isinstance(model, BlendedEvidence) else model


def share_of(model: EvidenceNetwork) -> float:
    """How much of the evidence is the tuned network's: all of it where nothing else was kept."""
    return float(model.get_buffer("share")) if isinstance(model, BlendedEvidence) else 1.0


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
