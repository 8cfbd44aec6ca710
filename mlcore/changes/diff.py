"""The difference of image and map as candidates for edits: add, remove, modify, shifted."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from shapely.geometry.base import BaseGeometry

from mlcore.changes.candidate import SAME_PLACE_SHARE, Candidate, ChangeKind, non_maximum_suppression, same_place
from mlcore.changes.ground import GroundMeasure, GroundMeasurer, with_claims
from mlcore.changes.least_change import changes_enough
from mlcore.changes.measure import FootprintMeasure, WindowMeasurer
from mlcore.changes.moves import MapMoves
from mlcore.changes.polygons import iou
from mlcore.changes.untraced import UntracedFootprint
from mlcore.changes.verdicts import VerdictsOf
from mlcore.correspondences.dense.shift import Shift
from mlcore.evidence.picture import EvidenceReader, bounds_about
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import seen_footprints
from mlcore.progress import Progress, SilentProgress, stop_if_asked

BLOCK = 4  # tiles per side that are measured at once
MARGIN_M, WIDE_MARGIN_M = 33.0, 130.0  # of ground that is seen around a block, and where something reaches further
LEAST_MARGIN_PX, MOST_MARGIN_PX = 128, 1024  # so much context is cheap, and so much fits into memory
SLACK_PX = 1.0  # what lies so near a block's border is measured by both sides
LEAST_CONFIDENCE = 0.05
MOVED_ODDS = 0.5
PART_ODDS = 2.0
"""A part of a mapped building is suggested where it is so many times likelier than a building of its own: real maps
lack whole buildings far more often, against parts, than maps with simulated errors do."""


@dataclass(frozen=True)
class Measures:
    """Everything measured in one block of tiles.

    Attributes:
        moves: what the map was moved by before it was compared.
        largest: of every tile, the largest difference of evidence and moved map on a small square, 0..1.
    """

    footprints: list[FootprintMeasure]
    ground: list[GroundMeasure]
    moves: MapMoves
    resolution_m: float
    largest: Mapping[TileAddress, float]


def blocks_of(tiles: Collection[TileAddress]) -> dict[TileAddress, list[TileAddress]]:
    """Tiles by the north-west tile of their block of BLOCK x BLOCK."""
    blocks: dict[TileAddress, list[TileAddress]] = {}
    for tile in sorted(tiles, key=lambda t: (t.y, t.x)):
        corner = TileAddress(tile.z, tile.x - tile.x % BLOCK, tile.y - tile.y % BLOCK)
        blocks.setdefault(corner, []).append(tile)
    return blocks


def measure_block(
    evidence: EvidenceReader,
    index: MapIndex,
    corner: TileAddress,
    tiles: Collection[TileAddress],
    moves: MapMoves,
    only: Collection[TileAddress] | None = None,
    within: BaseGeometry | None = None,
    verdicts_of: VerdictsOf | None = None,
) -> Measures:
    """Measure everything whose centre lies in one of `tiles`, all of one block.

    A building on the block's border is seen whole by either block, moved alike, so that both know whose it is. What
    lies on the border to a pixel is measured by both, and of its candidates one stays (`non_maximum_suppression`).

    Args:
        only: some of `tiles`: what lies on the others is left out, and these are measured as with all of them.
        within: in degrees: of all that, what an edit of this ground can touch alone.
        verdicts_of: of a tile: what these can make no candidate of is left out.
    """
    ground = _ground(evidence, index, corner, tiles, moves, MARGIN_M)
    if ground.cut or ground.map.cut:
        ground = _ground(evidence, index, corner, tiles, moves, WIDE_MARGIN_M)
    chosen, measurer = set(tiles if only is None else only), ground.map
    bare = ground.measures(chosen, within, verdicts_of, LEAST_CONFIDENCE)
    claimed = [tile.polygon_lonlat for tile in chosen] if within is None else [within]
    claimed += [measure.proposal for measure in bare]
    footprints = measurer.footprints(claimed, verdicts_of, LEAST_CONFIDENCE)
    return Measures(
        [measure for measure in footprints if measure.tile in chosen],
        with_claims(bare, footprints),
        moves,
        measurer.resolution_m,
        {tile: measurer.largest_difference(tile) for tile in chosen},
    )


def untraced_footprints(
    evidence: EvidenceReader,
    index: MapIndex,
    corner: TileAddress,
    tiles: Collection[TileAddress],
    moves: MapMoves,
) -> list[UntracedFootprint]:
    """The footprints of `measure_block` before any is traced, and nothing of the ground: a good deal sooner.

    What reaches far beyond the block counts as far as it is seen.
    """
    measurer = _map(evidence, index, corner, tiles, moves, MARGIN_M)
    chosen = set(tiles)
    return [one for one in measurer.untraced() if one.tile in chosen]


def _ground(
    evidence: EvidenceReader,
    index: MapIndex,
    corner: TileAddress,
    tiles: Collection[TileAddress],
    moves: MapMoves,
    margin_m: float,
) -> GroundMeasurer:
    return GroundMeasurer(_map(evidence, index, corner, tiles, moves, margin_m), SLACK_PX)


def _map(
    evidence: EvidenceReader,
    index: MapIndex,
    corner: TileAddress,
    tiles: Collection[TileAddress],
    moves: MapMoves,
    margin_m: float,
) -> WindowMeasurer:
    first, columns, rows, margin = _rectangle(corner, tiles, margin_m)
    window = evidence.window(first, columns, rows, margin)
    features = seen_footprints(index, window.bounds_lonlat(math.ceil(moves.reach_px(list(tiles)))))
    return WindowMeasurer(window, features, moves)


def map_about(
    index: MapIndex, corner: TileAddress, tiles: Collection[TileAddress], moves: MapMoves
) -> list[MapFeature]:
    """The footprints that `measure_block` may ask for, in the map's order: all of the map that it needs."""
    first, columns, rows, margin = _rectangle(corner, tiles, WIDE_MARGIN_M)
    reach = math.ceil(moves.reach_px(list(tiles)))
    return seen_footprints(index, bounds_about(first, (columns * TILE_PX, rows * TILE_PX), margin + reach))


