"""The evidence network that knows pictures: a pre-trained encoder, and a decoder that keeps edges.

level     encoder      decoder (widths w0..w3)
1/32      320
1/16      112          w3 = block([112, up(320)])
1/8       40           w2 = block([40, up(w3)])
1/4       24           w1 = block([24, up(w2)])
1/2       16           w0 = block([16, image folded 2 x 2, up(w1)])
1/1                    2 = unfolded head
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.encoders.efficientnet_lite import CHANNELS, STRIDE_PX, EfficientNetLite
from mlcore.encoders.imagenet import published_reference
from mlcore.encoders.unet import ConvBlock, double
from mlcore.encoders.weights import RANDOM, read_weights
from mlcore.errors import InvalidInputError
from mlcore.evidence.config import EvidenceConfig

FOLDED = 12  # three colours of 2 x 2 pixels


class PyramidEvidence(nn.Module):
    """Building evidence per pixel from the image alone.

    The encoder keeps the batch statistics of the pictures that it learnt from first: crops of a few places would only
    blur them, and what is said of a pixel must not depend on what else is in the batch.
    """

    stride_px = STRIDE_PX

    def __init__(self, config: EvidenceConfig) -> None:
        super().__init__()
        self.config = config
        half, quarter, eighth, deep = config.widths
        c2, c4, c8, c16, c32 = CHANNELS
        self.encoder = EfficientNetLite()
        self.up_deep = nn.Conv2d(c32, deep, 1)
        self.dec_deep = ConvBlock(c16 + deep, deep)
        self.up_eighth = nn.Conv2d(deep, eighth, 1)
        self.dec_eighth = ConvBlock(c8 + eighth, eighth)
        self.up_quarter = nn.Conv2d(eighth, quarter, 1)
        self.dec_quarter = ConvBlock(c4 + quarter, quarter)
        self.up_half = nn.Conv2d(quarter, half, 1)
        self.dec_half = ConvBlock(c2 + FOLDED + half, half)
        self.head = nn.Conv2d(half, 8, 1)

    def load_published(self, weights: str = "") -> None:
        """Put ImageNet's weights into the encoder.

        Args:
            weights: as `EvidenceConfig.encoder_weights`.

        Raises:
            WeightsUnavailableError: neither a file nor the installed package.
            CheckpointError: weights of another network.
        """
        if weights != RANDOM:
            self.encoder.load_published(read_weights(weights or published_reference())[0])

    def freeze(self, stages: int) -> None:
        """Keep the encoder's stem and its first `stages` stages as they are, and the filters of single channels.

        These hold 6 % of the encoder's weights, and their gradients take 40 % of a step's time on a processor. 0 trains
        everything.
        """
        if not stages:
            return
        for part in (self.encoder.stem, *self.encoder.stages[:stages]):
            part.requires_grad_(False)
        for layer in self.encoder.modules():
            if isinstance(layer, nn.Conv2d) and layer.groups > 1:
                layer.weight.requires_grad_(False)

    def train(self, mode: bool = True) -> PyramidEvidence:
        super().train(mode)
        self.encoder.eval()
        return self

    def forward(self, images: Tensor) -> Tensor:
        """Logits of building and of outline.

        Args:
            images: (B, 3, H, W) float RGB in 0..1, H and W multiples of 32.

        Returns:
            (B, 2, H, W): channel 0 building interior, channel 1 outline of a building.
        """
        return self.said(self.levels(images))

    def levels(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """(B, 3, H, W) images as `forward` takes them -> the decoder's channels w0..w3, at 1/2, 1/4, 1/8 and 1/16."""
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] % STRIDE_PX or images.shape[3] % STRIDE_PX:
            raise InvalidInputError(f"images must be (B, 3, H, W) with sides multiples of {STRIDE_PX}")
        half, quarter, eighth, deep, deepest = self.encoder(images)
        deep = self.dec_deep(torch.cat([deep, double(self.up_deep(deepest))], 1))
        eighth = self.dec_eighth(torch.cat([eighth, double(self.up_eighth(deep))], 1))
        quarter = self.dec_quarter(torch.cat([quarter, double(self.up_quarter(eighth))], 1))
        folded = F.pixel_unshuffle((images - 0.45) * 4.0, 2)
        half = self.dec_half(torch.cat([half, folded.to(half.dtype), double(self.up_half(quarter))], 1))
        return half, quarter, eighth, deep

    def said(self, levels: Sequence[Tensor]) -> Tensor:
        """What `forward` gives, from what `levels` gave."""
        return F.pixel_shuffle(self.head(levels[0]), 2)
