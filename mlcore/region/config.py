"""Settings of a region's cross-fitted model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from mlcore.consistency.config import ConsistencyConfig
from mlcore.errors import ConfigError
from mlcore.evidence.config import EvidenceConfig

TRIM_AFTER = 0.4
"""Of the steps on maps of many places: before, the network is sure of little."""
OF_REGIONS: dict[str, Any] = {"anchors": "cells"}
"""What regions change of U-CSA: the anchors of cells alone, which the map itself gives. One anchor per tile beside them
told tiles apart no better (`benchmarks/anchor_control.py`), and needs every tile described."""

SEES_WITH: dict[str, Any] = {
    "encoder": "efficientnet_lite0", "widths": (24, 48, 64, 96), "edge_px": 1, "tuning_epochs": 6,
    "tuning_rate": 3.0, "tuning_frozen_stages": 4,
}  # fmt: skip
"""The evidence network of regions: the one that ships, and how long it is tuned. A file whose evidence names no encoder
has the small network."""
REGISTER_AFTER = 0.35
"""Of the steps on maps of many places: labels are moved to where a network that knows pictures sees them."""


@dataclass(frozen=True)
class RegionConfig:
    """How a region is trained and scanned.

    Attributes:
        folds: geographic blocks; a tile is scored by the model that was trained without its block.
        evidence, consistency: settings of the two networks.
        initial: start both networks from the weights that ship with the library, where these are of the same sizes.
        flips: mirrored views averaged when evidence is predicted (1, 2 or 4).
        include_unmapped: also scan tiles outside the coverage, by the mean of the folds.
        rounds: simulated editions of the map that the probabilities are calibrated on, at least.
        least_edits: the map of a small region is edited more often, until each sort of edit was made so many times.
        edit_share: share of the region's footprints that one such edition removes, adds and modifies, each.
        counterfactuals: so many candidates, the surest, are put into the map and their tile measured anew.
        least_valid_share: a tile with less image than this is neither trained on nor scored.
    """

    folds: int = 3
    evidence: EvidenceConfig = field(default_factory=lambda: EvidenceConfig(**SEES_WITH))
    consistency: ConsistencyConfig = field(default_factory=lambda: ConsistencyConfig(**OF_REGIONS))
    initial: bool = True
    flips: int = 1
    include_unmapped: bool = False
    rounds: int = 8
    least_edits: int = 100
    edit_share: float = 0.02
    counterfactuals: int = 24
    least_valid_share: float = 0.2

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise ConfigError("cross-fitting needs at least 2 folds")
        if self.flips not in (1, 2, 4):
            raise ConfigError("flips must be 1, 2 or 4")
        if self.rounds < 1 or self.least_edits < 0 or not 0 < self.edit_share <= 0.2:
            raise ConfigError("rounds must be at least 1, least_edits 0 or more, and edit_share in (0, 0.2]")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> RegionConfig:
        """A named preset with some settings changed; an unknown name or key raises ConfigError."""
        if name not in PRESETS:
            raise ConfigError(f"no preset {name!r}: choose one of {', '.join(sorted(PRESETS))}")
        return cls.from_dict({**PRESETS[name], **changes})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RegionConfig:
        """From plain values, such as a model file's metadata; an unknown key raises ConfigError."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ConfigError(f"unknown setting of a region: {', '.join(sorted(unknown))}")
        known = dict(values)
        if isinstance(known.get("evidence"), Mapping):
            known["evidence"] = EvidenceConfig.from_dict(known["evidence"])
        if isinstance(known.get("consistency"), Mapping):
            known["consistency"] = ConsistencyConfig.from_dict({**OF_REGIONS, **known["consistency"]})
        return cls(**known)

    def for_many_places(self) -> RegionConfig:
        """The same networks, their evidence trained longer and on more varied light and scale: for places not seen.

        Labels that the small network is sure are wrong are left out; a pre-trained one moves them to what it sees.
        """
        trust: dict[str, Any] = (
            {"register_after": REGISTER_AFTER} if self.evidence.encoder else {"trim_after": TRIM_AFTER}
        )
        evidence = replace(
            self.evidence, epochs=-(-3 * self.evidence.epochs // 2), light=1.0,
            scale_jitter=max(self.evidence.scale_jitter, 0.3), **trust,
        )  # fmt: skip
        return replace(self, evidence=evidence)

    def to_dict(self) -> dict[str, Any]:
        plain = {one.name: getattr(self, one.name) for one in fields(self)}
        return plain | {"evidence": self.evidence.to_dict(), "consistency": self.consistency.to_dict()}


PRESETS: dict[str, dict[str, Any]] = {
    "compact": {},
    "quick": {
        "folds": 2, "evidence": {**SEES_WITH, "epochs": 7}, "rounds": 4, "least_edits": 30, "counterfactuals": 12,
    },
    "general": {
        "evidence": {"epochs": 24, "scale_jitter": 0.3, "light": 1.0, "trim_after": TRIM_AFTER},
        "consistency": {"contrastive_epochs": 6, "matching_epochs": 24, "steps_per_epoch": 30},
        "initial": False, "rounds": 12, "flips": 4,
    },
    "places": {
        "evidence": {
            **SEES_WITH, "crop_px": 256, "epochs": 40, "steps_per_epoch": 50, "ema": 0.99, "light": 1.0,
            "register_after": REGISTER_AFTER,
        },
        "consistency": {"contrastive_epochs": 6, "matching_epochs": 24, "steps_per_epoch": 30},
        "initial": False, "rounds": 12,
    },
    "tiny": {
        "folds": 2,
        "evidence": {"widths": (8, 8, 12, 16), "epochs": 2, "steps_per_epoch": 3, "batch": 2, "crop_px": 96},
        "consistency": {
            "input_px": 64, "dimension": 32, "image_width": 8, "map_width": 4, "cell_channels": 8,
            "fused_channels": 16, "prototypes": 4, "contrastive_epochs": 2, "matching_epochs": 2,
            "steps_per_epoch": 2, "batch": 4, "views": 1,
        },
        "initial": False, "rounds": 2, "least_edits": 0, "counterfactuals": 3,
    },
}  # fmt: skip
"""`places` learns what ships, on many places; `general` the same with the small network, which needs no published
weights; `compact` is for real regions on two cores, `quick` for a first look at an easy place, such as the demo; `tiny`
only shows that everything works, in seconds."""