def _rectangle(
    corner: TileAddress, tiles: Collection[TileAddress], margin_m: float
) -> tuple[TileAddress, int, int, int]:
    """The first tile, columns, rows and margin in pixels of what is seen of a block."""
    left, top = min(t.x for t in tiles), min(t.y for t in tiles)
    columns, rows = max(t.x for t in tiles) - left + 1, max(t.y for t in tiles) - top + 1
    margin = min(max(LEAST_MARGIN_PX, math.ceil(margin_m / corner.resolution_m())), MOST_MARGIN_PX)
    return TileAddress(corner.z, left, top), columns, rows, margin


def candidates_of(measures: Measures, verdicts_of: VerdictsOf) -> list[Candidate]:
    """Classify what was measured; of two candidates about one place the surer one stays."""
    found, bare = [], []
    for tile in sorted({m.tile for m in measures.footprints} | {g.tile for g in measures.ground}):
        verdicts = verdicts_of(tile)
        footprints = [measure for measure in measures.footprints if measure.tile == tile]
        chances = np.mean([one.classify_footprints(footprints) for one in verdicts], axis=0)
        for measure, (_, remove, reshape) in zip(footprints, chances, strict=True):
            if max(remove, reshape) < LEAST_CONFIDENCE:
                continue
            enough = reshape <= remove or changes_enough(measure.current, measure.proposal, measures.resolution_m)
            modify = float(reshape) if enough else 0.0
            if max(remove, modify) >= LEAST_CONFIDENCE:
                found.append(_about_footprint(measure, float(remove), modify, measures))
        grounds = [ground for ground in measures.ground if ground.tile == tile]
        chances = np.mean([one.classify_ground(grounds) for one in verdicts], axis=0)
        bare += [
            (missing_chance(one, likely), float(likely[2]), one) for one, likely in zip(grounds, chances, strict=True)
        ]
    extended: set[str] = set()
    moved = [one for one in found if one.kind == "shifted"]
    for missing, extend, ground in sorted(bare, key=lambda one: -one[0]):
        if missing >= LEAST_CONFIDENCE and not _mapped_already(ground, missing, moved):
            found.append(_about_ground(ground, missing, extend, measures, extended))
    return non_maximum_suppression(found)


