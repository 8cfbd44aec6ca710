"""Settings of the building-evidence network and of its training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from mlcore.errors import ConfigError

ENCODERS = {"": 16, "efficientnet_lite0": 32}
"""Encoders by name, with the deepest stride of each."""
RETIRED = frozenset({"trim_footprint", "trim_ground"})


@dataclass(frozen=True)
class EvidenceConfig:
    """An evidence network and how it is trained; every size is a choice of ours.

    Attributes:
        encoder: "" for the small network that learns from nothing, or one of ENCODERS: pre-trained, with a decoder.
        encoder_weights: what a pre-trained encoder starts from where training starts from nothing: a file (see
            `mlcore.encoders.weights`); "" = the installed package's; "random" = nothing.
        frozen_stages: so many of the encoder's seven stages, and its stem, stay as they came.
        encoder_rate: factor of the learning rate for the encoder's other stages.
        widths: channels at 1/2, 1/4, 1/8 and 1/16 of the tile's resolution; of the decoder, where there is an encoder.
        epochs, steps_per_epoch: a checkpoint is written after each epoch.
        batch, crop_px: crops per step, side of a crop.
        learning_rate, weight_decay, warmup: AdamW, with a linear warm-up (share of the steps) and a cosine decay.
        ema: decay of the averaged weights that are kept.
        edge_weight: loss weight of the pixels within `edge_px` of a footprint's outline (1-3 m of misregistration).
        boundary_weight: weight of the outline head in the loss.
        light: 0 varies light and colour as within one place, 1 as between places and cameras.
        scale_jitter: crops are scaled by exp(+-this).
        tuning_epochs, tuning_rate: epochs, and factor of the learning rate, where training starts from weights.
        tuning_frozen_stages: `frozen_stages` then, where that is more.
        half_precision: train in bfloat16 where the machine multiplies it natively (twice as fast there).
        trim_after: share of the steps after which labels that the network is confidently against are left out of the
            loss (a trimmed loss); 1 = never. It pays where maps of many places teach a place never seen, and not where
            a place is tuned on its own map.
        register_after: share of the steps after which labels are moved, crop by crop and by up to `register_m` metres,
            to where the network sees them: maps are off by a metre or two; 1 = never.
        max_tiles: at most this many tiles are held in memory (a seeded sample of them beyond).
    """

    encoder: str = ""
    encoder_weights: str = ""
    frozen_stages: int = 2
    encoder_rate: float = 0.3
    widths: tuple[int, int, int, int] = (32, 48, 80, 128)
    epochs: int = 16
    steps_per_epoch: int = 20
    batch: int = 8
    crop_px: int = 224
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    warmup: float = 0.08
    ema: float = 0.98
    edge_weight: float = 0.4
    edge_px: int = 2
    boundary_weight: float = 0.5
    scale_jitter: float = 0.15
    trim_after: float = 1.0
    register_after: float = 1.0
    register_m: float = 2.0
    max_tiles: int = 2000
    half_precision: bool = True
    light: float = 0.0
    tuning_epochs: int = 12
    tuning_rate: float = 1.0
    tuning_frozen_stages: int = 0

    def __post_init__(self) -> None:
        if len(self.widths) != 4 or min(self.widths) < 4 or any(w % 4 for w in self.widths):
            raise ConfigError("widths must be four multiples of 4, such as (32, 48, 80, 128)")
        if self.encoder not in ENCODERS:
            raise ConfigError(f"no evidence encoder {self.encoder!r}: choose one of {', '.join(map(repr, ENCODERS))}")
        if self.crop_px % self.stride_px or self.crop_px < 64:
            raise ConfigError(f"crop_px must be a multiple of {self.stride_px} and at least 64")
        stages = (self.frozen_stages, self.tuning_frozen_stages)
        if not 0 <= min(stages) <= max(stages) <= 7 or not 0 <= self.encoder_rate <= 1:
            raise ConfigError("frozen_stages and tuning_frozen_stages must be 0 to 7 and encoder_rate 0 to 1")
        if min(self.epochs, self.tuning_epochs, self.steps_per_epoch, self.batch) < 1 or not 0 < self.learning_rate < 1:
            raise ConfigError("epochs, steps_per_epoch and batch must be positive and learning_rate between 0 and 1")
        if not (0 <= self.ema < 1 and 0 <= self.warmup <= 1):
            raise ConfigError("ema must be 0 to below 1, and warmup a share of the steps: 0 to 1")
        if not (0 <= self.trim_after <= 1 and 0 <= self.register_after <= 1):
            raise ConfigError("trim_after and register_after are each a share of the steps: 0 to 1")

    def tuning(self) -> EvidenceConfig:
        """The same network with the schedule for weights that have learnt already."""
        return replace(
            self, epochs=self.tuning_epochs, learning_rate=self.learning_rate * self.tuning_rate, trim_after=1.0,
            register_after=1.0, frozen_stages=max(self.frozen_stages, self.tuning_frozen_stages),
        )  # fmt: skip

    def halved(self) -> EvidenceConfig:
        """Half the schedule, for a network that serves only to show how poor evidence of a strange place is."""
        return replace(self, epochs=-(-self.epochs // 2))

    @property
    def stride_px(self) -> int:
        """Sides of pictures must be multiples of this."""
        return ENCODERS[self.encoder]

    @property
    def architecture(self) -> tuple[object, ...]:
        """What two networks must share for the weights of one to fit the other."""
        return self.encoder, self.widths

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""
        return self.epochs * self.steps_per_epoch

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EvidenceConfig:
        """Read a stored configuration; an unknown key raises ConfigError.

        Thresholds that files of earlier versions name decide nothing of what their weights say.
        """
        values = {name: value for name, value in values.items() if name not in RETIRED}
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"unknown evidence settings {sorted(unknown)}; remove them")
        known = dict(values)
        if "widths" in known:
            known["widths"] = tuple(known["widths"])
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
