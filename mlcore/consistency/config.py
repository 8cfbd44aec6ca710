"""Settings of U-CSA, with the paper's numbers beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from mlcore.errors import ConfigError

ARCHITECTURE = (
    "encoder", "text_encoder", "input_px", "dimension", "image_width", "map_width", "cell_channels", "spatial",
    "prototypes", "fused_channels",
)  # fmt: skip

CHOICES = {
    "schedule": ("cosine", "constant"),
    "batch_norm": ("batch", "frozen"),
    "anchors": ("both", "tiles", "cells", "none"),
    "precision": ("auto", "float32", "bfloat16", "float16"),
    "compile": ("", "inductor", "cudagraphs", "aot_eager"),
}


@dataclass(frozen=True)
class ConsistencyConfig:
    """How U-CSA is built, trained and scored.

    Attributes:
        encoder: name in the registry of image encoders: "compact", or "timm/<model>" (paper: WideResNet-50).
        image_weights: what a timm encoder starts from: "pretrained" (the weights of its name, from the hub),
            "hf-hub:<owner>/<name>", a file, or "random" in so many words; see `mlcore.encoders.weights`.
        text_encoder: "hashed", or "open_clip/<architecture>" (paper: CLIP's text tower; RN50's has 1024 dimensions).
        text_weights: of an open_clip tower: a tag such as "openai", a file, or "random" in so many words.
        text_activation: "gelu" or "quick_gelu", which the tower's weights were trained with; empty: what the tag or the
            file tells, see `mlcore.encoders.activation`.
        input_px: side of the tile as the encoders see it.
        dimension: of the joint space (paper: 1024).
        image_width, map_width: channels of the first scale; a map is simpler than an image.
        cell_channels: channels of the cell features.
        temperature: start of the learnable temperature (paper: 0.07).
        anchors: which texts the encoders are contrasted with. "tiles": one anchor per tile, image-text and map-text
            (Eq. 2-3). "cells": every cell with four texts that say how built-up it is (ours), beside the direct
            contrast of image and map: few tiles hold many cells, and a tile's anchor can't teach what one building
            looks like. "both", or "none": the direct contrast alone (an ablation).
        mask_identical: texts that are equal to a tile's own are no negatives of it (ours; the paper leaves it open).
        contrastive_epochs, matching_epochs: paper 30 and 20.
        steps_per_epoch: lower bound, so that a region of 32 tiles is trained as long as a large one.
        batch: paper 64.
        contrastive_rate, matching_rate, prototype_rate: Adam's; paper 1e-4, 1e-4 and 5e-5 on pre-trained encoders.
        weight_decay: decoupled (AdamW); 0 makes it Adam, as in the paper.
        schedule: of the learning rates, "cosine" (ours) or "constant" (the paper names none).
        augment: turn, crop and recolour the training tiles (ours; the paper is silent).
        batch_norm: "batch", statistics of what one process encodes at once; "frozen", the pre-trained ones, which makes
            training in parts and in several processes equal to training on the whole batch.
        accumulate: in how many parts a batch is encoded, to save memory. The loss is still that of the whole batch with
            all its negatives: features are computed first, then encoded again part by part for their gradients.
        tuning_contrastive_epochs, tuning_matching_epochs: instead of the above where training starts from weights.
        tuning_rate: factor of the learning rates then.
        precision: of training. "auto" is bfloat16 where the machine multiplies it natively (nearly twice as fast), else
            float32; "float32", "bfloat16" or "float16" (CUDA, scaled loss) insist.
        channels_last: memory layout of the convolutions.
        compile: backend of torch.compile through which the encoders are trained: "inductor" (on a CPU it needs a C++
            compiler), "cudagraphs" or "aot_eager"; empty: none.
        freeze_encoders: stage 2 leaves the encoders as they are (the paper, on ImageNet weights). Ours learn on, at
            half the rate: encoders trained from nothing on some dozen tiles are not finished after stage 1.
        spatial: the generator fuses the features of every cell beside the two embeddings, and a tile's score is the
            mean of its `worst_share` lowest cells (ours): a mean over the tile can't notice one missing building.
            False: the paper's fusion of the two embeddings alone.
        worst_share: share of cells a tile is judged by: at zoom 19 about one building of 40 m2.
        edited_negatives: the tile's own map with a building dropped, added or shifted is a negative too (ours).
        prototypes: paper 50.
        prototype_weight: lambda of Eq. 7 (paper: 0.5); 0 leaves prototypes out of training.
        alpha: of Eq. 10 (paper: 0.7).
        fused_channels: of the generator's output.
        views: turns and mirrorings of a pair that a score is the mean of (1, 2, 4 or 8; ours, the paper scores one).
    """

    encoder: str = "compact"
    image_weights: str = ""
    text_encoder: str = "hashed"
    text_weights: str = ""
    text_activation: str = ""
    input_px: int = 128
    dimension: int = 256
    image_width: int = 16
    map_width: int = 8
    cell_channels: int = 48
    temperature: float = 0.07
    anchors: str = "both"
    mask_identical: bool = True
    contrastive_epochs: int = 8
    matching_epochs: int = 25
    steps_per_epoch: int = 24
    batch: int = 16
    contrastive_rate: float = 2e-3
    matching_rate: float = 1e-3
    prototype_rate: float = 5e-4
    weight_decay: float = 1e-4
    schedule: str = "cosine"
    augment: bool = True
    batch_norm: str = "batch"
    accumulate: int = 1
    tuning_contrastive_epochs: int = 1
    tuning_matching_epochs: int = 3
    tuning_rate: float = 0.5
    precision: str = "auto"
    channels_last: bool = True
    compile: str = ""
    freeze_encoders: bool = False
    spatial: bool = True
    worst_share: float = 0.01
    edited_negatives: bool = True
    prototypes: int = 16
    prototype_weight: float = 0.5
    alpha: float = 0.7
    fused_channels: int = 64
    views: int = 4

    @property
    def tile_anchors(self) -> bool:
        """Whether training contrasts with one anchor per tile, so that every tile must have one."""
        return self.anchors in ("both", "tiles")

    def __post_init__(self) -> None:
        if self.input_px % 16 or self.input_px < 32:
            raise ConfigError("input_px must be a multiple of 16, at least 32")
        if not 0 < self.worst_share <= 1 or not 0 <= self.alpha <= 1:
            raise ConfigError("worst_share must lie in (0, 1] and alpha in [0, 1]")
        counts = ("dimension", "image_width", "map_width", "cell_channels", "prototypes", "fused_channels")
        low = [name for name in (*counts, "steps_per_epoch") if getattr(self, name) < 1]
        if low or self.batch < 2 or self.contrastive_epochs < 0 or self.matching_epochs < 1:
            raise ConfigError(f"{', '.join(low) or 'batch (2) or epochs'} too small: use at least 1")
        if self.tuning_contrastive_epochs < 0 or self.tuning_matching_epochs < 1 or self.tuning_rate <= 0:
            raise ConfigError("tuning needs at least 1 epoch of matching and a rate above 0")
        if self.temperature <= 0 or min(self.contrastive_rate, self.matching_rate, self.prototype_rate) <= 0:
            raise ConfigError("the temperature and the learning rates must be above 0")
        if self.views not in (1, 2, 4, 8):
            raise ConfigError("views must be 1, 2, 4 or 8")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ConfigError(f"{name} must be one of {', '.join(map(repr, choices))}, not {getattr(self, name)!r}")
        if self.accumulate < 1 or self.batch % self.accumulate:
            raise ConfigError(f"accumulate must divide the batch of {self.batch} into equal parts")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> ConsistencyConfig:
        """A named preset with some settings changed; an unknown name or key raises ConfigError."""
        if name not in PRESETS:
            raise ConfigError(f"no preset {name!r}: choose one of {', '.join(sorted(PRESETS))}")
        return cls.from_dict({**PRESETS[name], **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ConsistencyConfig:
        """From plain values, such as a model file's metadata; an unknown key raises ConfigError.

        Files written before `anchors` and `precision` were one setting each say the same in two.
        """
        values = dict(values)
        tiles, cells = (bool(values.pop(name, True)) for name in ("anchored", "local_anchors"))
        values.setdefault("anchors", ("both" if cells else "tiles") if tiles else "none")
        if not values.pop("half_precision", True) and values.get("precision", "auto") == "auto":
            values["precision"] = "float32"
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"unknown setting of consistency: {', '.join(sorted(unknown))}")
        return cls(**values)

    @classmethod
    def parse_setting(cls, text: str) -> tuple[str, Any]:
        """ "batch=8" -> ("batch", 8), with the type of that setting; anything else raises ConfigError."""
        name, _, value = text.partition("=")
        defaults = cls().to_dict()
        if name not in defaults:
            raise ConfigError(f"unknown setting of consistency: {name!r}; NAME is one of {', '.join(defaults)}")
        kind = type(defaults[name])
        try:
            return name, {"true": True, "false": False}[value.lower()] if kind is bool else kind(value)
        except (ValueError, KeyError) as error:
            raise ConfigError(f"{name} is a {kind.__name__}: {value!r} is none") from error

    def tuning(self) -> ConsistencyConfig:
        """The same network with the shorter schedule for weights that have learnt already."""
        return replace(
            self,
            contrastive_epochs=self.tuning_contrastive_epochs,
            matching_epochs=self.tuning_matching_epochs,
            contrastive_rate=self.contrastive_rate * self.tuning_rate,
            matching_rate=self.matching_rate * self.tuning_rate,
            prototype_rate=self.prototype_rate * self.tuning_rate,
        )

    def architecture(self) -> dict[str, Any]:
        """What decides whether weights fit: two settings of equal architecture can share them."""
        return {name: getattr(self, name) for name in ARCHITECTURE}

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


# "paper": what U-CSA prints (section 4.2). Where it is silent: 256 px tiles (its data), a fused vector as wide as the
# joint space, no schedule, no weight decay, and equal anchors stay negatives of each other (Eq. 2-3 as they stand).
PRESETS: dict[str, dict[str, Any]] = {
    "compact": {},
    "paper": {
        "encoder": "timm/wide_resnet50_2.tv_in1k", "image_weights": "pretrained",
        "text_encoder": "open_clip/RN50", "text_weights": "openai",
        "views": 1, "input_px": 256, "dimension": 1024, "fused_channels": 1024, "temperature": 0.07, "batch": 64,
        "contrastive_epochs": 30, "matching_epochs": 20, "steps_per_epoch": 1, "contrastive_rate": 1e-4,
        "matching_rate": 1e-4, "prototype_rate": 5e-5, "weight_decay": 0.0, "schedule": "constant",
        "anchors": "tiles", "mask_identical": False, "freeze_encoders": True, "spatial": False,
        "edited_negatives": False, "prototypes": 50, "prototype_weight": 0.5, "alpha": 0.7,
    },
    "tiny": {
        "input_px": 64, "dimension": 32, "image_width": 8, "map_width": 4, "cell_channels": 8, "fused_channels": 16,
        "prototypes": 4, "contrastive_epochs": 2, "matching_epochs": 2, "steps_per_epoch": 2, "batch": 4,
        "tuning_contrastive_epochs": 1, "tuning_matching_epochs": 2, "views": 1,
    },
}  # fmt: skip
