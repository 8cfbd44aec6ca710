"""The frozen towers: what a picture shows and what a text says, before any head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.encoders.image import CompactEncoder
from mlcore.encoders.imagenet import PRETRAINED_MODEL, pretrained_network, timm_network
from mlcore.encoders.open_clip_image import OpenClipImageEncoder
from mlcore.encoders.static_text import StaticTextEncoder
from mlcore.encoders.text import TextEncoder, build_text_encoder
from mlcore.encoders.weights import Origin
from mlcore.errors import ConfigError, InvalidInputError
from mlcore.landmarks.config import LandmarkConfig

BATCH = 32
LEAST_PX = 8
TEXT_PREFIX = "text_tower."


class ImageTower(Protocol):
    """Turns pictures into features and is never trained."""

    dimension: int
    origin: Origin

    def encode(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) in 0..1 -> (B, dimension) float32."""


class RandomTower(nn.Module):
    """A small network with random weights, kept with the model: for tests, and to hold others against."""

    def __init__(self, dimension: int = 32) -> None:
        super().__init__()
        self.dimension = dimension
        self.origin = Origin("compact", "random")
        self.network = CompactEncoder(dimension, width=8, cell_channels=8)

    @torch.inference_mode()
    def encode(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) in 0..1 -> (B, dimension)."""
        vectors: Tensor = self.network(images).embedding
        return vectors


class ClassifierTower(nn.Module):
    """A network of timm with its ImageNet classifier, kept with the model: what its last layer pools."""

    def __init__(self, name: str, weights: str, *, stored: bool) -> None:
        super().__init__()
        self.network, self.origin = (
            (timm_network(name), Origin(name, "the model's file")) if stored else pretrained_network(name, weights)
        )
        if not hasattr(self.network, "classifier") or not hasattr(self.network, "global_pool"):
            raise ConfigError(f"{name!r} is no network of the EfficientNet family: use {PRETRAINED_MODEL}")
        self.dimension = int(self.network.num_features)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's stub lacks it

    @torch.inference_mode()
    def encode(self, images: Tensor) -> Tensor:
        """(B, 3, S, S) in 0..1 -> (B, dimension)."""
        pixels = ((images * 255.0 - 127.0) / 128.0).contiguous(memory_format=torch.channels_last)
        pooled: Tensor = self.network.global_pool(self.network.forward_features(pixels))
        return pooled


def build_image_tower(config: LandmarkConfig, device: str = "cpu", stored: bool = False) -> ImageTower:
    """The tower that the settings name.

    Args:
        stored: its weights come with the model's file, where the model keeps them.

    Raises:
        ConfigError: no such network.
        WeightsUnavailableError, CheckpointError: its weights can't be had or used.
    """
    kind, _, name = config.image.partition("/")
    if kind == "open_clip":
        return OpenClipImageEncoder(name, config.image_weights, device=device)
    tower = ClassifierTower(name, config.image_weights, stored=stored) if kind == "timm" else RandomTower()
    return tower.eval().requires_grad_(False)


def build_text_tower(
    config: LandmarkConfig, device: str = "cpu", stored: Mapping[str, Tensor] | None = None
) -> TextEncoder:
    """The tower that the settings name; errors as of `mlcore.encoders.text.build_text_encoder`.

    Args:
        stored: tensors of a model's file, which carry a static tower.
    """
    if config.text == "static" and stored is not None:
        own = {name.removeprefix(TEXT_PREFIX): value for name, value in stored.items() if name.startswith(TEXT_PREFIX)}
        return StaticTextEncoder(own, Origin("static", "the model's file"))
    return build_text_encoder(
        config.text, config.text_weights, config.text_dimension, activation=config.text_activation, device=device
    )


def to_squares(pictures: Sequence[np.ndarray], side_px: int, device: torch.device | str = "cpu") -> Tensor:
    """Pictures of any sizes -> (N, 3, side_px, side_px) float32 in 0..1, area-averaged where they shrink.

    Raises:
        InvalidInputError: not (H, W, 3) uint8 pictures of 8 px a side or more.
    """
    squares = []
    for rgb in pictures:
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or min(rgb.shape[:2]) < LEAST_PX:
            raise InvalidInputError(
                f"pictures must be (H, W, 3) uint8 of {LEAST_PX} px a side or more, not {rgb.shape} {rgb.dtype}"
            )
        image = torch.from_numpy(np.ascontiguousarray(rgb)).to(device).permute(2, 0, 1)[None].float() / 255.0
        if image.shape[2:] != (side_px, side_px):
            image = F.interpolate(image, size=(side_px, side_px), mode="bilinear", antialias=True, align_corners=False)
        squares.append(image)
    return torch.cat(squares)
