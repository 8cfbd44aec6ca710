"""The frozen towers: what a picture shows and what a text says, before any head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.encoders.image import CompactEncoder
from mlcore.encoders.open_clip_image import OpenClipImageEncoder
from mlcore.encoders.text import TextEncoder, build_text_encoder
from mlcore.encoders.weights import Origin
from mlcore.errors import InvalidInputError
from mlcore.landmarks.config import LandmarkConfig

BATCH = 32
LEAST_PX = 8


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


def build_image_tower(config: LandmarkConfig, device: str = "cpu") -> ImageTower:
    """The tower that the settings name.

    Raises:
        ConfigError: no such network.
        WeightsUnavailableError, CheckpointError: its weights can't be had or used.
    """
    kind, _, name = config.image.partition("/")
    if kind == "open_clip":
        return OpenClipImageEncoder(name, config.image_weights, device=device)  # type: ignore[return-value]
    return RandomTower().eval().requires_grad_(False)


def build_text_tower(config: LandmarkConfig, device: str = "cpu") -> TextEncoder:
    """The tower that the settings name; errors as of `mlcore.encoders.text.build_text_encoder`."""
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
