"""Calibrates change classifiers on simulated edits of the map, on evidence from models that did not see the tile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shapely.geometry.base import BaseGeometry

from mlcore.changes.candidate import Candidate, same_shape
from mlcore.changes.classifiers import FOOTPRINT_CLASSES, GROUND_CLASSES, ChangeClassifier
from mlcore.changes.diff import Measures, candidates_of
from mlcore.changes.ground import GroundMeasure
from mlcore.changes.polygons import mends
from mlcore.changes.usual import Usual
from mlcore.changes.verdicts import Verdicts
from mlcore.cores import Cores
from mlcore.correspondences.dense.shift import Shift
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress, tile_at
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import BUILDINGS
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked
from mlcore.region.blocks import measured_maps
from mlcore.region.decided import Said
from mlcore.region.teacher import Teacher
from mlcore.synthetic.edits import EditCounts, EditedMap, SimulatedEdit, simulate_edits

SEED_STEP = 7919
DENSE, SPARSE = 1.5, 0.5
MOST_ROUNDS = 4  # times as many editions as asked for, where each holds few edits
EDITED = 0.1  # of the time that editions take, about: edits are drawn, and the rest is measuring
SUSPECT = 0.4  # a candidate of the unedited map as likely as this is no example of "unchanged"


@dataclass(frozen=True)
class Edition:
    """One simulated edition of the map, measured.

    Attributes:
        edits: what was done to the map.
        measures: block by block.
        footprint_labels, ground_labels: class numbers, in the order of the measures.
    """

    measures: list[Measures]
    footprint_labels: list[int]
    ground_labels: list[int]
    edits: Sequence[SimulatedEdit] = ()


def make_editions(
    index: MapIndex,
    evidence: EvidenceReader,
    tiles: Sequence[TileAddress],
    shifts: Mapping[TileAddress, Shift],
    *,
    rounds: int,
    share: float,
    seed: int,
    least_edits: int = 0,
    cores: Cores | None = None,
    progress: Progress | None = None,
) -> list[Edition]:
    """Edit the map of `tiles` as `edition_counts` says, and measure every edition on them.

    Args:
        cores: what it may work on; None: on one.
    """
    progress = progress or SilentProgress()
    features = features_near(index, tiles)
    plan = edition_counts(drawn_on(index, tiles), share=share, rounds=rounds, least_edits=least_edits)
    editions = []
    for number, counts in enumerate(plan):
        stop_if_asked(progress)
        edited = simulate_edits(
            features, counts=counts, tiles=tiles, seed=seed * SEED_STEP + number, as_many_as_fit=True
        )
        if edited.edits:
            editions.append(edited)
        progress.report(EDITED * (number + 1) / len(plan), "simulated edits")
    maps, span = [MapIndex(edited.features) for edited in editions], SpanProgress(progress, EDITED, 1.0)
    measured = measured_maps(evidence, maps, tiles, shifts, cores=cores, progress=span)
    return [_labelled(edited, measures) for edited, measures in zip(editions, measured, strict=True)]


def edition_counts(footprints: int, *, share: float, rounds: int, least_edits: int) -> list[EditCounts]:
    """How many errors of each sort every edition gets: the one rule of how often a map is edited to teach on it.

    `share` of the footprints are invented, as many left out, and as many drawn wrong (reshaped or moved); alternately
    half as many again and half as many, since untouched tiles are examples as well. There are so many editions that
    each sort is drawn `least_edits` times, but no fewer than `rounds` and no more than MOST_ROUNDS times that.

    Args:
        footprints: on the tiles that are edited and measured.
    """
    count = max(1, round(share * footprints))
    editions = min(max(rounds, -(-least_edits // count)), MOST_ROUNDS * rounds)
    sizes = [max(1, round((DENSE if number % 2 == 0 else SPARSE) * count)) for number in range(editions)]
    return [EditCounts(remove=n, add=n, reshape=(n + 1) // 2, shift=max(1, n // 2)) for n in sizes]


def drawn_on(index: MapIndex, tiles: Sequence[TileAddress]) -> int:
    """How many footprints have their middle on one of the tiles."""
    chosen, count = set(tiles), 0
    for feature in index.query_any([tile.bounds_lonlat for tile in tiles], BUILDINGS):
        west, south, east, north = feature.geometry.bounds
        count += tile_at((west + east) / 2, (south + north) / 2, tiles[0].z) in chosen
    return count


def features_near(index: MapIndex, tiles: Sequence[TileAddress]) -> list[MapFeature]:
    """What the map has on the tiles, and as far around them as a measurement looks."""
    boxes = []
    for tile in tiles:
        west, south, east, north = tile.bounds_lonlat
        across, up = (east - west) / 2, (north - south) / 2
        boxes.append((west - across, south - up, east + across, north + up))
    return index.query_any(boxes)


def _labelled(edited: EditedMap, measures: list[Measures]) -> Edition:
    drawn = {edit.before.wkb: edit for edit in edited.edits if edit.before is not None}
    missing = [edit.after for edit in edited.edits if edit.kind == "add"]
    footprint_labels, ground_labels = [], []
    for block in measures:
        for measure in block.footprints:
            edit = drawn.get(measure.current.wkb)
            label = 0
            if edit is not None and edit.kind == "remove":
                label = FOOTPRINT_CLASSES.index("remove")
            elif edit is not None and mends(measure.proposal, measure.current, edit.after):
                label = FOOTPRINT_CLASSES.index("modify")
            footprint_labels.append(label)
        ground_labels += [_ground_label(ground, missing, drawn) for ground in block.ground]
    return Edition(measures, footprint_labels, ground_labels, edited.edits)


def _ground_label(ground: GroundMeasure, missing: Sequence[BaseGeometry], drawn: Mapping[bytes, SimulatedEdit]) -> int:
    if any(same_shape(ground.proposal, one) for one in missing):
        return GROUND_CLASSES.index("add")
    beside = ground.adjacent
    edit = drawn.get(beside.current.wkb) if beside is not None else None
    if beside is None or edit is None or edit.after is None or edit.method == "shifted":
        return 0  # the true place of a house that is drawn beside it is no part of it
    return GROUND_CLASSES.index("extend") if mends(beside.extended, beside.current, edit.after) else 0


@dataclass(frozen=True)
class Suspects:
    """What the map as it stands probably has wrong: no example of an unchanged building or ground.

    Attributes:
        keys: footprints.
        shapes: buildings that the map lacks.
    """

    keys: frozenset[str] = frozenset()
    shapes: tuple[BaseGeometry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.shapes)

    @classmethod
    def of(
        cls,
        base: Sequence[Measures],
        classifiers: Sequence[ChangeClassifier],
        fold_of: Mapping[TileAddress, int],
        said: Said,
        usual_by_tile: Mapping[TileAddress, Usual] | None = None,
    ) -> Suspects:
        """Candidates of the unedited map that are likelier than SUSPECT, and that nobody has decided about."""
        found = [one for one in _classified(base, classifiers, fold_of, usual_by_tile) if one.confidence >= SUSPECT]
        found = [one for one in found if not (said.covers(one.geometry) if one.kind == "add" else said.holds(one.key))]
        return cls(
            frozenset(one.key for one in found if one.key is not None),
            tuple(one.geometry for one in found if one.kind == "add"),
        )


def fit_classifiers(
    editions: Sequence[Edition],
    fold_of: Mapping[TileAddress, int],
    folds: int,
    seed: int,
    base: Sequence[Measures] = (),
    said: Said | None = None,
    usual_by_tile: Mapping[TileAddress, Usual] | None = None,
) -> list[ChangeClassifier]:
    """One classifier per fold, fitted without that fold's tiles; an untaught one where there is nothing to learn from.

    The map that was edited is itself a little stale, and its own errors would count as examples of "unchanged". A
    first fit finds the likeliest of them in `base`, the measures of the unedited map, and the second leaves them out.
    What people decided about is no guess: its measures in `base` are examples with the person's label (`said`).

    Args:
        usual_by_tile: what is usual in the place of every tile, where tiles of many places teach.
    """
    said = said or Said()
    teacher = Teacher(editions, base, said, fold_of, usual_by_tile)
    classifiers = _fit_objects(teacher, folds, seed, Suspects())
    suspects = Suspects.of(base, classifiers, fold_of, said, usual_by_tile)
    return _fit_objects(teacher, folds, seed, suspects) if suspects else classifiers


def _fit_objects(teacher: Teacher, folds: int, seed: int, suspects: Suspects) -> list[ChangeClassifier]:
    classifiers = []
    for fold in range(folds):
        footprints, grounds = teacher.footprints(fold, suspects), teacher.grounds(fold, suspects)
        classifier = ChangeClassifier()
        if footprints.classes > 1:
            classifier.footprint = footprints.fit(len(FOOTPRINT_CLASSES), seed)
        if grounds.classes > 1:
            classifier.ground = grounds.fit(len(GROUND_CLASSES), seed)
        classifiers.append(classifier.eval())
    return classifiers


def _classified(
    measures: Sequence[Measures],
    classifiers: Sequence[ChangeClassifier],
    fold_of: Mapping[TileAddress, int],
    usual_by_tile: Mapping[TileAddress, Usual] | None,
) -> list[Candidate]:
    """Candidates, each weighed by the classifier of its own fold, which was fitted without it."""

    def verdicts_of(tile: TileAddress) -> list[Verdicts]:
        classifier = classifiers[fold_of[tile]]
        return [classifier if usual_by_tile is None else classifier.plain(usual_by_tile[tile])]

    return [one for block in measures for one in candidates_of(block, verdicts_of)]
