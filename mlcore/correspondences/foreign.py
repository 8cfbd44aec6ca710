"""Weights of a matcher that come from elsewhere: nothing of them is believed before it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mlcore.correspondences.config import StructureConfig
from mlcore.correspondences.structure import MODEL_KIND, StructureModel
from mlcore.errors import CheckpointError, ConfigError
from mlcore.learning.checkpoints import read_tensors

MOST_BYTES = 64 * 2**20
WIDEST, MOST_CHANNELS = 512, 64


def read_foreign(path: Path) -> StructureModel:
    """A matcher's weights, once size, format, settings, shapes and numbers are those of a matcher.

    Raises:
        CheckpointError: what is wrong with the file.
    """
    if path.stat().st_size > MOST_BYTES:
        raise CheckpointError(f"a matcher's file ends at {MOST_BYTES >> 20} MB: this is something else")
    tensors, meta = read_tensors(path)
    if meta.get("kind") != MODEL_KIND:
        raise CheckpointError("this file holds another kind of model, not a matcher: choose a matcher's file")
    config = _settings(meta.get("config"))
    with torch.device("meta"):
        wanted = _forms(StructureModel(config).state_dict())
    if _forms(tensors) != wanted:
        raise CheckpointError("the weights do not fit the settings that the file names")
    if not all(bool(torch.isfinite(value).all()) for value in tensors.values()):
        raise CheckpointError("some weights are not finite numbers: the training they come from has diverged")
    return StructureModel.load(path)


def _forms(tensors: Mapping[str, Tensor]) -> dict[str, tuple[torch.Size, bool]]:
    return {name: (value.shape, value.is_floating_point()) for name, value in tensors.items()}


def _settings(values: Any) -> StructureConfig:
    """Settings of a network of a reasonable size, before anything of that size is made."""
    try:
        config = StructureConfig.from_dict(values)
        sizes = [*config.widths, config.channels, config.coarse_channels]
        sane = all(isinstance(size, int) for size in sizes) and max(config.widths) <= WIDEST
        if not sane or max(config.channels, config.coarse_channels) > MOST_CHANNELS:
            raise ConfigError(f"widths end at {WIDEST} and channels at {MOST_CHANNELS}")
    except (ConfigError, TypeError, ValueError) as error:
        raise CheckpointError(f"the settings in the file are not those of a matcher: {error}") from error
    return config
