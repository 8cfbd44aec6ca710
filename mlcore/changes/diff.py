"""The difference of image and map as candidates for edits: add, remove, modify, shifted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from shapely.geometry.base import BaseGeometry

from mlcore.changes.ground import GroundMeasure, GroundMeasurer, with_claims
from mlcore.changes.measure import FootprintMeasure, WindowMeasurer
from mlcore.changes.polygons import iou
from mlcore.changes.registration import RIGHT_M, Shift, estimate_shift, median_shift, smooth_shifts
from mlcore.changes.verdicts import Judge
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import draw_ids, seen_footprints
from mlcore.progress import Progress, SilentProgress, stop_if_asked

ChangeKind = Literal["add", "remove", "modify", "shifted"]
BLOCK = 4  # tiles per side that are measured at once
MARGIN_PX = 128
SHIFT_MARGIN_PX = 32
LEAST_CONFIDENCE = 0.05
SAME_PLACE_SHARE = 0.3
PART_ODDS = 2.0
"""A part of a mapped building is suggested where it is so many times likelier than a building of its own: real maps
lack whole buildings far more often, against parts, than maps with simulated errors do."""


@dataclass(frozen=True)
class Candidate:
    """One suspected building change.

    Attributes:
        kind: what an editor would do; "shifted" is a modify that keeps the shape.
        geometry: the proposed shape in degrees; for remove the shape as it stands.
        osm_type, osm_id: the footprint it is about; None for add.
        tile: the tile that holds the centre of what differs.
        confidence: calibrated probability that the edit is right, 0..1; of what stands on bare ground, that it is
            missing from the map, as a building of its own or as a part of one.
        evidence: figures behind it.
        part: of a modify that adds a part to a building, that part alone, in degrees.
    """

    kind: ChangeKind
    geometry: BaseGeometry
    osm_type: str | None
    osm_id: int | None
    tile: TileAddress
    confidence: float
    evidence: dict[str, float | str] = field(default_factory=dict)
    key: str | None = None
    part: BaseGeometry | None = None

    @property
    def changed_m2(self) -> float:
        """How much of the ground it is about: of a part that is added to a building, the part alone."""
        return float(self.evidence["more_m2" if "more_m2" in self.evidence else "area_m2"])


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
        window = evidence.window(tile, margin_px=SHIFT_MARGIN_PX)
        shapes = [
            (1, polygon)
            for feature in seen_footprints(index, _bounds(tile))
            for polygon in window.polygons_xy(feature.geometry)
        ]
        drawn = draw_ids(shapes, *window.building.shape) > 0
        resolution_m = window.resolution_m
        raw[tile] = estimate_shift(window.building, drawn, window.valid, resolution_m)
        progress.report((number + 1) / len(tiles), "registration of image and map")
    return smooth_shifts(raw, agree_px=RIGHT_M / resolution_m)


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
) -> Measures:
    """Measure everything whose centre lies in one of `tiles`, all of one block."""
    columns, rows = max(t.x for t in tiles) - corner.x + 1, max(t.y for t in tiles) - corner.y + 1
    left, top = min(t.x for t in tiles), min(t.y for t in tiles)
    origin = TileAddress(corner.z, left, top)
    window = evidence.window(origin, columns - (left - corner.x), rows - (top - corner.y), MARGIN_PX)
    west, south, east, north = _hull(tiles)
    pad_x, pad_y = (east - west) / (columns * 2), (north - south) / (rows * 2)
    features = seen_footprints(index, (west - pad_x, south - pad_y, east + pad_x, north + pad_y))
    shift = median_shift([shifts[tile] for tile in tiles if tile in shifts])
    measurer = WindowMeasurer(window, features, shift)
    chosen = set(tiles)
    footprints = measurer.footprints()
    bare = [measure for measure in GroundMeasurer(measurer).measures() if measure.tile in chosen]
    return Measures(
        [measure for measure in footprints if measure.tile in chosen],
        with_claims(bare, footprints),
        shift,
        window.resolution_m,
        {tile: measurer.largest_difference(tile) for tile in tiles},
    )


def candidates_of(measures: Measures, judges_of: Callable[[TileAddress], Sequence[Judge]]) -> list[Candidate]:
    """Judge what was measured; of two candidates about one place the surer one stays.

    Args:
        judges_of: the judges of a tile; the mean of their probabilities is taken.
    """
    found, bare = [], []
    for tile in sorted({m.tile for m in measures.footprints} | {g.tile for g in measures.ground}):
        judges = judges_of(tile)
        footprints = [measure for measure in measures.footprints if measure.tile == tile]
        verdicts = np.mean([judge.judge_footprints(footprints) for judge in judges], axis=0)
        for measure, (_, remove, modify) in zip(footprints, verdicts, strict=True):
            if max(remove, modify) >= LEAST_CONFIDENCE:
                found.append(_about_footprint(measure, float(remove), float(modify), measures))
        grounds = [ground for ground in measures.ground if ground.tile == tile]
        verdicts = np.mean([judge.judge_ground(grounds) for judge in judges], axis=0)
        bare += [
            (missing_chance(one, chances), float(chances[2]), one)
            for one, chances in zip(grounds, verdicts, strict=True)
        ]
    extended: set[str] = set()
    for missing, extend, ground in sorted(bare, key=lambda one: -one[0]):
        if missing >= LEAST_CONFIDENCE:
            found.append(_about_ground(ground, missing, extend, measures, extended))
    return resolve(found)


def missing_chance(ground: GroundMeasure, chances: np.ndarray) -> float:
    """That something stands there which the map lacks: a building, or a part of the building that it touches."""
    return float(chances[1] + (chances[2] if ground.neighbour is not None else 0.0))


def resolve(candidates: Collection[Candidate]) -> list[Candidate]:
    """Drop what a surer candidate leaves no room for; surest first.

    That is a second edit of one footprint, and a building where another is proposed already.
    """
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda one: -one.confidence):
        if not any(_clash(candidate, other) for other in kept):
            kept.append(candidate)
    return kept


def one_each(candidates: Collection[Candidate]) -> list[Candidate]:
    """Of the edits of one footprint the surest alone, as where its tile and its missing part's lie in two blocks."""
    kept: dict[str, Candidate] = {}
    for number, candidate in enumerate(sorted(candidates, key=lambda one: -one.confidence)):
        kept.setdefault(candidate.key or f"new {number}", candidate)
    return list(kept.values())


