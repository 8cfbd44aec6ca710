"""The building-evidence network: a small encoder-decoder that says, per pixel, building and outline."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.encoders.unet import STRIDE_PX, SmallUNet
from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.pyramid import PyramidEvidence

__all__ = ["STRIDE_PX", "EvidenceModel", "EvidenceNetwork", "evidence_network"]


class EvidenceModel(SmallUNet):
    """Building evidence per pixel from the image alone; the head unfolds what the trunk folded."""

    def __init__(self, config: EvidenceConfig | None = None) -> None:
        config = config or EvidenceConfig()
        super().__init__(config.widths)
        self.config = config
        self.head = nn.Conv2d(config.widths[0], 8, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of building and of outline.

        Args:
            images: (B, 3, H, W) float RGB in 0..1, H and W multiples of 16.

        Returns:
            (B, 2, H, W): channel 0 building interior, channel 1 outline of a building.
        """
        return F.pixel_shuffle(self.head(self.trunk(images)), 2)


EvidenceNetwork = EvidenceModel | PyramidEvidence


def evidence_network(config: EvidenceConfig) -> EvidenceNetwork:
    """The network that a configuration speaks of, with random weights."""
    return PyramidEvidence(config) if config.encoder else EvidenceModel(config)
