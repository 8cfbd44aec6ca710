"""Settings of the structure matcher and of its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from mlcore.errors import ConfigError


@dataclass(frozen=True)
class StructureConfig:
    """The `compact` structure matcher; every size is a choice of ours.

    Attributes:
        widths: channels of the trunk at 1/2, 1/4, 1/8 and 1/16 of the resolution.
        channels: fields of structure that come out, at half the resolution.
        coarse_channels: coarse fields, at an eighth, by which pictures are searched for as wholes.
        steps, batch, crop_px: optimiser steps, pairs per step, side of a crop.
        learning_rate, weight_decay, warmup: AdamW, linear warm-up (share of the steps), cosine decay.
        turn_deg, scale_jitter: what the two sides of a training pair are turned and scaled apart, in +-: about what the
            search over rotation and scale leaves over.
        seen_scale: how far, as exp(+-this), the network sees the map at another scale than the image; it sees it at any
            other angle. Its fields are turned and scaled back before they are compared, as the search does it.
        shift_share: what they are moved apart, in +- shares of the side.
        patches: looked for on each pair by the fine loss.
        steps_per_epoch: a checkpoint is written after each epoch.
    """

    widths: tuple[int, int, int, int] = (32, 48, 80, 128)
    channels: int = 8
    coarse_channels: int = 12
    steps: int = 1500
    batch: int = 6
    crop_px: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup: float = 0.05
    turn_deg: float = 4.0
    scale_jitter: float = 0.08
    seen_scale: float = 0.3
    shift_share: float = 0.25
    patches: int = 16
    steps_per_epoch: int = 50

    def __post_init__(self) -> None:
        if len(self.widths) != 4 or min(self.widths) < 4 or min(self.channels, self.coarse_channels) < 1:
            raise ConfigError("widths must be four numbers of 4 or more, and channels at least 1")
        if self.crop_px % 16 or self.crop_px < 128:
            raise ConfigError("crop_px must be a multiple of 16 and at least 128")
        if min(self.steps, self.patches, self.steps_per_epoch) < 1 or self.batch < 2 or not 0 < self.learning_rate < 1:
            raise ConfigError("steps, patches and steps_per_epoch must be positive, batch 2 or more, rate below 1")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> StructureConfig:
        """Read a stored configuration; an unknown key raises ConfigError."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"unknown matcher settings {sorted(unknown)}; remove them")
        known = dict(values)
        if "widths" in known:
            known["widths"] = tuple(known["widths"])
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
