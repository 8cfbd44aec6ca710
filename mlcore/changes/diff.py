"""The difference of image and map as candidates for edits: add, remove, modify, shifted."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlcore.changes.candidate import SAME_PLACE_SHARE, Candidate, ChangeKind, non_maximum_suppression, same_place
from mlcore.changes.classifiers import ChangeClassifier
from mlcore.changes.ground import GroundMeasure, GroundMeasurer, with_claims
from mlcore.changes.least_change import changes_enough
from mlcore.changes.measure import FootprintMeasure, WindowMeasurer
from mlcore.changes.polygons import iou
from mlcore.changes.registration import RIGHT_M, Shift, estimate_shift, median_shift, smooth_shifts
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import draw_ids, seen_footprints
from mlcore.progress import Progress, SilentProgress, stop_if_asked

BLOCK = 4  # tiles per side that are measured at once
MARGIN_M, WIDE_MARGIN_M = 33.0, 130.0  # of ground that is seen around a block, and where something reaches further
LEAST_MARGIN_PX, MOST_MARGIN_PX = 128, 1024  # so much context is cheap, and so much fits into memory
SHIFT_MARGIN_M = 8.5  # around a tile whose shift is measured: a little further than a map is moved
LEAST_CONFIDENCE = 0.05
MOVED_ODDS = 0.5
PART_ODDS = 2.0
"""A part of a mapped building is suggested where it is so many times likelier than a building of its own: real maps
lack whole buildings far more often, against parts, than maps with simulated errors do."""


@dataclass(frozen=True)
class Measures:
    """Everything measured in one block of tiles.

    Attributes:
        shift: what the map was moved by before it was compared.
        largest: of every tile, the largest difference of evidence and moved map on a small square, 0..1.
    """

    footprints: list[FootprintMeasure]
    ground: list[GroundMeasure]
    shift: Shift
    resolution_m: float
    largest: Mapping[TileAddress, float]


def region_shifts(
    evidence: EvidenceReader, index: MapIndex, tiles: Collection[TileAddress], progress: Progress | None = None
) -> dict[TileAddress, Shift]:
    """The shift of every tile: measured on it, then the median of its neighbourhood, or the whole region's."""
    progress = progress or SilentProgress()
    raw: dict[TileAddress, Shift] = {}
    resolution_m = 1.0
    for number, tile in enumerate(tiles):
        stop_if_asked(progress)
        window = evidence.window(tile, margin_px=shift_margin_px(tile))
        shapes = [
            (1, polygon)
            for feature in seen_footprints(index, window.bounds_lonlat())
            for polygon in window.polygons_xy(feature.geometry)
        ]
        drawn = draw_ids(shapes, *window.building.shape) > 0
        resolution_m = window.resolution_m
        raw[tile] = estimate_shift(window.building, drawn, window.valid, resolution_m)
        progress.report((number + 1) / len(tiles), "registration of image and map")
    return smooth_shifts(raw, agree_px=RIGHT_M / resolution_m)


def shift_margin_px(tile: TileAddress) -> int:
    """Of the window on which a tile's shift is measured."""
    return max(32, math.ceil(SHIFT_MARGIN_M / tile.resolution_m()))


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
    shifts: Mapping[TileAddress, Shift],
    only: Collection[TileAddress] | None = None,
) -> Measures:
    """Measure everything whose centre lies in one of `tiles`, all of one block.

    A building on the block's border is seen whole by either block, so that both know whose it is. Where the map is
    moved otherwise next door, the borders between bare and mapped ground differ a little, and so may the centres: what
    lies so near the border is measured by both, and of its candidates one stays (`non_maximum_suppression`).

    Args:
        only: some of `tiles`: what lies on the others is left out, and these are measured as with all of them.
    """
    shift = median_shift([shifts[tile] for tile in tiles if tile in shifts])
    slack_px = _disagreement_px(tiles, shifts, shift)
    ground = _ground(evidence, index, corner, tiles, shift, MARGIN_M, slack_px)
    if ground.cut or ground.map.cut:
        ground = _ground(evidence, index, corner, tiles, shift, WIDE_MARGIN_M, slack_px)
    chosen, measurer = set(tiles if only is None else only), ground.map
    bare = ground.measures(chosen)
    claimed = [tile.polygon_lonlat for tile in chosen] + [measure.proposal for measure in bare]
    footprints = measurer.footprints(claimed)
    return Measures(
        [measure for measure in footprints if measure.tile in chosen],
        with_claims(bare, footprints),
        shift,
        measurer.resolution_m,
        {tile: measurer.largest_difference(tile) for tile in chosen},
    )


