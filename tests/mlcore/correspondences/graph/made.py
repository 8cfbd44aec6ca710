"""Pictures and keypoints that are made up for tests."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from mlcore.correspondences.graph.config import GraphConfig
from mlcore.correspondences.graph.detector import Points
from mlcore.correspondences.graph.model import GraphModel

Module = TypeVar("Module", bound=nn.Module)
TINY = GraphConfig.preset("tiny")


def as_if_taught(module: Module, seed: int = 0) -> Module:
    """With chance weights where it starts from nothing, as some training would leave them."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in module.parameters():
            if not weight.any():
                weight.normal_(std=0.2, generator=generator)
    return module.eval()


def texture(seed: int = 0, size: int = 256) -> np.ndarray:
    """(size, size, 3) uint8 of blobs at several scales."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.normal(size=(side, side, 3)), (size, size)) for side in (8, 32, 96)]
    return np.clip(128 + 45 * sum(layers), 1, 255).astype(np.uint8)


def squares(size: int = 128, turned_deg: float = 0.0) -> np.ndarray:
    """(size, size, 3) uint8: two bright rectangles on grey, turned about the middle."""
    picture = np.full((size, size, 3), 70, np.uint8)
    picture[30:60, 24:70] = 220
    picture[74:100, 60:104] = 150
    turn = cv2.getRotationMatrix2D((size / 2 - 0.5, size / 2 - 0.5), turned_deg, 1.0)
    return np.asarray(cv2.warpAffine(picture, turn, (size, size), flags=cv2.INTER_CUBIC, borderValue=(70, 70, 70)))


def as_batch(*pictures: np.ndarray) -> Tensor:
    """(B, 3, H, W) in 0..1."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def points(xy: Tensor, known: Tensor | None = None, seed: int = 0) -> Points:
    """Keypoints at (B, N, 2) places with made-up scores and directions."""
    generator = torch.Generator().manual_seed(seed)
    seen = torch.ones(xy.shape[:2], dtype=torch.bool) if known is None else known
    turn = torch.rand(xy.shape, generator=generator) - 0.5
    return Points(xy, torch.rand(xy.shape[:2], generator=generator), turn, seen)


def untaught(**other: object) -> GraphModel:
    torch.manual_seed(0)
    return GraphModel(dataclasses.replace(TINY, **other)).eval()  # type: ignore[arg-type]
