"""A network that is shown pictures larger than they are: a place's small buildings then look as those learnt did."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.evidence.pyramid import PyramidEvidence


class Enlarged(nn.Module):
    """What `network` says of pictures `factor` times as large, on the pixels that they have; never trained.

    Its work grows with the square of the factor.

    Args:
        factor: by which sides that are multiples of 64 become multiples of 32, such as 1.5 or 2.
    """

    factor: Tensor

    def __init__(self, network: PyramidEvidence, factor: float) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("factor", torch.tensor(factor))

    def forward(self, images: Tensor) -> Tensor:
        """As `PyramidEvidence.forward`."""
        return self.said(self.levels(images))

    def levels(self, images: Tensor) -> tuple[Tensor, ...]:
        """As `PyramidEvidence.levels`, of the larger picture."""
        height, width = (round(side * float(self.factor)) for side in images.shape[-2:])
        larger = F.interpolate(images, size=(height, width), mode="bilinear", align_corners=False)
        return self.network.levels(larger.contiguous(memory_format=torch.channels_last))

    def said(self, levels: Sequence[Tensor]) -> Tensor:
        """As `PyramidEvidence.said`: (B, 2, H, W) logits on the pixels of the picture as it is."""
        said = self.network.said(levels).float()
        height, width = (round(side / float(self.factor)) for side in said.shape[-2:])
        return on_grid(said, (height, width))


def on_grid(plane: Tensor, sides: tuple[int, int]) -> Tensor:
    """(B, C, h, w) -> (B, C, *sides): doubled between pixels as often as it fits, then by straight lines."""
    while plane.shape[-1] * 2 <= sides[1]:
        plane = F.interpolate(plane, scale_factor=2, mode="bilinear", align_corners=False)
    if tuple(plane.shape[-2:]) == sides:
        return plane
    smaller = plane.shape[-1] > sides[1]
    return F.interpolate(plane, size=sides, mode="bilinear", align_corners=False, antialias=smaller)