def _ground(
    evidence: EvidenceReader,
    index: MapIndex,
    corner: TileAddress,
    tiles: Collection[TileAddress],
    shift: Shift,
    margin_m: float,
    slack_px: float,
) -> GroundMeasurer:
    left, top = min(t.x for t in tiles), min(t.y for t in tiles)
    columns, rows = max(t.x for t in tiles) - left + 1, max(t.y for t in tiles) - top + 1
    margin = min(max(LEAST_MARGIN_PX, math.ceil(margin_m / corner.resolution_m())), MOST_MARGIN_PX)
    window = evidence.window(TileAddress(corner.z, left, top), columns, rows, margin)
    moved_px = math.ceil(math.hypot(shift.dx_px, shift.dy_px))
    features = seen_footprints(index, window.bounds_lonlat(moved_px))
    return GroundMeasurer(WindowMeasurer(window, features, shift), slack_px)


def _disagreement_px(tiles: Collection[TileAddress], shifts: Mapping[TileAddress, Shift], shift: Shift) -> float:
    """How far the map is moved otherwise at most on the tiles of a block and next to it, in pixels."""
    near = {other for tile in tiles for other in tile.around(1) if other in shifts}
    return max((shift.apart_px(shifts[tile]) for tile in near), default=0.0) + 1.0


def candidates_of(
    measures: Measures, classifiers_of: Callable[[TileAddress], Sequence[ChangeClassifier]]
) -> list[Candidate]:
    """Classify what was measured; of two candidates about one place the surer one stays.

    Args:
        classifiers_of: the classifiers of a tile; the mean of their probabilities is taken.
    """
    found, bare = [], []
    for tile in sorted({m.tile for m in measures.footprints} | {g.tile for g in measures.ground}):
        classifiers = classifiers_of(tile)
        footprints = [measure for measure in measures.footprints if measure.tile == tile]
        chances = np.mean([classifier.classify_footprints(footprints) for classifier in classifiers], axis=0)
        for measure, (_, remove, reshape) in zip(footprints, chances, strict=True):
            if max(remove, reshape) < LEAST_CONFIDENCE:
                continue
            enough = reshape <= remove or changes_enough(measure.current, measure.proposal, measures.resolution_m)
            modify = float(reshape) if enough else 0.0
            if max(remove, modify) >= LEAST_CONFIDENCE:
                found.append(_about_footprint(measure, float(remove), modify, measures))
        grounds = [ground for ground in measures.ground if ground.tile == tile]
        chances = np.mean([classifier.classify_ground(grounds) for classifier in classifiers], axis=0)
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
        **_shift_figures(measures),
    }
    feature = measure.feature
    return Candidate(
        kind, geometry, feature.osm_type, feature.osm_id, measure.tile, max(remove, modify), figures, feature.key
    )


def _shift_figures(measures: Measures) -> dict[str, float]:
    """What the map was moved by, as evidence of a candidate keeps it."""
    east_m, north_m = measures.shift.metres(measures.resolution_m)
    return {
        "shift_m": float(np.hypot(east_m, north_m)),
        "shift_east_m": east_m,
        "shift_north_m": north_m,
        "shift_confidence": measures.shift.confidence,
    }


def _about_ground(
    ground: GroundMeasure, missing: float, extend: float, measures: Measures, extended: set[str]
) -> Candidate:
    """A part of a mapped building or a building of its own; `extended` are the buildings that have a part already."""
    figures: dict[str, float | str] = {
        "area_m2": ground.area_m2,
        "mean_evidence": ground.figure("mean"),
        "iou_with_map": 0.0,
        **_shift_figures(measures),
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
    blocks = blocks_of(tiles)
    for number, (corner, members) in enumerate(blocks.items()):
        stop_if_asked(progress)
        yield measure_block(evidence, index, corner, members, shifts)
        progress.report((number + 1) / len(blocks), "comparing evidence and map")
