"""What one model says of a frozen set: tiles, suggestions, and the candidates that people decided about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mlcore.changes.candidate import Candidate, same_place
from mlcore.changes.classifiers import FOOTPRINT_CLASSES
from mlcore.changes.decisions import Decision
from mlcore.changes.diff import Measures, iter_measures, missing_chance
from mlcore.changes.registration import region_shifts
from mlcore.changes.usual import Usual
from mlcore.changes.verdicts import VerdictsOf
from mlcore.correspondences.dense.shift import Shift
from mlcore.evaluation.objects import match_candidates
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SilentProgress, SpanProgress
from mlcore.synthetic.edits import EditedMap

LEAST_CONFIDENCE = 0.5
"""An error counts as found where a right suggestion is at least this sure."""


class TileScore(Protocol):
    """What a model says of a tile."""

    @property
    def probability(self) -> float: ...


class Assessed(Protocol):
    """What a model says of one edition of the map."""

    @property
    def results(self) -> Mapping[TileAddress, TileScore]: ...

    @property
    def candidates(self) -> Sequence[Candidate]: ...


class ScoringModel(Protocol):
    """A region's model, as `mlcore.region.training.RegionModel`."""

    zoom: int

    def write_evidence(
        self, source: PairSource, tiles: Sequence[TileAddress], path: Path, progress: Progress | None = None
    ) -> None: ...

    def assess(
        self,
        source: PairSource,
        evidence: EvidenceReader,
        tiles: Sequence[TileAddress],
        progress: Progress | None = None,
    ) -> Assessed: ...

    def usual_in(
        self,
        source: PairSource,
        evidence: EvidenceReader,
        tiles: Sequence[TileAddress],
        shifts: Mapping[TileAddress, Shift],
    ) -> Usual | None: ...

    def verdicts(self, usual: Usual | None = None) -> VerdictsOf: ...


@dataclass(frozen=True)
class Scored:
    """One model on one frozen set, every tile by the models that did not see it.

    Attributes:
        agreement: (T,) probability that image and edited map agree, in the order of the set's tiles.
        candidates: tile number, confidence and whether it puts an error right, of every suggestion.
        found: (E,) whether a suggestion of LEAST_CONFIDENCE puts the error right.
        said: (D,) confidence in each candidate that people decided about, on the map without the errors.
    """

    agreement: list[float]
    candidates: list[tuple[int, float, bool]]
    found: list[bool]
    said: list[float]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, to be kept until both models are scored."""
        rows = [[tile, confidence, int(right)] for tile, confidence, right in self.candidates]
        return {"agreement": self.agreement, "candidates": rows, "found": self.found, "said": self.said}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Scored:
        """What `to_dict` gave."""
        rows = [(int(tile), float(confidence), bool(right)) for tile, confidence, right in values["candidates"]]
        return cls(list(values["agreement"]), rows, [bool(one) for one in values["found"]], list(values["said"]))


def score_model(
    model: ScoringModel,
    source: PairSource,
    edited: EditedMap,
    tiles: Sequence[TileAddress],
    decisions: Sequence[Decision],
    *,
    evidence_path: Path,
    progress: Progress | None = None,
) -> Scored:
    """Score the frozen set.

    Args:
        source: image, and the map without the errors.
        evidence_path: where the building evidence is written; it may be deleted afterwards.

    Raises:
        StoppedError: asked to stop.
    """
    progress = progress or SilentProgress()
    model.write_evidence(source, tiles, evidence_path, SpanProgress(progress, 0, 0.5))
    reader = EvidenceReader(evidence_path, model.zoom)
    wrong = source.with_index(MapIndex(edited.features))
    assessed = model.assess(wrong, reader, tiles, SpanProgress(progress, 0.5, 0.9))
    results, candidates = assessed.results, assessed.candidates
    matches = match_candidates(candidates, edited.edits)
    number = {tile: position for position, tile in enumerate(tiles)}
    pairs = [(one, match) for one, match in zip(candidates, matches, strict=True) if one.tile in number]
    found = {match for one, match in pairs if match is not None and one.confidence >= LEAST_CONFIDENCE}
    return Scored(
        [float(results[tile].probability) for tile in tiles],
        [(number[one.tile], float(one.confidence), match is not None) for one, match in pairs],
        [position in found for position in range(len(edited.edits))],
        decided_confidences(model, source, reader, tiles, decisions, SpanProgress(progress, 0.9, 1.0)),
    )


def decided_confidences(
    model: ScoringModel,
    source: PairSource,
    evidence: EvidenceReader,
    tiles: Sequence[TileAddress],
    decisions: Sequence[Decision],
    progress: Progress | None = None,
) -> list[float]:
    """How sure the model is of each candidate that people decided about; 0 where it sees nothing to suggest."""
    near = {tile for one in decisions for tile in one.tile.around(1)}
    chosen = [tile for tile in tiles if tile in near]
    if not chosen:
        return [0.0] * len(decisions)
    shifts = region_shifts(evidence, source.index, tiles)
    verdicts_of = model.verdicts(model.usual_in(source, evidence, tiles, shifts))
    confidences = np.zeros(len(decisions))
    for block in iter_measures(evidence, source.index, chosen, shifts, progress):
        for position, confidence in _of_block(verdicts_of, block, decisions):
            confidences[position] = max(confidences[position], confidence)
    return [float(one) for one in confidences]


def _of_block(verdicts_of: VerdictsOf, block: Measures, decisions: Sequence[Decision]) -> Iterator[tuple[int, float]]:
    by_key: dict[str, list[int]] = {}
    for position, one in enumerate(decisions):
        if one.kind != "add":
            by_key.setdefault(one.key or "", []).append(position)
    adds = [(position, one.geometry) for position, one in enumerate(decisions) if one.kind == "add"]
    for measure in block.footprints:
        for position in by_key.get(measure.feature.key, ()):
            kind = "remove" if decisions[position].kind == "remove" else "modify"
            chances = _mean(verdicts.classify_footprints([measure])[0] for verdicts in verdicts_of(measure.tile))
            yield position, float(chances[FOOTPRINT_CLASSES.index(kind)])
    for ground in block.ground:
        beside = ground.adjacent
        near = by_key.get(beside.feature.key, ()) if beside is not None else ()
        extends = [n for n in near if decisions[n].kind != "remove" and ground.leads_to(decisions[n].geometry)]
        new = [position for position, shape in adds if same_place(shape, ground.proposal)]
        if extends or new:
            chances = _mean(verdicts.classify_ground([ground])[0] for verdicts in verdicts_of(ground.tile))
            yield from ((position, missing_chance(ground, chances)) for position in extends + new)


def _mean(chances: Iterable[np.ndarray]) -> np.ndarray:
    return np.mean(np.stack(list(chances)), axis=0)
