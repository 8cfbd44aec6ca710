"""Scans a region in one pass: the evidence of its image, the score of every tile, the candidates and their effect."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import shapely
from shapely import Polygon

from mlcore.changes.apply import NEAR_M, TileEdits, apply_edit
from mlcore.changes.candidate import Candidate, non_maximum_suppression
from mlcore.changes.measure import REACH_M
from mlcore.changes.moves import MapMoves
from mlcore.cores import Cores
from mlcore.correspondences.dense.neighbours import Known
from mlcore.errors import InvalidInputError
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.polygons import padded
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.threads import shared_cores
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked
from mlcore.region.assess import Assessment, Score, assess, scores_of, tile_result
from mlcore.region.blocks import Block, BlockFound, Compared, Edit, blocks_found
from mlcore.region.registered import on_its_image
from mlcore.region.usual import save_usual, usual_file

if TYPE_CHECKING:
    from mlcore.region.model import RegionModel

EVIDENCE_END, ASSESSED = 0.55, 0.9
CLOSE_M = 2.0  # what the image shows so near to another shape of the map is traced anew with it


def scan(
    model: RegionModel,
    source: PairSource,
    tiles: Sequence[TileAddress],
    *,
    evidence_path: Path,
    known: Known | None = None,
    progress: Progress | None = None,
) -> Assessment:
    """Write the evidence of the tiles, score each of them, and list what differs.

    What is usual in a place that the model never saw is kept beside the evidence (`usual_file`).

    The map is compared where the image shows it: as `known` says of a tile, else as is measured here. Tiles outside the
    coverage are left out unless `config.include_unmapped`; so are tiles without image.

    Raises:
        InvalidInputError: tiles of another zoom, or none to scan.
        StoppedError: asked to stop.
    """
    progress = progress or SilentProgress()
    zoom = tiles[0].z if tiles and model.general else model.zoom
    if any(tile.z != zoom for tile in tiles):
        raise InvalidInputError(f"this model scores zoom {zoom}: scan tiles of that zoom")
    wanted = model.chosen(source, tiles)
    if not wanted:
        raise InvalidInputError("no mapped tile with image among these: check the area, or scan unmapped tiles too")
    with shared_cores() as cores:
        model.write_evidence(source, wanted, evidence_path, SpanProgress(progress, 0, EVIDENCE_END), cores)
        evidence = EvidenceReader(evidence_path, zoom)
        span = SpanProgress(progress, EVIDENCE_END, ASSESSED)
        found = assess(model, source, evidence, wanted, known=known, cores=cores, progress=span)
        if model.asks_usual:
            save_usual(usual_file(evidence_path), found.usual)
        return with_counterfactuals(model, evidence, found, SpanProgress(progress, ASSESSED, 1.0), cores)


def with_counterfactuals(
    model: RegionModel,
    evidence: EvidenceReader,
    found: Assessment,
    progress: Progress | None = None,
    cores: Cores | None = None,
) -> Assessment:
    """The same with what each candidate's edit would do to its tile, `tile_probability_after`.

    The first `config.counterfactuals` edits are put into the map, and that edition is assessed as the map itself was:
    `counterfactual` is "measured". For the others the tile's probability is taken without the candidate ("estimated").
    """
    progress, first = progress or SilentProgress(), found.candidates[: model.config.counterfactuals]
    after: dict[int, tuple[float, str]] = {}

    def estimated() -> None:
        known = {id(one) for one in first}
        rest = [one for one in found.candidates if id(one) not in known]
        after.update(
            {id(one): (value, "estimated") for one, value in _estimates(model, evidence, found, rest, progress)}
        )

    measured = probabilities_after(model, evidence, found, first, cores or Cores(), progress, beside=estimated)
    after |= {id(one): (value, "measured") for one, value in zip(first, measured, strict=True)}
    told = []
    for candidate in found.candidates:
        probability, how = after[id(candidate)]
        figures = candidate.evidence | {
            "tile_probability": found.results[candidate.tile].probability, "tile_probability_after": probability,
            "counterfactual": how,
        }  # fmt: skip
        told.append(dataclasses.replace(candidate, evidence=figures))
    return dataclasses.replace(found, candidates=told)


def _estimates(
    model: RegionModel,
    evidence: EvidenceReader,
    found: Assessment,
    some: Sequence[Candidate],
    progress: Progress,
) -> Iterator[tuple[Candidate, float]]:
    """Of each of some candidates the probability of its tile without it."""
    by_tile: dict[TileAddress, list[Candidate]] = {}
    for candidate in found.candidates:
        by_tile.setdefault(candidate.tile, []).append(candidate)
    asked: dict[TileAddress, list[Candidate]] = {}
    for candidate in some:
        asked.setdefault(candidate.tile, []).append(candidate)
    moves = MapMoves(found.shifts)
    for tile, candidates in asked.items():
        stop_if_asked(progress)
        edits = TileEdits(evidence, found.source.index, tile, moves)
        for candidate in candidates:
            others = [other for other in by_tile[tile] if other is not candidate]
            yield candidate, _without(model, found, candidate, others, edits)


def probability_after(model: RegionModel, evidence: EvidenceReader, found: Assessment, candidate: Candidate) -> float:
    """The probability of the candidate's tile once its edit is in the map: what the edit can touch is measured anew."""
    return probabilities_after(model, evidence, found, [candidate], Cores(), SilentProgress())[0]


