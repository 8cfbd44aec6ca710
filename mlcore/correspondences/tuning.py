"""Settings by which a matcher goes on learning from weights that there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from mlcore.correspondences.config import StructureConfig
from mlcore.errors import ConfigError

MOST_TOWNS = 16


@dataclass(frozen=True)
class TuningConfig:
    """How long and from what; the network's sizes are those of the weights it starts from. All sizes are ours.

    Attributes:
        steps, batch, crop_px, learning_rate, steps_per_epoch: as StructureConfig has them; the rate is lower than that
            of a training from nothing, which would forget what the start knows.
        towns: made towns of 16 tiles that are learnt from beside the verified places, so that what they lack (other
            roofs, other streets) stays known.
        town_share: of training pairs that are drawn from them.
    """

    steps: int = 1000
    batch: int = 6
    crop_px: int = 256
    learning_rate: float = 5e-4
    steps_per_epoch: int = 25
    towns: int = 3
    town_share: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.towns <= MOST_TOWNS or not 0 <= self.town_share < 1:
            raise ConfigError(f"towns must lie in 0..{MOST_TOWNS}, and their share from 0 to below 1")
        self.of_network(StructureConfig())

    @classmethod
    def preset(cls, name: str) -> TuningConfig:
        """One of PRESETS; ConfigError names them where there is no such one."""
        if name not in PRESETS:
            raise ConfigError(f"no preset {name!r}: choose from {', '.join(PRESETS)}")
        return PRESETS[name]

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TuningConfig:
        """Read stored settings; an unknown key raises ConfigError."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"unknown settings {sorted(unknown)}; remove them")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def of_network(self, start: StructureConfig) -> StructureConfig:
        """The settings of a training that goes on from a network of these sizes."""
        return replace(
            start, steps=self.steps, batch=self.batch, crop_px=self.crop_px, learning_rate=self.learning_rate,
            steps_per_epoch=self.steps_per_epoch,
        )  # fmt: skip


PRESETS: dict[str, TuningConfig] = {
    "compact": TuningConfig(),
    "quick": TuningConfig(steps=200, steps_per_epoch=10, towns=2),
    "tiny": TuningConfig(steps=4, batch=2, crop_px=128, steps_per_epoch=1, towns=1),
}
"""`compact`: for two cores; `quick`: a first look; `tiny`: for tests."""
