"""What places teach change classifiers: simulated edits, measured on evidence of a network that never saw the place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mlcore.changes.classifiers import ChangeClassifier
from mlcore.changes.diff import Measures, iter_measures
from mlcore.changes.registration import region_shifts
from mlcore.changes.usual import Usual
from mlcore.consistency.model import ConsistencyModel
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.model import EvidenceNetwork
from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, SpanProgress
from mlcore.region.calibrate import Edition, fit_classifiers, make_editions
from mlcore.region.config import RegionConfig
from mlcore.region.model import UNMAPPED_FOLD, RegionModel
from mlcore.region.parts import FoldModel
from mlcore.region.usual import usual_on_map


@dataclass(frozen=True)
class Lesson:
    """One place, measured.

    Attributes:
        editions: its map with simulated edits.
        base: its map as it stands.
        exact: its map is taken at its word. Elsewhere what a first fit suspects to be the map's own errors is no
            example of "unchanged"; of an exact map just that is: what looks like a building and is none.
    """

    editions: list[Edition]
    base: list[Measures]
    exact: bool = False

    @cached_property
    def usual(self) -> Usual | None:
        """What is usual in the place, by its map as it stands; None where it is too small."""
        return usual_on_map(self.base)

    @property
    def tiles(self) -> set[TileAddress]:
        """Every tile that something was measured on."""
        blocks = [block for edition in self.editions for block in edition.measures] + self.base
        of_map = {one.tile for block in blocks for one in block.footprints}
        return of_map | {one.tile for block in blocks for one in block.ground}


def lesson_of(
    stranger: EvidenceNetwork,
    consistency: ConsistencyModel,
    config: RegionConfig,
    source: PairSource,
    tiles: Sequence[TileAddress],
    *,
    path: Path,
    seed: int,
    exact: bool = False,
    progress: Progress,
) -> Lesson:
    """Edit the map of `tiles` again and again, and hold every edition against the evidence of `stranger`.

    Args:
        stranger: a network that learnt nothing of this place.
        path: of the picture of the evidence, written here.

    Raises:
        StoppedError: asked to stop.
    """
    parts = FoldModel(EvidenceEnsemble([stranger]), consistency, ChangeClassifier())
    model = RegionModel(config, [parts], {}, {}, zoom=tiles[0].z)
    model.write_evidence(source, tiles, path, SpanProgress(progress, 0, 0.3))
    evidence = EvidenceReader(path, model.zoom)
    shifts = region_shifts(evidence, source.index, tiles)
    editions = make_editions(
        source.index, evidence, tiles, shifts, rounds=config.rounds, share=config.edit_share, seed=seed,
        progress=SpanProgress(progress, 0.3, 1.0),
    )  # fmt: skip
    return Lesson(editions, list(iter_measures(evidence, source.index, tiles, shifts)), exact)


def taught_by(lessons: Sequence[Lesson], seed: int) -> ChangeClassifier:
    """One classifier from all lessons, which share no tile; an untaught one without any.

    Of several places it learns how strange footprints are in each (`mlcore.changes.usual`), and leaves out those too
    small for anything to be usual there.
    """
    told = [lesson for lesson in lessons if lesson.usual is not None]
    several = len(told) > 1
    chosen = told if several else lessons
    by_tile = {tile: lesson.usual for lesson in told for tile in lesson.tiles if lesson.usual} if several else None
    editions = [edition for lesson in chosen for edition in lesson.editions]
    base = [block for lesson in chosen if not lesson.exact for block in lesson.base]
    fold_of = {tile: UNMAPPED_FOLD for lesson in chosen for tile in lesson.tiles}
    if not editions:
        return ChangeClassifier()
    return fit_classifiers(editions, fold_of, 1, seed, base, usual_by_tile=by_tile)[0]