def probabilities_after(
    model: RegionModel,
    evidence: EvidenceReader,
    found: Assessment,
    candidates: Sequence[Candidate],
    cores: Cores,
    progress: Progress,
    *,
    beside: Callable[[], None] | None = None,
) -> list[float]:
    """`probability_after` of each of some candidates, every edit by itself.

    Args:
        beside: what else this process does while blocks are compared on other cores.
    """
    editions = [found.source.with_index(apply_edit(found.source.index, one)) for one in candidates]
    blocks = [_edited_blocks(found, one, edited) for one, edited in zip(candidates, editions, strict=True)]
    scores: list[Score] = []

    def scored() -> None:
        for candidate, edited in zip(candidates, editions, strict=True):
            stop_if_asked(progress)
            moved = on_its_image(edited, {candidate.tile: found.shifts[candidate.tile]})
            scores.append(scores_of(model, moved, [candidate.tile], found, SilentProgress())[candidate.tile])
        if beside is not None:
            beside()

    shared = Compared(evidence, MapMoves(found.shifts), model.verdicts(found.usual))
    flat = [block for of_one in blocks for block in of_one]
    anew = iter(blocks_found(shared, flat, cores, beside=scored, progress=progress))
    told = []
    for candidate, of_one, score in zip(candidates, blocks, scores, strict=True):
        near = [found.block_of(one) for one in candidate.tile.around(1)]
        around = {corner: found.blocks[corner] for corner in near if corner in found.blocks}
        around |= {block.corner: next(anew) for block in of_one}
        told.append(_probability(model, found.block_of(candidate.tile), candidate.tile, score, around))
    return told


def _edited_blocks(found: Assessment, candidate: Candidate, edited: PairSource) -> list[Block]:
    """The blocks that a candidate's edit can touch."""
    asked = touched(found, candidate)
    edit = Edit.of(found.source.index, _edited_ground(found, candidate, CLOSE_M))
    by_corner: dict[TileAddress, list[TileAddress]] = {}
    for tile in asked:
        by_corner.setdefault(found.block_of(tile), []).append(tile)
    return [
        Block(edited.index, corner, found.blocks[corner].tiles, tiles, found.blocks[corner], edit)
        for corner, tiles in by_corner.items()
    ]


def _probability(
    model: RegionModel, corner: TileAddress, tile: TileAddress, score: Score, around: Mapping[TileAddress, BlockFound]
) -> float:
    candidates = non_maximum_suppression([one for block in around.values() for one in block.candidates])
    there = [one for one in candidates if one.tile == tile]
    return tile_result(model, tile, score, there, around[corner].largest[tile]).probability


def _edited_ground(found: Assessment, candidate: Candidate, around_m: float) -> Polygon:
    """In degrees: a box about the map's shapes before and after the candidate's edit."""
    shapes = [candidate.geometry]
    if candidate.key is not None:
        near = found.source.index.query(padded(candidate.geometry.bounds, NEAR_M))
        shapes += [feature.geometry for feature in near if feature.key == candidate.key]
    return shapely.box(*padded(shapely.union_all(shapes).bounds, around_m))


def touched(found: Assessment, candidate: Candidate) -> list[TileAddress]:
    """The tiles on which the map is another, or is weighed otherwise, with the candidate's edit; its own first."""
    grown = _edited_ground(found, candidate, REACH_M)
    around = [tile for tile in candidate.tile.around(1) if tile in found.results and tile != candidate.tile]
    return [candidate.tile, *(tile for tile in around if grown.intersects(tile.polygon_lonlat))]


def _without(
    model: RegionModel, found: Assessment, candidate: Candidate, others: Sequence[Candidate], edits: TileEdits
) -> float:
    score = found.results[candidate.tile].score
    return tile_result(model, candidate.tile, score, others, edits.largest_after(candidate)).probability
