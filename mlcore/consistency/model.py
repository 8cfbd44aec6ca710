"""The U-CSA network: two encoders, a generator that fuses a pair, a discriminator and a library of prototypes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.losses import prototype_similarity
from mlcore.consistency.score import ScoreBatch, Standardisation, discriminator_score, final_score, tile_score
from mlcore.encoders.image import ImageFeatures, build_image_encoder, to_input
from mlcore.errors import InvalidInputError

SCORING_BATCH = 32
CELL_DIMENSION = 32
"""Of the space in which cells meet the texts of the local anchors."""


@dataclass(frozen=True)
class Match:
    """Cell by cell agreement of N pairs; one cell per tile where the model isn't spatial.

    Attributes:
        disc: (N, h, w) output of the discriminator.
        proto: (N, h, w) cosine to the nearest prototype.
    """

    disc: Tensor
    proto: Tensor


class Generator(nn.Module):
    """Fuses the concatenated pair (U-CSA section 3.3).

    Spatial: an MLP over every cell's neighbourhood, so that an offset of a metre or two is not a change, told what the
    two tiles are as a whole. Otherwise the paper's MLP over the two embeddings, seen as one cell.
    """

    def __init__(self, config: ConsistencyConfig) -> None:
        super().__init__()
        channels = config.fused_channels
        self.whole = nn.Sequential(nn.Linear(2 * config.dimension, channels), nn.ReLU(), nn.Linear(channels, channels))
        self.local: nn.Module | None = None
        if config.spatial:
            self.local = nn.Sequential(
                nn.Conv2d(2 * config.cell_channels, channels, 1), nn.ReLU(), nn.Conv2d(channels, channels, 3, 1, 1)
            )

    def forward(self, image: ImageFeatures, map_: ImageFeatures) -> Tensor:
        """-> (N, h, w, fused_channels)."""
        whole = self.whole(torch.cat([image.embedding, map_.embedding], dim=1))[:, :, None, None]
        fused = whole if self.local is None else self.local(torch.cat([image.cells, map_.cells], dim=1)) + whole
        return F.relu(fused).permute(0, 2, 3, 1)


class ConsistencyModel(nn.Module):
    """Says how well an image tile and a map tile agree (U-CSA).

    `origins` names what the image encoders ("image") and the space of the anchors ("text") started from; it is empty
    for a network that was never trained.
    """

    standard: Tensor

    def __init__(self, config: ConsistencyConfig) -> None:
        super().__init__()
        self.config = config
        self.origins: dict[str, dict[str, str]] = {}
        cells, wanted = config.cell_channels, config.spatial or config.anchors in ("both", "cells")
        self.image_encoder, self.map_encoder = (
            build_image_encoder(config.encoder, config.dimension, width=width, cell_channels=cells, cells=wanted)
            for width in (config.image_width, config.map_width)
        )
        self.log_temperature = nn.Parameter(torch.tensor(float(np.log(config.temperature))))
        self.image_cell_text = nn.Conv2d(cells, CELL_DIMENSION, 1)
        self.map_cell_text = nn.Conv2d(cells, CELL_DIMENSION, 1)
        self.generator = Generator(config)
        channels = config.fused_channels
        self.discriminator = nn.Sequential(
            nn.Linear(channels, channels), nn.LeakyReLU(0.2),
            nn.Linear(channels, channels // 2), nn.LeakyReLU(0.2), nn.Linear(channels // 2, 1),
        )  # fmt: skip
        self.prototypes = nn.Parameter(torch.randn(config.prototypes, channels).abs() / channels**0.5)
        if config.channels_last:
            self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.register_buffer("standard", torch.tensor(astuple(Standardisation()), dtype=torch.float64))

    @property
    def temperature(self) -> Tensor:
        """The learnable tau of Eq. 1, kept within 0.01..1."""
        return self.log_temperature.exp().clamp(0.01, 1.0)

    def matching_parameters(self) -> Iterator[nn.Parameter]:
        """What stage 2 trains, the prototypes aside."""
        yield from self.generator.parameters()
        yield from self.discriminator.parameters()

    def match(self, image: ImageFeatures, map_: ImageFeatures) -> Match:
        """Fuse and judge N pairs of features."""
        fused = self.generator(image, map_)
        return Match(self.discriminator(fused)[..., 0].float(), prototype_similarity(fused, self.prototypes).float())

    def set_standardisation(self, standard: Standardisation) -> None:
        self.standard.copy_(torch.tensor(astuple(standard), dtype=torch.float64))

    @property
    def standardisation(self) -> Standardisation:
        return Standardisation(*(float(value) for value in self.standard))

    def score(self, images: np.ndarray, maps: np.ndarray, valid: np.ndarray | None = None) -> ScoreBatch:
        """How well image and map agree (U-CSA Eq. 8-10).

        Args:
            images: (N, H, W, 3) uint8 RGB.
            maps: (N, H, W, 3) uint8 RGB, as the map renderer draws them.
            valid: (N, H', W') bool, pixels the image has, of this size or a finer one; None = all.

        Returns:
            disc, proto and final, each (N,) float32.

        Raises:
            InvalidInputError: shapes or types differ from this.
        """
        _check_tiles(images, maps, valid)
        empty = np.zeros(0, np.float32)
        parts = [(empty, empty)]
        self.eval()
        with torch.inference_mode():
            for start in range(0, len(images), SCORING_BATCH):
                part = slice(start, start + SCORING_BATCH)
                parts.append(self._score_part(images[part], maps[part], None if valid is None else valid[part]))
        disc, proto = (np.concatenate([part[index] for part in parts]) for index in (0, 1))
        return ScoreBatch(disc, proto, final_score(disc, proto, self.config.alpha, self.standardisation))

    def forward(self, images: Tensor, maps: Tensor) -> Match:
        """(N, 3, S, S) images and maps in 0..1 -> their match, cell by cell: the bare network."""
        return self.match(self.image_encoder(images).single(), self.map_encoder(maps).single())

    def _score_part(
        self, images: np.ndarray, maps: np.ndarray, valid: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        device, size = self.log_temperature.device, self.config.input_px
        image = to_input(torch.from_numpy(shrunk(images, size)).to(device), size)
        map_ = to_input(torch.from_numpy(shrunk(maps, size)).to(device), size)
        match = self(image, map_)
        whole = valid is None or bool(valid.all())
        seen = None if whole else cells_of(torch.from_numpy(np.asarray(valid)).to(device), match.disc.shape[-2:]) > 0.99
        disc = tile_score(discriminator_score(match.disc), self.config.worst_share, seen)
        proto = tile_score(match.proto, self.config.worst_share, seen)
        return disc.cpu().numpy().astype(np.float32), proto.cpu().numpy().astype(np.float32)

    def to_tensors(self) -> dict[str, Tensor]:
        """Everything a weights file must hold beside `config.to_dict()`."""
        return {name: tensor.detach().cpu() for name, tensor in self.state_dict().items()}

    @classmethod
    def from_tensors(cls, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> ConsistencyModel:
        """Rebuild what `to_tensors` and `config.to_dict()` describe; ready to score."""
        model = cls(ConsistencyConfig.from_dict(config))
        try:
            model.load_state_dict(dict(tensors))
        except RuntimeError as error:
            raise InvalidInputError(f"these weights are not of this consistency model: {error}") from error
        return model.eval()


def shrunk(tiles: np.ndarray, size_px: int) -> np.ndarray:
    """(N, H, W, 3) uint8 -> the same at size_px, area-averaged as in training; a tile that isn't larger stays."""
    if tiles.shape[1] <= size_px or tiles.shape[2] <= size_px:
        return np.ascontiguousarray(tiles)
    size = (size_px, size_px)
    return np.stack([cv2.resize(np.ascontiguousarray(tile), size, interpolation=cv2.INTER_AREA) for tile in tiles])


def cells_of(values: Tensor, grid: tuple[int, ...]) -> Tensor:
    """(N, H, W) -> (N, h, w) means over the cells, as float."""
    return F.adaptive_avg_pool2d(values[:, None].to(torch.float32), (grid[0], grid[1]))[:, 0]


def _check_tiles(images: np.ndarray, maps: np.ndarray, valid: np.ndarray | None) -> None:
    if images.ndim != 4 or images.shape[-1] != 3 or images.dtype != np.uint8:
        raise InvalidInputError(f"images must be (N, H, W, 3) uint8, not {images.shape} {images.dtype}")
    if maps.shape != images.shape or maps.dtype != np.uint8:
        raise InvalidInputError(f"maps must be like the images {images.shape} uint8, not {maps.shape} {maps.dtype}")
    if valid is None:
        return
    count, *size = images.shape[:3]
    if (
        valid.ndim != 3
        or len(valid) != count
        or any(fine < own for fine, own in zip(valid.shape[1:], size, strict=True))
    ):
        raise InvalidInputError(f"valid must be {images.shape[:3]} or finer, not {valid.shape}")
