"""Who teaches topics: CLIP's frozen image tower, a frozen classifier of land covers, or the labels of photos alone.

A teacher sees a query and says of each patch of 2 x 2 cells (128 px) how its categories and attributes are shared.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.encoders.open_clip_image import OpenClipImageEncoder
from mlcore.encoders.open_clip_text import OpenClipTextEncoder
from mlcore.errors import ConfigError, InvalidInputError
from mlcore.geolocation.config import CELL_PX, GeolocationConfig
from mlcore.geolocation.distillation import attribute_shares, topic_distribution
from mlcore.geolocation.encoder import Pretrained, Pyramid
from mlcore.geolocation.features import to_images
from mlcore.geolocation.grounds import PictureGround
from mlcore.geolocation.topics import read_prompts

PATCH_PX = 2 * CELL_PX
LESSONS, BATCH = 420, 8
"""Photos from which the classifier learns, and how many are looked at together."""
PENALTY = 1e-2


class Teacher(Protocol):
    """Is asked, and never trained along."""

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) queries in 0..1 -> (B, N, K) shares of categories, (B, N, A) of attributes; N patches."""


class ClipTeacher:
    """Both distributions by Eq. 1, from the towers of one CLIP model such as RemoteCLIP."""

    def __init__(self, config: GeolocationConfig, device: str = "cpu") -> None:
        kind, _, architecture = config.text_encoder.partition("/")
        if kind != "open_clip":
            raise ConfigError("a teacher of CLIP needs CLIP's text tower: set text_encoder to open_clip/<architecture>")
        prompts = read_prompts(config.prompts)
        self.images = OpenClipImageEncoder(architecture, config.text_weights, device=device)
        text = OpenClipTextEncoder(architecture, config.text_weights, device=device)
        self.categories, self.attributes = (
            text.encode(texts).to(device) for texts in (prompts.category_texts, prompts.attribute_texts)
        )
        self.temperatures = config.category_temperature, config.attribute_temperature

    @torch.no_grad()
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        flat, shape = patches(images)
        seen = self.images.encode(flat).clone().unflatten(0, shape)
        first, second = self.temperatures
        return topic_distribution(seen, self.categories, first), topic_distribution(seen, self.attributes, second)


class ClassTeacher:
    """Land covers by a linear classifier over the encoder's published features, learnt from photos with a class.

    It stands where there is no CLIP. The classes are mapped to categories first (`topics.class_shares`).
    """

    def __init__(
        self, trunk: Pretrained | Pyramid, grounds: Sequence[PictureGround], config: GeolocationConfig
    ) -> None:
        """Learn; the encoder as it is now is kept as it is.

        Raises:
            InvalidInputError: no photo has a class.
        """
        self.trunk = copy.deepcopy(trunk).requires_grad_(False).eval()
        device = next(trunk.parameters()).device
        photos = [
            (picture, shares) for ground in grounds
            for picture, shares in zip(ground.pictures, ground.categories, strict=True)
            if shares is not None and min(picture.shape[:2]) >= PATCH_PX
        ]  # fmt: skip
        if not photos:
            raise InvalidInputError("no photo has a class to learn land covers from: name photos, or teacher=labels")
        photos = photos[:: max(1, len(photos) // LESSONS)]
        side = min(min(picture.shape[:2]) for picture, _ in photos) // PATCH_PX * PATCH_PX
        seen = [
            self._seen(to_images([picture[:side, :side] for picture, _ in photos[start : start + BATCH]], device))
            for start in range(0, len(photos), BATCH)
        ]
        features = torch.cat(seen)
        wanted = torch.from_numpy(np.stack([shares for _, shares in photos])).float().to(device)
        self.mean, self.spread = features.mean(dim=(0, 1)), features.std(dim=(0, 1)).clamp(min=1e-4)
        prompts = read_prompts(config.prompts)
        self.category_of = torch.tensor(prompts.category_of, device=device)
        self.head = _fitted((features - self.mean) / self.spread, wanted)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        shares = self.head((self._seen(images) - self.mean) / self.spread).softmax(dim=-1)
        return shares, attribute_shares(shares, self.category_of)

    @torch.no_grad()
    def _seen(self, images: Tensor) -> Tensor:
        """(B, N, F) mean features at 1/16 of each patch."""
        window = self.trunk.late(self.trunk.early(images)[1])[0]
        return F.avg_pool2d(window, PATCH_PX // 16).flatten(2).transpose(1, 2)


def patches(images: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """(B, 3, H, W) -> (B * N, 3, 128, 128), row by row, and (B, N); a last half row or column is left out."""
    cut = images.unfold(2, PATCH_PX, PATCH_PX).unfold(3, PATCH_PX, PATCH_PX)
    flat = cut.permute(0, 2, 3, 1, 4, 5).flatten(1, 2)
    return flat.flatten(0, 1), (flat.shape[0], flat.shape[1])


def _fitted(features: Tensor, wanted: Tensor) -> nn.Linear:
    """Softmax regression of (L, N, F) features to (L, K) shares that hold for all patches of a photo."""
    head = nn.Linear(features.shape[2], wanted.shape[1]).to(features.device)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimiser = torch.optim.LBFGS(head.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimiser.zero_grad()
        loss = -(wanted[:, None] * head(features).log_softmax(dim=2)).sum(dim=2).mean()
        loss = loss + PENALTY * (head.weight**2).sum()
        loss.backward()
        return float(loss.detach())

    with torch.enable_grad():
        optimiser.step(closure)
    return head.requires_grad_(False)
