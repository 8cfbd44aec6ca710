"""The locator's network: a picture to tokens and a descriptor; tokens of two pictures to matches and a score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.errors import CheckpointError
from mlcore.geolocation.attention import SelfAttention
from mlcore.geolocation.coarse import CoarseMatches
from mlcore.geolocation.config import CELL_PX, GeolocationConfig
from mlcore.geolocation.encoder import Pretrained, build_trunk
from mlcore.geolocation.features import PictureFeatures, Role, Seen, checked, to_images, views_of
from mlcore.geolocation.retrieval import compare, compare_many
from mlcore.geolocation.topics import TopicAttention, embed_prompts, read_prompts
from mlcore.learning.checkpoints import content_digest, read_tensors, write_tensors

MODEL_KIND = "locator"
LEAST_VALID = 0.5
"""A token counts where so much of its cell shows data."""
FIRST_SCALE, FIRST_ALONE = 20.0, 0.5


@dataclass(frozen=True)
class Tokens:
    """What the network makes of the cells of pictures.

    Attributes:
        tokens: (B, T, C) unit vectors, the final topic features; topics: (B, T, C) F_topic, None without topics.
        descriptor: (B, D) unit vectors.
    """

    tokens: Tensor
    topics: Tensor | None
    descriptor: Tensor


class LocatorModel(nn.Module):
    """The shared encoder, its two branches, and the heads of every level."""

    def __init__(self, config: GeolocationConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or GeolocationConfig()
        channels, prompts = config.channels, read_prompts(config.prompts)
        self.trunk = build_trunk(config)
        counts = len(prompts.category_texts), len(prompts.attribute_texts)
        self.topic_branch = (
            TopicAttention(channels, config.heads, counts, attributes=config.attributes) if config.topics else None
        )
        self.context_branch = SelfAttention(channels, config.heads) if config.context else None
        self.merge = nn.Sequential(
            nn.LayerNorm(2 * channels),
            nn.Linear(2 * channels, 2 * channels),
            nn.GELU(),
            nn.Linear(2 * channels, channels),
        )
        self.to_window = _head(self.trunk.window_channels, config.window_channels)
        self.to_fine = _head(self.trunk.quarter_channels, config.fine_channels)
        self.to_descriptor = nn.Linear(channels, config.descriptor)
        self.power = nn.Parameter(torch.tensor(3.0))
        self.token_scale = nn.Parameter(torch.tensor(FIRST_SCALE).log())
        self.alone_at = nn.Parameter(torch.tensor(FIRST_ALONE)) if config.dustbin else None
        self.window_scale = nn.Parameter(torch.tensor(FIRST_SCALE).log())
        self.fine_scale = nn.Parameter(torch.tensor(FIRST_SCALE).log())
        self.about: dict[str, Any] = {}
        self._digest: str | None = None

    def start(self, weights: str | None = None) -> None:
        """Before training: the encoder's published weights, where it has some, and the prompts' embeddings.

        Raises:
            WeightsUnavailableError, CheckpointError, ConfigError: they can't be had, or fit another network.
        """
        config = self.config
        if isinstance(self.trunk, Pretrained):
            self.about["encoder"] = self.trunk.start(weights).to_dict()
        if self.topic_branch is not None:
            prompts = read_prompts(config.prompts)
            embedded = embed_prompts(prompts, config.text_encoder, config.text_weights, config.channels)
            self.topic_branch.embed(*embedded)

    @property
    def alone(self) -> Tensor | None:
        """The logit of a token's having no counterpart, as of one of cosine `alone_at`; None without."""
        return None if self.alone_at is None else self.alone_at * self.token_scale.exp()

    @property
    def device(self) -> torch.device:
        return self.token_scale.device

    @property
    def digest(self) -> str:
        """SHA-256 of the file the model was saved to or read from; of its weights where there is none."""
        if self._digest is None:
            self._digest = content_digest(self.state_dict())
        return self._digest

    def tokens(self, cells: Tensor, valid: Tensor, *, keep: str = "both") -> Tokens:
        """Integrate topics and context (TopicGeo, Section 3.1, "Topic feature integration").

        Args:
            cells: (B, C, h, w) features at 1/64; valid: (B, h, w) bool.
            keep: "both" branches, or in a step of training one of them: "topics" or "context".
        """
        shape, known = (cells.shape[2], cells.shape[3]), valid.flatten(1)
        flat = cells.flatten(2).transpose(1, 2)
        topics = self.topic_branch(flat) if self.topic_branch is not None else None
        context = self.context_branch(flat, known, shape) if self.context_branch is not None else flat
        branches = [flat if topics is None else topics, context]
        if keep == "context":
            branches[0] = torch.zeros_like(context)
        elif keep == "topics":
            branches[1] = torch.zeros_like(context)
        tokens = F.normalize(flat + self.merge(torch.cat(branches, dim=2)), dim=2)
        return Tokens(tokens, topics, self.described(tokens, known))

    def described(self, tokens: Tensor, valid: Tensor) -> Tensor:
        """(B, T, C), (B, T) -> (B, D): generalised mean over tokens (Radenovic 2018, Eq. 3), blind to their order."""
        power = self.power.clamp(1.0, 8.0)
        wide = self.to_descriptor(tokens * math.sqrt(tokens.shape[2]))
        strong = F.softplus(wide).clamp(min=1e-4) ** power * valid[..., None]
        mean = strong.sum(dim=1) / valid.sum(dim=1, keepdim=True).clamp(min=1)
        pooled = mean.clamp(min=1e-8) ** (1 / power)
        return F.normalize(pooled - pooled.mean(dim=1, keepdim=True), dim=1)

    def dense(self, images: Tensor, *, window: bool = True) -> tuple[Tensor | None, Tensor]:
        """Unit features at 1/16, (B, Cw, H / 16, W / 16) unless left out, and at 1/4, (B, Cf, H / 4, W / 4).

        Args:
            images: (B, 3, H, W) in 0..1, sides multiples of 64.
        """
        quarter, onward = self.trunk.early(images)
        fine = F.normalize(self.to_fine(quarter), dim=1)
        return (F.normalize(self.to_window(self.trunk.late(onward)[0]), dim=1) if window else None), fine

    @torch.inference_mode()
    def features(self, rgb: np.ndarray, valid: np.ndarray | None = None, *, role: Role) -> PictureFeatures:
        """Tokens and descriptor of a picture.

        Args:
            rgb: (H, W, 3) uint8; valid: (H, W) bool, None: everywhere.
            role: a query is seen at several scales.

        Raises:
            InvalidInputError: not such a picture.
        """
        views = views_of(*checked(rgb, valid), role, self.config)
        first, *others = [self._features_of(view) for view in views]
        return PictureFeatures(
            first.coarse, first.valid, first.scale, first.descriptor, first.origin_xy, tuple(others)
        )  # fmt: skip

    def _features_of(self, view: Seen) -> PictureFeatures:
        images = to_images([view.rgb], self.device)
        known = valid_cells(torch.from_numpy(view.valid)[None].to(self.device))
        cells = self.trunk.late(self.trunk.early(images)[1])[1]
        made = self.tokens(cells, known)
        grid = made.tokens[0].reshape(*cells.shape[2:], -1)
        return PictureFeatures(
            grid.cpu().numpy(), known[0].cpu().numpy(), view.scale, made.descriptor[0].cpu().numpy(), view.origin_xy
        )

    def compare(self, query: PictureFeatures, base: PictureFeatures) -> CoarseMatches:
        """Matches of a query, at whichever of its scales fits best, and a base (TopicGeo Eq. 4-11)."""
        return compare(self, query, base)

    def compare_many(
        self, query: PictureFeatures, tokens: np.ndarray | Tensor, valid: np.ndarray | Tensor
    ) -> np.ndarray:
        """E of many bases at once, (N,) float32, by the same equations.

        Args:
            tokens: (N, h, w, C), bases smaller than the grid filled up; valid: (N, h, w) bool.
        """
        return compare_many(self, query, tokens, valid)

    @torch.inference_mode()
    def describe(self, tokens: np.ndarray | Tensor, valid: np.ndarray | Tensor) -> np.ndarray:
        """(N, D) float32 descriptors of pictures, or of parts of pictures, from their tokens alone.

        Args:
            tokens: (N, h, w, C); valid: (N, h, w) bool.
        """
        cells, known = (torch.as_tensor(each).to(self.device) for each in (tokens, valid))
        return self.described(cells.float().flatten(1, 2), known.flatten(1)).cpu().numpy()

    def save(self, path: Path, extra: dict[str, object] | None = None) -> str:
        """Write weights and settings to one safetensors file in half precision; returns its SHA-256."""
        tensors = {
            name: value.half() if value.is_floating_point() else value for name, value in self.state_dict().items()
        }
        about = {**self.about, **(extra or {})}
        self._digest = write_tensors(path, tensors, {**about, "kind": MODEL_KIND, "config": self.config.to_dict()})
        return self._digest

    @classmethod
    def load(cls, path: Path, sha256: str | None = None) -> LocatorModel:
        """Read what `save` wrote, in eval mode; CheckpointError where the file is damaged or another than asked for."""
        tensors, meta = read_tensors(path, sha256=sha256)
        if meta.get("kind") != MODEL_KIND:
            raise CheckpointError(f"{path} holds a {meta.get('kind')!r} model, no locator: choose a locator's file")
        model = cls(GeolocationConfig.from_dict(meta["config"]))
        try:
            model.load_state_dict({name: value.float() if value.is_floating_point() else value
                                   for name, value in tensors.items()})  # fmt: skip
        except RuntimeError as error:
            raise CheckpointError(f"{path} does not fit the settings it names: {error}") from error
        model.about = {name: value for name, value in meta.items() if name not in ("kind", "config")}
        model._digest = sha256 or _file_digest(path)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's stub lacks it
        return model.eval()


def valid_cells(valid: Tensor) -> Tensor:
    """(B, H, W) bool -> (B, H / 64, W / 64) bool: cells that show enough."""
    return F.avg_pool2d(valid[:, None].float(), CELL_PX)[:, 0] >= LEAST_VALID


def _head(inner: int, outer: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inner, outer, 3, padding=1), nn.ReLU(), nn.Conv2d(outer, outer, 3, padding=1)
    )  # fmt: skip


def _file_digest(path: Path) -> str:
    import hashlib

    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
