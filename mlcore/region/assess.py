"""What a region's model says of an image and one edition of its map: asked by scans, counterfactuals and evaluation."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from shapely.geometry.base import BaseGeometry

from mlcore.changes.candidate import Candidate, non_maximum_suppression
from mlcore.changes.classifiers import TileDoubts
from mlcore.changes.diff import BLOCK, blocks_of, candidates_of, measure_block
from mlcore.changes.measure import ABOUT_M
from mlcore.changes.moves import MapMoves
from mlcore.changes.registration import region_shifts
from mlcore.correspondences.dense.neighbours import Known
from mlcore.correspondences.dense.shift import Shift
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.polygons import padded
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import BUILDINGS
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked
from mlcore.region.parts import TileResult
from mlcore.region.registered import on_its_image

if TYPE_CHECKING:
    from mlcore.region.model import RegionModel

Score = tuple[float, float, float]


@dataclass(frozen=True)
class BlockFound:
    """What one block of tiles gave, before what lies on its border is settled with its neighbours.

    Attributes:
        tiles: those of the block that were asked for.
        largest: the largest difference of evidence and map on each of them.
    """

    tiles: Sequence[TileAddress]
    candidates: Sequence[Candidate]
    largest: Mapping[TileAddress, float]


@dataclass(frozen=True)
class Edit:
    """Where one edition of a map differs from another.

    Attributes:
        ground: with what is near enough to be weighed otherwise, in degrees.
        keys: the footprints of the earlier edition that are.
    """

    ground: BaseGeometry
    keys: frozenset[str]

    @classmethod
    def of(cls, index: MapIndex, ground: BaseGeometry) -> Edit:
        """Args: index: the earlier edition."""
        near = index.query(padded(ground.bounds, ABOUT_M), BUILDINGS)
        return cls(ground, frozenset(feature.key for feature in near))

    def touches(self, candidate: Candidate) -> bool:
        """Whether a candidate of the earlier edition must be found anew."""
        if candidate.key is not None and candidate.part is None:
            return candidate.key in self.keys
        return bool(candidate.differs_on.intersects(self.ground))


@dataclass(frozen=True)
class Assessment:
    """Probabilities and candidates of one edition of a map.

    Attributes:
        source: the image and that edition.
        results: of every tile, in the order they were asked for.
        candidates: the surest first, one for a place.
        shifts: the registration of every tile.
        blocks: what each block gave, by its corner.
    """

    source: PairSource
    results: Mapping[TileAddress, TileResult]
    candidates: list[Candidate]
    shifts: Mapping[TileAddress, Shift]
    blocks: Mapping[TileAddress, BlockFound]

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
    progress: Progress | None = None,
) -> Assessment:
    """Hold an edition of the map against the evidence of the image.

    Args:
        source: the image, and the edition that is asked about.
        evidence: of the image, written already.
        tiles: all of them by models that did not see them.
        known: of the tiles' shifts besides what is measured here.
        before: what was said of another edition that differs from this one on `tiles` alone. These are measured anew,
            seen with all of their block as they were; the registration, all other tiles and the scores of tiles on
            which both editions look alike stay, so that an edit that changes nothing moves nothing.

    Raises:
        StoppedError: asked to stop.
    """
    progress = progress or SilentProgress()
    if before is None:
        shifts: Mapping[TileAddress, Shift] = region_shifts(
            evidence, source.index, tiles, SpanProgress(progress, 0, 0.1), known=known
        )
        members = blocks_of(tiles)
    else:
        shifts = before.shifts
        members = {(corner := before.block_of(tile)): list(before.blocks[corner].tiles) for tile in tiles}
    found, moves = {}, MapMoves(shifts)
    for number, (corner, block) in enumerate(members.items()):
        stop_if_asked(progress)
        earlier = before.blocks[corner] if before is not None else None
        found[corner] = block_found(model, source, evidence, corner, block, moves, set(tiles), earlier)
        progress.report(0.1 + 0.5 * (number + 1) / len(members), "comparing evidence and map")
    return concluded(model, source, tiles, shifts, found, before, SpanProgress(progress, 0.6, 1.0))


def concluded(
    model: RegionModel,
    source: PairSource,
    tiles: Sequence[TileAddress],
    shifts: Mapping[TileAddress, Shift],
    found: Mapping[TileAddress, BlockFound],
    before: Assessment | None = None,
    progress: Progress | None = None,
) -> Assessment:
    """Scores and probabilities of tiles whose blocks were measured.

    Args:
        found: what their blocks gave, by corner; before: as `assess` takes it.
    """
    blocks = {**before.blocks, **found} if before is not None else dict(found)
    moved = on_its_image(source, {tile: shifts[tile] for tile in tiles})
    scores = scores_of(model, moved, tiles, before, progress or SilentProgress())
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
    """The probability of one tile from its score, its candidates and its largest difference."""
    disc, proto, final = score
    confidences = [candidate.confidence for candidate in candidates]
    doubts = TileDoubts.of(final, confidences, [candidate.changed_m2 for candidate in candidates], largest)
    return TileResult(tile, model.fold_of(tile), disc, proto, final, doubts.any_change, doubts.consistent())


def block_found(
    model: RegionModel,
    source: PairSource,
    evidence: EvidenceReader,
    corner: TileAddress,
    members: Sequence[TileAddress],
    moves: MapMoves,
    asked: Collection[TileAddress],
    earlier: BlockFound | None,
    edit: Edit | None = None,
) -> BlockFound:
    """One block; of what was measured the candidates alone are kept, and what was not asked for stays as it was.

    Args:
        members: the tiles of the block; asked: those to be measured, of any block.
        earlier: what the block gave before; None: what was not asked for is left out.
        edit: all that is another than before; None: everything may be.
    """
    only = [tile for tile in members if tile in asked]
    seen = members if edit is None else only  # all of its block is what an edit need not be seen with
    measures = measure_block(
        evidence, source.index, corner, seen, moves, only,
        within=edit.ground if edit else None, verdicts_of=model.classifiers_of,
    )  # fmt: skip
    candidates = candidates_of(measures, model.classifiers_of)
    if earlier is None:
        return BlockFound(members, candidates, measures.largest)
    kept = [one for one in earlier.candidates if one.tile not in asked or (edit is not None and not edit.touches(one))]
    return BlockFound(members, [*kept, *candidates], {**earlier.largest, **measures.largest})


def scores_of(
    model: RegionModel,
    source: PairSource,
    tiles: Sequence[TileAddress],
    before: Assessment | None,
    progress: Progress,
) -> dict[TileAddress, Score]:
    """U-CSA's scores of the map where the image shows it; those of tiles that look as they did before are the same."""
    known: dict[TileAddress, Score] = {}
    if before is not None:
        earlier_map = source.with_index(before.source.index)
        same = [tile for tile in tiles if np.array_equal(source.drawn_map(tile), earlier_map.drawn_map(tile))]
        earlier = [before.results[tile] for tile in same]
        known = {one.tile: (one.disc, one.proto, one.final) for one in earlier}
    rest = [tile for tile in tiles if tile not in known]
    return known | (model.consistency_scores(source, rest, progress) if rest else {})
