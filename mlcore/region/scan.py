"""Scans a region in one pass: the evidence of its image, the score of every tile, the candidates and their effect."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import shapely

from mlcore.changes.apply import NEAR_M, apply_edit, largest_after
from mlcore.changes.candidate import Candidate
from mlcore.changes.measure import REACH_M
from mlcore.changes.moves import MapMoves
from mlcore.correspondences.dense.neighbours import Known
from mlcore.errors import InvalidInputError
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.polygons import padded
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked
from mlcore.region.assess import Assessment, assess, tile_result

if TYPE_CHECKING:
    from mlcore.region.model import RegionModel

EVIDENCE_END, ASSESSED = 0.55, 0.9


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
    model.write_evidence(source, wanted, evidence_path, SpanProgress(progress, 0, EVIDENCE_END))
    evidence = EvidenceReader(evidence_path, zoom)
    span = SpanProgress(progress, EVIDENCE_END, ASSESSED)
    found = assess(model, source, evidence, wanted, known=known, progress=span)
    return with_counterfactuals(model, evidence, found, SpanProgress(progress, ASSESSED, 1.0))


def with_counterfactuals(
    model: RegionModel, evidence: EvidenceReader, found: Assessment, progress: Progress | None = None
) -> Assessment:
    """The same with what each candidate's edit would do to its tile, `tile_probability_after`.

    The first `config.counterfactuals` edits are put into the map, and that edition is assessed as the map itself was:
    `counterfactual` is "measured". For the others the tile's probability is taken without the candidate ("estimated").
    """
    progress = progress or SilentProgress()
    by_tile: dict[TileAddress, list[Candidate]] = {}
    for candidate in found.candidates:
        by_tile.setdefault(candidate.tile, []).append(candidate)
    told, moves = [], MapMoves(found.shifts)
    for number, candidate in enumerate(found.candidates):
        stop_if_asked(progress)
        if number < model.config.counterfactuals:
            after, how = probability_after(model, evidence, found, candidate), "measured"
            progress.report((number + 1) / min(len(found.candidates), model.config.counterfactuals), "counterfactuals")
        else:
            others = [other for other in by_tile[candidate.tile] if other is not candidate]
            after, how = _without(model, evidence, found, candidate, others, moves), "estimated"
        figures = candidate.evidence | {
            "tile_probability": found.results[candidate.tile].probability, "tile_probability_after": after,
            "counterfactual": how,
        }  # fmt: skip
        told.append(dataclasses.replace(candidate, evidence=figures))
    return dataclasses.replace(found, candidates=told)


def probability_after(model: RegionModel, evidence: EvidenceReader, found: Assessment, candidate: Candidate) -> float:
    """The probability of the candidate's tile once its edit is in the map."""
    edited = found.source.with_index(apply_edit(found.source.index, candidate))
    tiles = touched(found, candidate)
    return assess(model, edited, evidence, tiles, before=found).results[candidate.tile].probability


def touched(found: Assessment, candidate: Candidate) -> list[TileAddress]:
    """The tiles on which the map is another, or is weighed otherwise, with the candidate's edit; its own first."""
    shapes = [candidate.geometry]
    if candidate.key is not None:
        near = found.source.index.query(padded(candidate.geometry.bounds, NEAR_M))
        shapes += [feature.geometry for feature in near if feature.key == candidate.key]
    grown = shapely.box(*padded(shapely.union_all(shapes).bounds, REACH_M))
    around = [tile for tile in candidate.tile.around(1) if tile in found.results and tile != candidate.tile]
    return [candidate.tile, *(tile for tile in around if grown.intersects(tile.polygon_lonlat))]


def _without(
    model: RegionModel,
    evidence: EvidenceReader,
    found: Assessment,
    candidate: Candidate,
    others: Sequence[Candidate],
    moves: MapMoves,
) -> float:
    tile = candidate.tile
    result = found.results[tile]
    largest = largest_after(evidence, found.source.index, candidate, moves)
    return tile_result(model, tile, (result.disc, result.proto, result.final), others, largest).probability
