"""What a region's model is made of, and what it says of a tile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from mlcore.changes.model import EvidenceModel
from mlcore.changes.verdicts import Judge
from mlcore.consistency.model import ConsistencyModel
from mlcore.geometry.webmercator import TileAddress
from mlcore.training.region_config import RegionConfig


@dataclass(frozen=True)
class TileResult:
    """What is known of one tile.

    Attributes:
        fold: the fold that scored it; -1 for an unmapped tile, scored by the mean of all.
        disc, proto, final: the U-CSA scores, higher = agrees.
        difference: log-odds that any building of the tile changed, from evidence against map.
        probability: calibrated probability that image and map agree.
    """

    tile: TileAddress
    fold: int
    disc: float
    proto: float
    final: float
    difference: float
    probability: float


@dataclass(frozen=True)
class FoldModel:
    """What was trained without one block of tiles."""

    evidence: EvidenceModel
    consistency: ConsistencyModel
    judge: Judge

    @classmethod
    def from_tensors(cls, config: RegionConfig, parts: Mapping[str, Mapping[str, Tensor]]) -> FoldModel:
        """Rebuild from the state dicts of the three parts."""
        evidence = EvidenceModel(config.evidence)
        evidence.load_state_dict(dict(parts["evidence"]))
        consistency = ConsistencyModel.from_tensors(config.consistency.to_dict(), parts["consistency"])
        return cls(evidence.eval(), consistency, Judge.from_tensors(parts["judge"]))
