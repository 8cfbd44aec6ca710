"""What a region's model says of an image and one edition of its map: asked by scans, counterfactuals and evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from mlcore.changes.candidate import Candidate, non_maximum_suppression
from mlcore.changes.classifiers import OF_A_REGION, OF_ANY_PLACE, TileDoubts
from mlcore.changes.diff import BLOCK, blocks_of
from mlcore.changes.moves import MapMoves
from mlcore.changes.registration import region_shifts
from mlcore.changes.usual import Usual
from mlcore.cores import Cores
from mlcore.correspondences.dense.neighbours import Known
from mlcore.correspondences.dense.shift import Shift
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SilentProgress, SpanProgress
from mlcore.region.blocks import Block, BlockFound, Compared, blocks_found
from mlcore.region.parts import TileResult
from mlcore.region.registered import on_its_image

if TYPE_CHECKING:
    from mlcore.region.model import RegionModel

Score = tuple[float, float, float]
SCORED = 0.4
"""Of the comparison, when the scores of U-CSA are known: on one core they come first."""


@dataclass(frozen=True)
class Assessment:
    """Probabilities and candidates of one edition of a map.

    Attributes:
        source: the image and that edition.
        results: of every tile, in the order they were asked for.
        candidates: the surest first, one for a place.
        shifts: the registration of every tile.
        blocks: what each block gave, by its corner.
        usual: in the place, where the model asks for it.
    """

    source: PairSource
    results: Mapping[TileAddress, TileResult]
    candidates: list[Candidate]
    shifts: Mapping[TileAddress, Shift]
    blocks: Mapping[TileAddress, BlockFound]
    usual: Usual | None = None

    def block_of(self, tile: TileAddress) -> TileAddress:
        """The corner of the block that holds a tile."""
        return TileAddress(tile.z, tile.x - tile.x % BLOCK, tile.y - tile.y % BLOCK)


def assess(
    model: RegionModel,
    source: PairSource,
    evidence: EvidenceReader,
    tiles: Sequence[TileAddress],
    *,
    known: Known | None = None,
    before: Assessment | None = None,
    cores: Cores | None = None,
    progress: Progress | None = None,
) -> Assessment:
    """Hold an edition of the map against the evidence of the image.

    Args:
        source: the image, and the edition that is asked about.
        evidence: of the image, written already.
        tiles: all of them by models that did not see them.
        known: of the tiles' shifts besides what is measured here.
        before: what was said of another edition that differs from this one on `tiles` alone. These are measured anew,
            seen with all of their block as they were; the registration, all other tiles and, of U-CSA's scores, those
            that `scores_of` says stay, so that an edit that changes nothing moves nothing.
        cores: what it may work on; None: on one.

    Raises:
        StoppedError: asked to stop.
    """
    progress, cores = progress or SilentProgress(), cores or Cores()
    if before is None:
        shifts: Mapping[TileAddress, Shift] = region_shifts(
            evidence, source.index, tiles, SpanProgress(progress, 0, 0.1), known=known, cores=cores
        )
        members = blocks_of(tiles)
        usual = model.usual_in(source, evidence, tiles, shifts, cores, SpanProgress(progress, 0.1, 0.15))
    else:
        shifts, usual = before.shifts, before.usual
        members = {(corner := before.block_of(tile)): list(before.blocks[corner].tiles) for tile in tiles}
    span = SpanProgress(progress, 0.15, 1.0)
    return compare(model, source, evidence, tiles, shifts, members, usual, before, cores, span)


def compare(
    model: RegionModel,
    source: PairSource,
    evidence: EvidenceReader,
    tiles: Sequence[TileAddress],
    shifts: Mapping[TileAddress, Shift],
    members: Mapping[TileAddress, Sequence[TileAddress]],
    usual: Usual | None,
    before: Assessment | None,
    cores: Cores,
    progress: Progress,
) -> Assessment:
    """Candidates, scores and probabilities of tiles whose registration is known: blocks are compared beside the scores.

    Args:
        members: the tiles of their blocks, by corner.
        usual: in the place, where the model asks for it.
        before: as `assess` takes it.
    """
    asked, earlier = set(tiles), before.blocks if before is not None else {}
    blocks = [
        Block(source.index, corner, block, asked.intersection(block), earlier.get(corner))
        for corner, block in members.items()
    ]
    scores: dict[TileAddress, Score] = {}

    def scored() -> None:
        moved = on_its_image(source, {tile: shifts[tile] for tile in tiles})
        scores.update(scores_of(model, moved, tiles, before, SpanProgress(progress, 0, SCORED)))

    shared = Compared(evidence, MapMoves(shifts), model.verdicts(usual))
    found = blocks_found(shared, blocks, cores, beside=scored, progress=SpanProgress(progress, SCORED, 1.0))
    concluded = _concluded(model, source, tiles, shifts, dict(zip(members, found, strict=True)), scores, before)
    return replace(concluded, usual=usual)


def _concluded(
    model: RegionModel,
    source: PairSource,
    tiles: Sequence[TileAddress],
    shifts: Mapping[TileAddress, Shift],
    found: Mapping[TileAddress, BlockFound],
    scores: Mapping[TileAddress, Score],
    before: Assessment | None,
) -> Assessment:
    """Probabilities of tiles whose blocks were measured.

    Args:
        found: what their blocks gave, by corner.
    """
    blocks = {**before.blocks, **found} if before is not None else dict(found)
    candidates = non_maximum_suppression([candidate for block in blocks.values() for candidate in block.candidates])
    by_tile: dict[TileAddress, list[Candidate]] = {}
    for candidate in candidates:
        by_tile.setdefault(candidate.tile, []).append(candidate)
    largest = {tile: value for block in found.values() for tile, value in block.largest.items()}
    results = {
        tile: tile_result(model, tile, scores[tile], by_tile.get(tile, []), largest[tile]).with_shift(shifts[tile])
        for tile in tiles
    }
    if before is not None:
        results = {**before.results, **results}
    return Assessment(source, results, candidates, shifts, blocks)


def tile_result(
    model: RegionModel, tile: TileAddress, score: Score, candidates: Sequence[Candidate], largest: float
) -> TileResult:
    """The probability of one tile from its score, its candidates and its largest difference.

    Where nothing was learnt of the place U-CSA's score is told, and no probability is made of it.
    """
    disc, proto, final = score
    confidences = [candidate.confidence for candidate in candidates]
    doubts = TileDoubts.of(final, confidences, [candidate.changed_m2 for candidate in candidates], largest)
    agree = doubts.consistent(OF_ANY_PLACE if model.general else OF_A_REGION)
    return TileResult(tile, model.fold_of(tile), disc, proto, final, doubts.any_change, agree)


def scores_of(
    model: RegionModel,
    source: PairSource,
    tiles: Sequence[TileAddress],
    before: Assessment | None,
    progress: Progress,
) -> dict[TileAddress, Score]:
    """U-CSA's scores of the map where the image shows it; those of tiles that look as they did before are the same.

    Where no probability is made of them, they are those of the map as it was before.
    """
    known: dict[TileAddress, Score] = {}
    if before is not None and model.general:
        known = {tile: before.results[tile].score for tile in tiles if tile in before.results}
    elif before is not None:
        earlier_map = source.with_index(before.source.index)
        same = [tile for tile in tiles if np.array_equal(source.drawn_map(tile), earlier_map.drawn_map(tile))]
        known = {tile: before.results[tile].score for tile in same}
    rest = [tile for tile in tiles if tile not in known]
    return known | (model.consistency_scores(source, rest, progress) if rest else {})
