"""Image encoders of timm, such as the WideResNet-50 of U-CSA's paper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mlcore.encoders.features import CELL_STRIDE_PX, ImageFeatures
from mlcore.encoders.torchvision_shim import ensure_torchvision
from mlcore.encoders.weights import (
    HUB_PREFIX,
    RANDOM,
    Origin,
    load_into,
    read_hub_weights,
    read_weights,
    split_digest,
)
from mlcore.errors import ConfigError, InvalidInputError, WeightsUnavailableError

PRETRAINED = "pretrained"
HUB_FILE = "model.safetensors"


class TimmEncoder(nn.Module):
    """A network of timm, adaptive average pooling and a two-layer ReLU MLP (U-CSA section 3.2).

    part            output of an S px tile
    trunk           (B, C, S / 32, S / 32), and its scales at 1/4, 1/8 and 1/16 where cells are wanted
    embedding       (B, dimension) of unit length
    cells           (B, cell_channels, S / 4, S / 4), the scales summed top-down; (B, 0, S / 4, S / 4) without `cells`
    """

    mean: Tensor
    std: Tensor

    def __init__(self, dimension: int, *, model: str, cell_channels: int, cells: bool = True) -> None:
        super().__init__()
        self.model = model
        self.trunk, settings = _create(model)
        info = self.trunk.feature_info
        channels = int(info[-1]["num_chs"])
        self.head = nn.Sequential(nn.Linear(channels, dimension), nn.ReLU(), nn.Linear(dimension, dimension))
        self.levels = [index for index, level in enumerate(info) if level["reduction"] in (4, 8, 16, 32)]
        self.lateral: nn.ModuleList | None = None
        if cells:
            self.lateral = nn.ModuleList(nn.Conv2d(int(info[i]["num_chs"]), cell_channels, 1) for i in self.levels)
            self.smooth = nn.Sequential(nn.Conv2d(cell_channels, cell_channels, 3, 1, 1), nn.ReLU())
        for name in ("mean", "std"):
            values = torch.tensor(settings[name]).reshape(1, 3, 1, 1)
            self.register_buffer(name, values, persistent=False)

    def forward(self, images: Tensor) -> ImageFeatures:
        """(B, 3, S, S) in 0..1, S a multiple of 32 -> the embedding and the cells."""
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] % 32 or images.shape[3] % 32:
            raise InvalidInputError(f"images must be (B, 3, S, S) with S a multiple of 32, not {tuple(images.shape)}")
        images = (images - self.mean) / self.std
        if self.lateral is None:
            height, width = images.shape[2] // CELL_STRIDE_PX, images.shape[3] // CELL_STRIDE_PX
            return ImageFeatures(
                self._embed(self.trunk.forward_features(images)), images.new_zeros(len(images), 0, height, width)
            )
        last, scales = self.trunk.forward_intermediates(images, indices=self.levels)
        return ImageFeatures(self._embed(last), self._cells(scales))

    def _embed(self, features: Tensor) -> Tensor:
        return F.normalize(self.head(F.adaptive_avg_pool2d(features, 1).flatten(1)), dim=1)

    def _cells(self, scales: list[Tensor]) -> Tensor:
        lateral = list(self.lateral or ())
        cells = lateral[-1](scales[-1])
        for scale, layer in zip(scales[-2::-1], lateral[-2::-1], strict=True):
            cells = layer(scale) + F.interpolate(cells, size=scale.shape[-2:], mode="nearest")
        return self.smooth(cells)

    def load_published(self, weights: str) -> Origin:
        """Put published weights into the trunk; the head stays as it is.

        Args:
            weights: "pretrained" (those of the model's own name, from the hub), "hf-hub:<owner>/<name>", a file (see
                `mlcore.encoders.weights`), or "random".

        Raises:
            ConfigError: nothing was said; random weights are used only when they are asked for.
            WeightsUnavailableError, CheckpointError: they can't be had, or are of another network.
        """
        if weights == RANDOM:
            return Origin(self.model, RANDOM)
        if not weights:
            raise ConfigError(
                f'say what {self.model} starts from: image_weights = "pretrained", a file, or "random"'
            )  # fmt: skip
        if weights == PRETRAINED or weights.startswith(HUB_PREFIX):
            repository = _repository(self.model) if weights == PRETRAINED else weights.removeprefix(HUB_PREFIX)
            source = HUB_PREFIX + repository
            tensors, digest = read_hub_weights(repository, HUB_FILE)
        else:
            source = Path(split_digest(weights)[0]).name
            tensors, digest = read_weights(weights)
        load_into(self.trunk, tensors, ignore=_classifiers(self.model), what=self.model)
        return Origin(self.model, source, digest)


def _create(model: str) -> tuple[Any, Mapping[str, Any]]:
    """The network without its classifier, random, and the settings its published weights expect."""
    ensure_torchvision()
    import timm

    try:
        trunk: Any = timm.create_model(model, pretrained=False, num_classes=0, global_pool="")
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        raise ConfigError(f"timm can't make {model!r} ({error}): see timm.list_models()") from error
    if not hasattr(trunk, "forward_intermediates") or trunk.feature_info[-1]["reduction"] != 32:
        raise ConfigError(f"{model!r} has no scales from 1/4 to 1/32: use a convolutional network such as a ResNet")
    return trunk, trunk.pretrained_cfg


def _repository(model: str) -> str:
    import timm

    settings = timm.models.get_pretrained_cfg(model)
    if settings is None or not settings.hf_hub_id:
        raise WeightsUnavailableError(
            f"no weights are published under the name {model!r}: name them as in timm.list_pretrained(), "
            'such as wide_resnet50_2.tv_in1k, or give a file'
        )  # fmt: skip
    return str(settings.hf_hub_id)


def _classifiers(model: str) -> tuple[str, ...]:
    import timm

    settings = timm.models.get_pretrained_cfg(model)
    names = getattr(settings, "classifier", None) or ("fc", "head", "classifier")
    return tuple(f"{name}." for name in ((names,) if isinstance(names, str) else names))
