"""How a tile with one changed building is told from the rest on places left out, as a scan says it of a tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlcore.changes.classifiers import MOST_DOUBT, ChangeClassifier
from mlcore.consistency.model import ConsistencyModel
from mlcore.errors import InvalidInputError
from mlcore.evaluation.metrics import auroc
from mlcore.evaluation.pairs import CHANGED, UNDECIDED, PairSet
from mlcore.evaluation.same_tile import same_tile_auroc
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceNetwork
from mlcore.evidence.picture import EvidenceReader
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.region.config import RegionConfig
from mlcore.region.model import RegionModel
from mlcore.region.parts import FoldModel, TileResult

LEARNT_BY_CONSISTENCY = ("zanzibar", "nairobi")
"""Places that the U-CSA which ships learnt from: what it says there counts for nothing here."""
WOULD_WEIGH = 0.08
"""U-CSA's doubt beside the others: as in a region (`classifiers.OF_A_REGION`), by as much less as they weigh here."""


def told_apart(pairs: PairSet, doubt: np.ndarray) -> tuple[float, float]:
    """AUROC for one changed building over all tiles, whose maps may be wrong before any edit, and over editions of one.

    Args:
        doubt: (E * T,) edition by edition, higher = changed.

    Returns:
        The two; nan where they are not defined.
    """
    decided = pairs.state != UNDECIDED
    changed, doubt = pairs.state[decided] == CHANGED, doubt[decided]
    if not 0 < changed.sum() < len(changed):
        return float("nan"), float("nan")
    number = np.tile(np.arange(len(pairs.tiles)), len(pairs.editions))[decided]
    try:
        same = same_tile_auroc(changed, [doubt], number, number, draws=1).value
    except InvalidInputError:
        same = float("nan")
    return auroc(changed, doubt), same


@dataclass(frozen=True)
class Stranger:
    """What judges a place that it knows nothing of: network and classifier never saw it, U-CSA may have."""

    place: str
    network: EvidenceNetwork
    classifier: ChangeClassifier
    consistency: ConsistencyModel
    config: RegionConfig

    def model(self, zoom: int) -> RegionModel:
        """As a scan asks it."""
        parts = FoldModel(EvidenceEnsemble([self.network]), self.consistency, self.classifier)
        return RegionModel(self.config, [parts], {}, {}, zoom=zoom)


def tile_figures(judge: Stranger, source: PairSource, evidence: EvidenceReader, pairs: PairSet) -> dict[str, float]:
    """One changed building, by the probability that a scan gives its tile.

    Args:
        evidence: of the place, by the judge's network.

    Returns:
        tile_auroc, tile_same_tile: by what a scan of a place never seen weighs. Only of places that U-CSA never learnt
        from: the same again as without_consistency_auroc and without_consistency_same_tile, with_consistency_* with its
        score besides, and consistency_* by its score alone.
    """
    model = judge.model(pairs.tiles[0].z)
    found: list[TileResult] = []
    for edition in pairs.editions:
        edited = source.with_index(MapIndex(edition.edited.features))
        results = model.assess(edited, evidence, list(pairs.tiles)).results
        found += [results[tile] for tile in pairs.tiles]
    doubt, inconsistent = weighed(found)
    told = {"tile": doubt}
    if judge.place not in LEARNT_BY_CONSISTENCY:
        told["without_consistency"] = doubt
        told |= {"with_consistency": doubt + WOULD_WEIGH * inconsistent, "consistency": inconsistent}
    return _named(pairs, told)


def weighed(found: Sequence[TileResult]) -> tuple[np.ndarray, np.ndarray]:
    """(N,) log-odds that tiles changed, and U-CSA's doubt."""
    agree = np.array([one.probability for one in found])
    return np.log1p(-agree) - np.log(agree), -np.clip([one.final for one in found], -MOST_DOUBT, MOST_DOUBT)


def _named(pairs: PairSet, told: dict[str, np.ndarray]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name, doubt in told.items():
        figures[f"{name}_auroc"], figures[f"{name}_same_tile"] = told_apart(pairs, doubt)
    return figures
