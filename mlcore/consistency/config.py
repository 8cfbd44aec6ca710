"""Settings of U-CSA, with the paper's numbers beside ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from mlcore.errors import ConfigError

ARCHITECTURE = (
    "encoder", "input_px", "dimension", "image_width", "map_width", "cell_channels", "spatial", "prototypes",
    "fused_channels",
)  # fmt: skip


@dataclass(frozen=True)
class ConsistencyConfig:
    """How U-CSA is built, trained and scored.

    Attributes:
        encoder: name in the registry of image encoders (paper: WideResNet-50).
        input_px: side of the tile as the encoders see it.
        dimension: of the joint space (paper: 1024).
        image_width, map_width: channels of the first scale; a map is simpler than an image.
        cell_channels: channels of the cell features.
        temperature: start of the learnable temperature (paper: 0.07).
        anchored: image-text and map-text contrast (Eq. 2-3); False contrasts image and map directly (an ablation).
        mask_identical: texts that are equal to a tile's own are no negatives of it (ours; the paper leaves it open).
        local_anchors: also contrast every cell with four texts that say how built-up it is (ours): few tiles hold many
            cells, and a global anchor can't teach the encoders what one building looks like.
        contrastive_epochs, matching_epochs: paper 30 and 20.
        steps_per_epoch: lower bound, so that a region of 32 tiles is trained as long as a large one.
        batch: paper 64.
        contrastive_rate, matching_rate, prototype_rate: Adam's; paper 1e-4, 1e-4 and 5e-5 on pre-trained encoders.
        weight_decay: decoupled.
        tuning_contrastive_epochs, tuning_matching_epochs: instead of the above where training starts from weights.
        tuning_rate: factor of the learning rates then.
        half_precision: train in bfloat16 where the machine multiplies it natively (nearly twice as fast there).
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
    """

    encoder: str = "compact"
    input_px: int = 128
    dimension: int = 256
    image_width: int = 16
    map_width: int = 8
    cell_channels: int = 48
    temperature: float = 0.07
    anchored: bool = True
    mask_identical: bool = True
    local_anchors: bool = True
    contrastive_epochs: int = 8
    matching_epochs: int = 25
    steps_per_epoch: int = 24
    batch: int = 16
    contrastive_rate: float = 2e-3
    matching_rate: float = 1e-3
    prototype_rate: float = 5e-4
    weight_decay: float = 1e-4
    tuning_contrastive_epochs: int = 2
    tuning_matching_epochs: int = 7
    tuning_rate: float = 0.5
    half_precision: bool = True
    freeze_encoders: bool = False
    spatial: bool = True
    worst_share: float = 0.01
    edited_negatives: bool = True
    prototypes: int = 16
    prototype_weight: float = 0.5
    alpha: float = 0.7
    fused_channels: int = 64

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

    @classmethod
    def preset(cls, name: str, **changes: Any) -> ConsistencyConfig:
        """A named preset with some settings changed; an unknown name or key raises ConfigError."""
        if name not in PRESETS:
            raise ConfigError(f"no preset {name!r}: choose one of {', '.join(sorted(PRESETS))}")
        return cls.from_dict({**PRESETS[name], **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> ConsistencyConfig:
        """From plain values, such as a model file's metadata; an unknown key raises ConfigError."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"unknown setting of consistency: {', '.join(sorted(unknown))}")
        return cls(**values)

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


PRESETS: dict[str, dict[str, Any]] = {
    "compact": {},
    "tiny": {
        "input_px": 64, "dimension": 32, "image_width": 8, "map_width": 4, "cell_channels": 8, "fused_channels": 16,
        "prototypes": 4, "contrastive_epochs": 2, "matching_epochs": 2, "steps_per_epoch": 2, "batch": 4,
        "tuning_contrastive_epochs": 1, "tuning_matching_epochs": 2,
    },
}  # fmt: skip
