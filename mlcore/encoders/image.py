"""Image encoders: one vector for the whole tile, and a grid of cell features that keeps where things are.

part            output of a 128 px tile, width w
stem            (B, w, 64, 64)
down 1..3       (B, 2w, 32, 32)  (B, 4w, 16, 16)  (B, 6w, 8, 8)
cells           (B, cell_channels, 32, 32): the three scales, summed top-down
embedding       (B, dimension): mean of the deepest scale -> two-layer ReLU MLP -> unit length
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.encoders.features import CELL_STRIDE_PX, ImageFeatures
from mlcore.encoders.timm_image import TimmEncoder
from mlcore.errors import ConfigError, InvalidInputError

__all__ = ["CELL_STRIDE_PX", "CompactEncoder", "ImageFeatures", "build_image_encoder", "to_input"]


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with batch normalisation around a shortcut."""

    def __init__(self, channels_in: int, channels_out: int, stride: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(channels_in, channels_out, 3, stride, 1, bias=False)
        self.norm0 = nn.BatchNorm2d(channels_out)
        self.conv1 = nn.Conv2d(channels_out, channels_out, 3, 1, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels_out)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels_out:
            # Pool, then 1 x 1: strided 1 x 1 convolutions of 8 channels crash oneDNN's backward pass (torch 2.13, CPU).
            pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
            self.shortcut = nn.Sequential(pool, nn.Conv2d(channels_in, channels_out, 1, bias=False))

    def forward(self, features: Tensor) -> Tensor:
        """(B, Cin, H, W) -> (B, Cout, H / stride, W / stride)."""
        inner = F.relu(self.norm0(self.conv0(features)))
        return F.relu(self.norm1(self.conv1(inner)) + self.shortcut(features))


class CompactEncoder(nn.Module):
    """A small residual pyramid, trained from nothing; under 1,000,000 parameters at its default width."""

    def __init__(self, dimension: int, *, width: int = 16, cell_channels: int = 48) -> None:
        super().__init__()
        widths = (width, 2 * width, 4 * width, 6 * width)
        self.stem = nn.Sequential(
            nn.Conv2d(3, width, 5, 2, 2, bias=False), nn.BatchNorm2d(width), nn.ReLU(), ResidualBlock(width, width, 1)
        )
        self.down = nn.ModuleList(ResidualBlock(a, b, 2) for a, b in pairwise(widths))
        self.lateral = nn.ModuleList(nn.Conv2d(channels, cell_channels, 1) for channels in widths[1:])
        self.smooth = nn.Sequential(nn.Conv2d(cell_channels, cell_channels, 3, 1, 1), nn.ReLU())
        self.head = nn.Sequential(
            nn.Linear(widths[-1], 2 * widths[-1]), nn.ReLU(), nn.Linear(2 * widths[-1], dimension)
        )

    def forward(self, images: Tensor) -> ImageFeatures:
        """(B, 3, S, S) in 0..1, S a multiple of 16 -> the embedding and the cells."""
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] % 16 or images.shape[3] % 16:
            raise InvalidInputError(f"images must be (B, 3, S, S) with S a multiple of 16, not {tuple(images.shape)}")
        features = self.stem(((images - 0.5) * 4.0).to(next(self.parameters()).dtype))
        scales = []
        for down in self.down:
            features = down(features)
            scales.append(features)
        embedding = F.normalize(self.head(F.adaptive_avg_pool2d(features, 1).flatten(1)), dim=1)
        cells = self.lateral[-1](scales[-1])
        for scale, lateral in zip(reversed(scales[:-1]), list(self.lateral)[-2::-1], strict=True):
            cells = lateral(scale) + F.interpolate(cells, scale_factor=2.0, mode="nearest")
        return ImageFeatures(embedding, self.smooth(cells))


def _compact(dimension: int, *, model: str, width: int, cell_channels: int, cells: bool) -> nn.Module:
    if model:
        raise ConfigError(f"the compact encoder has one form: write compact, not compact/{model}")
    return CompactEncoder(dimension, width=width, cell_channels=cell_channels)


def _timm(dimension: int, *, model: str, width: int, cell_channels: int, cells: bool) -> nn.Module:
    return TimmEncoder(dimension, model=model, cell_channels=cell_channels, cells=cells)


IMAGE_ENCODERS: dict[str, Callable[..., nn.Module]] = {"compact": _compact, "timm": _timm}


def build_image_encoder(name: str, dimension: int, *, width: int, cell_channels: int, cells: bool = True) -> nn.Module:
    """The encoder registered as `name`, with random weights; it returns ImageFeatures.

    Args:
        name: "compact", or "timm/<model>" with any convolutional network of timm.
        dimension: of the embedding.
        width: channels of the compact encoder's first scale.
        cell_channels: of the cell features.
        cells: whether cell features are wanted; the compact encoder always makes them.

    Raises:
        ConfigError: no such encoder.
    """
    kind, _, model = name.partition("/")
    if kind not in IMAGE_ENCODERS:
        raise ConfigError(f"no image encoder {name!r}: choose one of {', '.join(sorted(IMAGE_ENCODERS))}")
    return IMAGE_ENCODERS[kind](dimension, model=model, width=width, cell_channels=cell_channels, cells=cells)


def to_input(tiles: Tensor, size_px: int) -> Tensor:
    """(B, H, W, 3) uint8 RGB -> (B, 3, size_px, size_px) float in 0..1, area-averaged, channels last in memory."""
    images = tiles.permute(0, 3, 1, 2).to(torch.float32)
    height, width = images.shape[-2:]
    if height == width and height % size_px == 0:
        images = F.avg_pool2d(images, height // size_px) if height > size_px else images
    else:
        images = F.interpolate(images, size=(size_px, size_px), mode="area")
    return (images / 255.0).contiguous(memory_format=torch.channels_last)
