"""Settings of the graph matcher and of its training, and the presets.

Of MapGlue only the outline is public: 512 px, 2,048 keypoints, a learned detector joined with edge saliency, semantic
context, a local and a global graph. Every other size is a choice of ours, of the class of SuperGlue (Sarlin 2020) and
LightGlue (Lindenberger 2023): 256 channels, 4 heads, 9 rounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from mlcore.errors import ConfigError

Assignment = Literal["dual_softmax", "transport"]


@dataclass(frozen=True)
class GraphConfig:
    """The graph matcher; the defaults are the preset `compact`.

    Attributes:
        widths: channels of the trunk at 1/2, 1/4, 1/8 and 1/16 of the resolution; by default the structure matcher's,
            whose trunk may be the start.
        channels: of a descriptor and of a keypoint's token.
        heads, rounds: of attention; every round goes from the global graph to the local one.
        neighbours: edges of a keypoint in the local graph.
        classes: channels of evidence (buildings, roads) that tokens get beside the deep features; 0: none.
        size_px: pictures are brought to this longest side.
        keypoints: of a picture at most.
        saliency_share: what edge saliency counts in a keypoint's score; the learned detector counts the rest.
        assignment: `dual_softmax` (LightGlue) or `transport` (SuperGlue).
        sinkhorn_rounds: of the transport.
        least_confidence: of a match that is given.
        exit_share: of keypoints that must be sure of their match for the rounds to end early; 1: they never do.
        steps, batch, crop_px, train_keypoints: optimiser steps, pairs per step, side of a crop, keypoints of each.
        keep_trunk: the trunk stays as it starts and only what stands on it learns (LightGlue's way with a detector).
        learning_rate, weight_decay, warmup: AdamW, linear warm-up (share of the steps), cosine decay.
        turn_deg, scale_jitter, shift_share: how far the two sides of a training pair lie apart once turned back.
        seen_scale: how far, as exp(+-this), the map is seen at another scale; it is seen at any angle.
        match_px, alone_px: keypoints nearer than the first are a match, farther from all than the second have none;
            between them nothing is learnt. LightGlue has 3 and 5; image and map share fewer keypoints, and maps of
            volunteers are no more exact.
        temperature: of the contrast of descriptors.
        steps_per_epoch: a checkpoint is written after each epoch.
    """

    widths: tuple[int, int, int, int] = (32, 48, 80, 128)
    channels: int = 128
    heads: int = 4
    rounds: int = 4
    neighbours: int = 8
    classes: int = 0
    size_px: int = 512
    keypoints: int = 1024
    saliency_share: float = 0.3
    assignment: Assignment = "dual_softmax"
    sinkhorn_rounds: int = 50
    least_confidence: float = 0.1
    exit_share: float = 1.0
    steps: int = 3000
    batch: int = 4
    crop_px: int = 256
    train_keypoints: int = 256
    keep_trunk: bool = False
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup: float = 0.05
    turn_deg: float = 15.0
    scale_jitter: float = 0.1
    shift_share: float = 0.2
    seen_scale: float = 0.3
    match_px: float = 6.0
    alone_px: float = 9.0
    temperature: float = 0.05
    steps_per_epoch: int = 50

    def __post_init__(self) -> None:
        if len(self.widths) != 4 or min(self.widths) < 4:
            raise ConfigError("widths must be four numbers of 4 or more")
        if min(self.heads, self.rounds, self.neighbours, self.sinkhorn_rounds) < 1 or self.classes < 0:
            raise ConfigError("heads, rounds, neighbours and sinkhorn_rounds must be positive, classes not negative")
        if self.channels < self.heads or self.channels % self.heads:
            raise ConfigError("channels must be a multiple of heads")
        if min(self.size_px, self.crop_px) < 64 or self.size_px % 16 or self.crop_px % 16:
            raise ConfigError("size_px and crop_px must be multiples of 16 and at least 64")
        if min(self.keypoints, self.train_keypoints) < 8:
            raise ConfigError("keypoints and train_keypoints must be at least 8")
        if self.assignment not in get_args(Assignment):
            raise ConfigError(f"assignment must be one of {', '.join(get_args(Assignment))}")
        shares = (self.saliency_share, self.least_confidence, self.exit_share)
        if not all(0 <= share <= 1 for share in shares):
            raise ConfigError("saliency_share, least_confidence and exit_share must lie in 0..1")
        if not 0 < self.match_px <= self.alone_px or not self.temperature > 0:
            raise ConfigError("match_px must be positive and not above alone_px, temperature positive")
        if min(self.steps, self.steps_per_epoch, self.batch) < 1 or not 0 < self.learning_rate < 1:
            raise ConfigError("steps, steps_per_epoch and batch must be positive, the rate below 1")

    @classmethod
    def preset(cls, name: str) -> GraphConfig:
        """One of PRESETS; ConfigError names them where there is no such one."""
        if name not in PRESETS:
            raise ConfigError(f"no preset {name!r}: choose from {', '.join(PRESETS)}")
        return PRESETS[name]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GraphConfig:
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


PRESETS: dict[str, GraphConfig] = {
    "paper": GraphConfig(
        widths=(64, 64, 128, 256),
        channels=256,
        rounds=9,
        neighbours=16,
        keypoints=2048,
        crop_px=512,
        train_keypoints=1024,
        steps=200_000,
        batch=16,
        learning_rate=1e-4,
        scale_jitter=0.3,
        shift_share=0.3,
        steps_per_epoch=500,
    ),
    "compact": GraphConfig(),
    "tiny": GraphConfig(
        widths=(8, 8, 12, 16),
        channels=16,
        heads=2,
        rounds=2,
        neighbours=4,
        size_px=128,
        keypoints=64,
        crop_px=128,
        train_keypoints=48,
        sinkhorn_rounds=20,
        steps=4,
        batch=2,
        steps_per_epoch=2,
    ),
}
"""`paper`: the published sizes; `compact`: for two cores; `tiny`: for tests."""