def _clash(one: Candidate, other: Candidate) -> bool:
    if one.key is not None and one.key == other.key:
        return True
    if "remove" in (one.kind, other.kind) or not one.geometry.intersects(other.geometry):
        return False
    return same_place(one.geometry, other.geometry)


def same_place(first: BaseGeometry, second: BaseGeometry) -> bool:
    """Whether two shapes leave no room for each other: both cover a good part of the smaller one."""
    least = min(first.area, second.area)
    return least > 0 and first.intersection(second).area / least > SAME_PLACE_SHARE


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
    beside = ground.neighbour
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


def _bounds(tile: TileAddress) -> tuple[float, float, float, float]:
    west, south, east, north = tile.bounds_lonlat
    return west - (east - west) / 8, south - (north - south) / 8, east + (east - west) / 8, north + (north - south) / 8


def _hull(tiles: Collection[TileAddress]) -> tuple[float, float, float, float]:
    boxes = np.array([tile.bounds_lonlat for tile in tiles])
    return boxes[:, 0].min(), boxes[:, 1].min(), boxes[:, 2].max(), boxes[:, 3].max()


def same_shape(first: BaseGeometry, second: BaseGeometry, least: float = 0.5) -> bool:
    """Whether two shapes in degrees are one object: intersection over union of at least `least`."""
    return first.intersects(second) and iou(first, second) >= least