def _mapped_already(ground: GroundMeasure, missing: float, moved: Sequence[Candidate]) -> bool:
    """Whether the map has it: under its footprints, or as one that stands some metres off and is to be moved there.

    Both could be; two buildings drawn for one are the worse mistake, so the move needs only be half as likely.
    """
    return ground.figure("covered") > SAME_PLACE_SHARE or any(
        one.confidence >= MOVED_ODDS * missing and same_place(one.geometry, ground.proposal) for one in moved
    )


def missing_chance(ground: GroundMeasure, chances: np.ndarray) -> float:
    """That something stands there which the map lacks: a building, or a part of the building that it touches."""
    return float(chances[1] + (chances[2] if ground.adjacent is not None else 0.0))


def _about_footprint(measure: FootprintMeasure, remove: float, modify: float, measures: Measures) -> Candidate:
    kind: ChangeKind = "remove" if remove >= modify else ("shifted" if measure.moved else "modify")
    geometry = measure.current if kind == "remove" else measure.proposal
    figures: dict[str, float | str] = {
        "area_m2": float(np.exp(measure.figure("log_area"))),
        "mean_evidence": measure.figure("mean"),
        "iou_with_map": measure.figure("iou_with_map"),
        "moved_m": measure.figure("shift_m") if kind == "shifted" else 0.0,
        "overlap": measure.figure("overlap"),
        **_shift_figures(measures, measure.tile),
    }
    feature = measure.feature
    return Candidate(
        kind, geometry, feature.osm_type, feature.osm_id, measure.tile, max(remove, modify), figures, feature.key
    )


def _shift_figures(measures: Measures, tile: TileAddress) -> dict[str, float | str]:
    """What the map of a candidate's tile was moved by, as its evidence keeps it."""
    shift = measures.moves.of(tile)
    east_m, north_m = shift.metres(measures.resolution_m)
    return {
        "shift_m": float(np.hypot(east_m, north_m)),
        "shift_east_m": east_m,
        "shift_north_m": north_m,
        "shift_confidence": shift.confidence,
        "shift_origin": shift.origin,
    }


def _about_ground(
    ground: GroundMeasure, missing: float, extend: float, measures: Measures, extended: set[str]
) -> Candidate:
    """A part of a mapped building or a building of its own; `extended` are the buildings that have a part already."""
    figures: dict[str, float | str] = {
        "area_m2": ground.area_m2,
        "mean_evidence": ground.figure("mean"),
        "iou_with_map": 0.0,
        **_shift_figures(measures, ground.tile),
    }
    beside = ground.adjacent
    of_its_own = beside is None or beside.feature.osm_id is None or beside.feature.key in extended
    if beside is None or of_its_own or extend < PART_ODDS * (missing - extend):
        return Candidate("add", ground.proposal, None, None, ground.tile, missing, figures)
    feature = beside.feature
    extended.add(feature.key)
    figures |= {
        "area_m2": beside.extended_m2, "iou_with_map": iou(beside.extended, beside.current),
        "more_m2": ground.area_m2,
    }  # fmt: skip
    return Candidate(
        "modify", beside.extended, feature.osm_type, feature.osm_id, ground.tile, missing, figures, feature.key,
        beside.part,
    )  # fmt: skip


def iter_measures(
    evidence: EvidenceReader,
    index: MapIndex,
    tiles: Collection[TileAddress],
    shifts: Mapping[TileAddress, Shift],
    progress: Progress | None = None,
) -> Iterator[Measures]:
    """Measure block by block; memory holds one block."""
    progress = progress or SilentProgress()
    blocks, moves = blocks_of(tiles), MapMoves(shifts)
    for number, (corner, members) in enumerate(blocks.items()):
        stop_if_asked(progress)
        yield measure_block(evidence, index, corner, members, moves)
        progress.report((number + 1) / len(blocks), "comparing evidence and map")
