"""The encoder that query and bases share: pictures to features at 1/4, 1/16 and 1/64.

part      output of an S px picture
early     (B, c4, S / 4, S / 4) and what the later stages go on from
late      (B, c16, S / 16, S / 16) and (B, channels, S / 64, S / 64)
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.encoders.image import ResidualBlock
from mlcore.encoders.imagenet import PRETRAINED_MODEL, pretrained_network, timm_network
from mlcore.encoders.weights import Origin
from mlcore.errors import ConfigError
from mlcore.geolocation.config import GeolocationConfig


class Pyramid(nn.Module):
    """Patch embedding, then residual stages down to 1/64: the published design, trained from nothing."""

    def __init__(self, config: GeolocationConfig) -> None:
        super().__init__()
        first, *_, last = widths = config.widths
        self.quarter_channels, self.window_channels = widths[0], widths[2]
        self.embed = nn.Conv2d(3, first, 4, 4)
        self.quarter = ResidualBlock(first, first, 1)
        self.window = nn.Sequential(ResidualBlock(first, widths[1], 2), ResidualBlock(widths[1], widths[2], 2))
        self.cell = nn.Sequential(ResidualBlock(widths[2], widths[3], 2), ResidualBlock(widths[3], last, 2))
        self.project = nn.Conv2d(last, config.channels, 1)

    def early(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, S, S) in 0..1 -> features at 1/4, twice: the later stages go on from them."""
        features = self.quarter(self.embed((images - 0.45) * 4.0))
        return features, features

    def late(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """What `early` made -> features at 1/16 and at 1/64."""
        window = self.window(features)
        return window, self.project(self.cell(window))


class Pretrained(nn.Module):
    """A timm network of the EfficientNet family, cut off at 1/16, and cells pooled from its last features.

    Its normalisation keeps the statistics it came with: batches of a few pictures would only blur them.
    """

    def __init__(self, config: GeolocationConfig) -> None:
        super().__init__()
        self.name = config.encoder.removeprefix("timm/")
        network = timm_network(self.name)
        channels = {each["reduction"]: int(each["num_chs"]) for each in network.feature_info}
        if not {4, 8, 16} <= set(channels) or not hasattr(network, "conv_stem"):
            raise ConfigError(f"{self.name!r} has no stages at 1/4 to 1/16: use a network such as {PRETRAINED_MODEL}")
        self.quarter_channels, self.window_channels = channels[4], channels[16]
        cut = _stage_ends(network)
        self.stem = nn.Sequential(network.conv_stem, network.bn1)
        self.quarter = nn.Sequential(*network.blocks[: cut[4]])
        self.eighth = nn.Sequential(*network.blocks[cut[4] : cut[8]])
        self.window = nn.Sequential(*network.blocks[cut[8] : cut[16]])
        wide = 2 * config.channels
        self.mix = nn.Sequential(
            nn.Conv2d(channels[16], wide, 1), nn.GELU(),
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide), nn.GELU(), nn.Conv2d(wide, config.channels, 1),
        )  # fmt: skip
        self.project = nn.Conv2d(2 * config.channels, config.channels, 1)
        self.frozen = config.frozen
        for part in (self.stem, self.quarter, self.eighth)[: 3 if config.frozen else 0]:
            part.requires_grad_(False)
        if config.frozen == 16:
            self.window.requires_grad_(False)

    def train(self, mode: bool = True) -> Pretrained:
        super().train(mode)
        for part in (self.stem, self.quarter, self.eighth, self.window):
            part.eval()
        return self

    def early(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, S, S) in 0..1 -> features at 1/4, and at 1/8 (or 1/16 where these are never trained)."""
        quarter = self.quarter(self.stem((images * 255.0 - 127.0) / 128.0))
        onward = self.eighth(quarter)
        return quarter, self.window(onward) if self.frozen == 16 else onward

    def late(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """What `early` made -> features at 1/16 and at 1/64: the mean and the most of 8 x 8, stepping by 4."""
        window = features if self.frozen == 16 else self.window(features)
        mixed = self.mix(window)
        mean = F.avg_pool2d(mixed, 8, 4, padding=2, count_include_pad=False)
        return window, self.project(torch.cat([mean, F.max_pool2d(mixed, 8, 4, padding=2)], dim=1))

    def start(self, weights: str | None = None) -> Origin:
        """Take published weights: of a file (see `mlcore.encoders.weights`), else of the installed package.

        Raises:
            WeightsUnavailableError: no such file or package; CheckpointError: weights of another network.
        """
        network, origin = pretrained_network(self.name, weights)
        cut = _stage_ends(network)
        ours = (self.stem, self.quarter, self.eighth, self.window)
        theirs = (
            nn.Sequential(network.conv_stem, network.bn1), nn.Sequential(*network.blocks[: cut[4]]),
            nn.Sequential(*network.blocks[cut[4] : cut[8]]), nn.Sequential(*network.blocks[cut[8] : cut[16]]),
        )  # fmt: skip
        for own, published in zip(ours, theirs, strict=True):
            own.load_state_dict(published.state_dict())
        return origin


def build_trunk(config: GeolocationConfig) -> Pyramid | Pretrained:
    """The encoder that the settings name, with random weights."""
    return Pyramid(config) if config.encoder == "pyramid" else Pretrained(config)


def _stage_ends(network: Any) -> dict[int, int]:
    """How many of the network's stages come before its resolution falls below 1/4, 1/8 and 1/16."""
    reductions, reduction = [], 2
    for stage in network.blocks:
        reduction *= 2 if any(getattr(module, "stride", 1) in (2, (2, 2)) for module in stage.modules()) else 1
        reductions.append(reduction)
    return {wanted: sum(each <= wanted for each in reductions) for wanted in (4, 8, 16)}
