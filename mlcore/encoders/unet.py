"""A small encoder-decoder whose channels stand at half the picture's resolution: the trunk of the dense networks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.errors import InvalidInputError

STRIDE_PX = 16  # sides of the input must be multiples of this
Widths = tuple[int, int, int, int]


class ConvBlock(nn.Module):
    """Two 3 x 3 convolutions and a residual path.

    Batch normalisation: what is said of a pixel must not depend on what else is in the window, or tiles would not join.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels_out)
        self.second = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels_out)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first_norm(self.first(x)), inplace=True)
        return F.relu(x + self.second_norm(self.second(x)), inplace=True)


class SmallUNet(nn.Module):
    """The trunk without a head.

    The input is folded 2 x 2 into channels first, so that no layer works at full resolution; the finest details are
    kept in the channels at a quarter of the cost.

    Args:
        widths: channels at 1/2, 1/4, 1/8 and 1/16 of the picture's resolution.
    """

    def __init__(self, widths: Widths) -> None:
        super().__init__()
        half, quarter, eighth, deep = widths
        self.enc_half = ConvBlock(12, half)
        self.enc_quarter = ConvBlock(half, quarter)
        self.enc_eighth = ConvBlock(quarter, eighth)
        self.enc_deep = ConvBlock(eighth, deep)
        self.up_eighth = nn.Conv2d(deep, eighth, 1)
        self.dec_eighth = ConvBlock(2 * eighth, eighth)
        self.up_quarter = nn.Conv2d(eighth, quarter, 1)
        self.dec_quarter = ConvBlock(2 * quarter, quarter)
        self.up_half = nn.Conv2d(quarter, half, 1)
        self.dec_half = ConvBlock(2 * half, half)

    def trunk(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) float RGB in 0..1, H and W multiples of 16 -> (B, widths[0], H / 2, W / 2)."""
        return self.levels(images)[0]

    def levels(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What `trunk` gives, and (B, widths[2], H / 8, W / 8) of the level two steps below."""
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] % STRIDE_PX or images.shape[3] % STRIDE_PX:
            raise InvalidInputError(f"images must be (B, 3, H, W) with sides multiples of {STRIDE_PX}")
        half = self.enc_half(F.pixel_unshuffle((images - 0.45) * 4.0, 2).to(self.enc_half.first.weight.dtype))
        quarter = self.enc_quarter(F.max_pool2d(half, 2))
        eighth = self.enc_eighth(F.max_pool2d(quarter, 2))
        deep = self.enc_deep(F.max_pool2d(eighth, 2))
        eighth = self.dec_eighth(torch.cat([eighth, double(self.up_eighth(deep))], 1))
        quarter = self.dec_quarter(torch.cat([quarter, double(self.up_quarter(eighth))], 1))
        return self.dec_half(torch.cat([half, double(self.up_half(quarter))], 1)), eighth


def double(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2 H, 2 W), between pixels by straight lines."""
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
