"""What a region's model is made of, and what it says of a tile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from torch import Tensor

from mlcore.changes.classifiers import ChangeClassifier
from mlcore.consistency.inference import ready
from mlcore.consistency.model import ConsistencyModel
from mlcore.correspondences.dense.shift import Origin, Shift
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress
from mlcore.region.config import RegionConfig


@dataclass(frozen=True)
class TileResult:
    """What is known of one tile.

    Attributes:
        fold: the fold that scored it; -1 for an unmapped tile, scored by the mean of all.
        disc, proto, final: the U-CSA scores, higher = agrees.
        difference: log-odds that any building of the tile changed, from evidence against map.
        probability: calibrated probability that image and map agree.
        shift_east_m, shift_north_m: what the map was moved by before it was compared, metres on the ground.
        shift_confidence: probability that this shift is right.
        shift_origin: verified by people, proposed by a matcher, measured on the tile, or taken from its neighbours or
            the region; none where nothing is known.
        shift_transform: all of it, in pixels of the tile at 256 px, where the map was turned or scaled as well.
    """

    tile: TileAddress
    fold: int
    disc: float
    proto: float
    final: float
    difference: float
    probability: float
    shift_east_m: float = 0.0
    shift_north_m: float = 0.0
    shift_confidence: float = 0.0
    shift_origin: Origin = "none"
    shift_transform: Transform | None = None

    @property
    def score(self) -> tuple[float, float, float]:
        """disc, proto and final of U-CSA."""
        return self.disc, self.proto, self.final

    @property
    def shift(self) -> Shift:
        """Its shift with a metre for a pixel."""
        return Shift(self.shift_east_m, -self.shift_north_m, self.shift_confidence, self.shift_origin)

    def with_shift(self, shift: Shift) -> TileResult:
        """The same with its shift, given in pixels of the tile's own zoom."""
        east_m, north_m = shift.metres(self.tile.resolution_m())
        return replace(
            self, shift_east_m=east_m, shift_north_m=north_m, shift_confidence=shift.confidence,
            shift_origin=shift.origin, shift_transform=shift.transform,
        )  # fmt: skip


STORED_AS = {"evidence": "evidence", "consistency": "consistency", "classifier": "judge"}
"""The name in model files of each part of a fold."""


@dataclass(frozen=True)
class FoldModel:
    """What was trained without one block of tiles."""

    evidence: EvidenceEnsemble
    consistency: ConsistencyModel
    classifier: ChangeClassifier

    @cached_property
    def consistency_asked(self) -> ConsistencyModel:
        """The consistency network as scans ask it, made ready once."""
        return ready(self.consistency)

    def to(self, device: str) -> None:
        """Move the networks; the small classifier stays on the processor."""
        self.evidence.to(device)
        self.consistency.to(device)
        self.__dict__.pop("consistency_asked", None)  # it is made anew where the network is now

    @classmethod
    def from_tensors(cls, config: RegionConfig, parts: Mapping[str, Mapping[str, Tensor]]) -> FoldModel:
        """Rebuild from the state dicts of the three parts."""
        evidence = EvidenceEnsemble.from_tensors(config.evidence, parts["evidence"])
        consistency = ConsistencyModel.from_tensors(config.consistency.to_dict(), parts["consistency"])
        return cls(evidence, consistency, ChangeClassifier.from_tensors(parts[STORED_AS["classifier"]]))
