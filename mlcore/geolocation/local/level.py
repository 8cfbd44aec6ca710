"""The level of local features of a feature database: built up to it, opened beside it, asked for a query."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mlcore.errors import FeatureDatabaseError, MissingPackageError
from mlcore.geolocation import database_files as files
from mlcore.geolocation import generations
from mlcore.geolocation.bases import BaseSource
from mlcore.geolocation.database import FeatureDatabase
from mlcore.geolocation.local.features import LocalFeatures, local_features
from mlcore.geolocation.local.index import FOLDER as INDEX
from mlcore.geolocation.local.index import WordIndex
from mlcore.geolocation.local.matching import LocalMatch, matched
from mlcore.geolocation.local.store import (
    BLOCKS,
    FOLDER,
    SETTINGS,
    LocalSettings,
    LocalStore,
    drop_blocks,
    write_block,
)
from mlcore.geolocation.local.votes import vote
from mlcore.progress import Progress, SilentProgress, SpanProgress, stop_if_asked


@dataclass(frozen=True)
class Effort:
    """How closely a query is looked at.

    Attributes:
        points: at most; px: longest side at which they are taken; drawn: described before they are spread.
    """

    points: int
    px: int
    drawn: int


QUICK, CLOSE = Effort(500, 512, 750), Effort(1000, 768, 1500)
"""First a quick look; a closer one where that excludes chance by no more than `ENOUGH` powers of ten."""
ENOUGH = 20.0
SURE = 40.0
"""Powers of ten from which no other base is matched."""
NEIGHBOURS = 10
TELLING = 150
"""A picture of so many points would have been found, had a base shown it on the same day."""


@dataclass(frozen=True, eq=False)
class LocalAnswer:
    """What local features say of a query: matches, the least likely by chance first, and the points it has."""

    matches: list[LocalMatch]
    points: int

    @property
    def digits(self) -> float:
        """Powers of ten by which the best match excludes chance."""
        return max(0.0, -self.matches[0].log10_nfa) if self.matches else 0.0

    @property
    def telling(self) -> bool:
        """Whether the query has enough points for their silence to tell something."""
        return self.points >= TELLING


@dataclass(frozen=True, eq=False)
class LocalLevel:
    """Local features of a database's bases, open for reading."""

    database: FeatureDatabase
    store: LocalStore
    index: WordIndex

    @classmethod
    def open(cls, database: FeatureDatabase) -> LocalLevel:
        """What lies beside a database.

        Raises:
            FeatureDatabaseError: there is none, or it is damaged.
            MissingPackageError: FAISS is not installed.
        """
        store = LocalStore.open(database.folder)
        if store.damaged:
            raise FeatureDatabaseError(f"{'; '.join(store.damaged)}: run locate build --local-features again")
        return cls(database, store, WordIndex.open(store))

    @classmethod
    def update(
        cls,
        database: FeatureDatabase,
        source: BaseSource,
        progress: Progress | None = None,
        settings: LocalSettings | None = None,
    ) -> LocalLevel:
        """Bring the level up to its database: bases that are new are looked at, those that are gone left out.

        Until the new level is whole, the former one is what `open` finds.

        Args:
            source: of the database's bases.
            settings: of a new level; one that is there keeps its own.

        Raises:
            StoppedError: asked to stop; what is done is kept.
            FeatureDatabaseError: another process writes.
            MissingPackageError: FAISS is not installed.
            NoSpaceError: the disk has no room.
        """
        progress = progress or SilentProgress()
        with files.writing(database.folder):
            store = LocalStore.create(database.folder, settings or LocalSettings())
            store.drop(database.numbers)
            _extend(LocalStore.open(database.folder), database, source, SpanProgress(progress, 0, 0.9))
            store = LocalStore.open(database.folder)
            progress.report(0.9, "making the index of local features")
            index = WordIndex.update(store, database.numbers, database.next_number)
            progress.report(1.0, "")
        return cls(database, store, index)

    def find(
        self, rgb: np.ndarray, valid: np.ndarray, *, among: np.ndarray | None = None, count: int = 10,
        thorough: bool = False,
    ) -> LocalAnswer:  # fmt: skip
        """The bases on whose points a query's agree.

        Args:
            rgb: (H, W, 3) uint8; valid: (H, W) bool.
            among: numbers of the bases that may be found; None: all of the database.
            count: bases whose points are matched at most; the first that is sure ends that, unless `thorough`.
        """
        if not np.isin(self._indexed, self._there).all():
            among = self._there if among is None else np.intersect1d(among, self._there)
        size = rgb.shape[1], rgb.shape[0]
        answer = LocalAnswer([], 0)
        for effort in (QUICK, CLOSE):
            query = local_features(rgb, valid, effort.points, effort.px, effort.drawn)
            answer = LocalAnswer(self._matches(query, size, among, count, thorough), len(query))
            if answer.digits > ENOUGH:
                break
        return answer

    def _matches(
        self, query: LocalFeatures, size: tuple[int, int], among: np.ndarray | None, count: int, thorough: bool
    ) -> list[LocalMatch]:
        near = self.index.search(query.words, NEIGHBOURS, among)
        found = []
        for cell in vote(query, size, near, self.index, count):
            base = self.database.base(cell.number)
            area = float(base.height * base.width)
            one = matched(query, self.store.features(cell.number), cell, area, len(self.database))
            if one is not None:
                found.append(one)
                if one.log10_nfa < -SURE and not thorough:
                    break
        return sorted(found, key=lambda one: one.log10_nfa)

    @cached_property
    def _there(self) -> np.ndarray:
        """Numbers of the database's bases whose points are there: others may still have entries of the index."""
        return np.intersect1d(self.database.numbers, self.store.numbers)

    @cached_property
    def _indexed(self) -> np.ndarray:
        return self.index.numbers


def _extend(store: LocalStore, database: FeatureDatabase, source: BaseSource, progress: Progress) -> None:
    """Write the features of bases that have none yet."""
    folder, settings = store.folder / BLOCKS, store.settings
    missing = [int(number) for number in database.numbers if number not in store]
    next_block = max((int(path.name) for path in folder.iterdir() if path.name.isdigit()), default=0) + 1
    waiting: list[tuple[int, LocalFeatures]] = []
    try:
        for done, number in enumerate(missing):
            stop_if_asked(progress)
            base = database.base(number)
            rgb, valid = source.read(base)
            most = settings.points_of(base.height, base.width)
            waiting.append((number, local_features(rgb, valid, most, settings.most_px)))
            if len(waiting) >= settings.block_bases:
                write_block(folder, next_block, waiting)
                next_block, waiting = next_block + 1, []
            progress.report((done + 1) / len(missing), f"local features of {base.name}")
    finally:
        if waiting:
            write_block(folder, next_block, waiting)


def update_where_possible(
    database: FeatureDatabase, source: BaseSource, progress: Progress | None = None
) -> LocalLevel | None:
    """As `LocalLevel.update`; None without FAISS."""
    try:
        return LocalLevel.update(database, source, progress)
    except MissingPackageError:
        return None


def open_where_there(database: FeatureDatabase) -> LocalLevel | None:
    """As `LocalLevel.open`; None where the database has no such level or none yet, or FAISS is not installed."""
    folder = database.folder / FOLDER
    if not (folder / SETTINGS).exists() or not generations.exists(folder / INDEX):  # the first one is being written
        return None
    try:
        return LocalLevel.open(database)
    except MissingPackageError:
        return None


def damage_of(database: FeatureDatabase) -> list[str]:
    """A sentence about each block that is not as it was written; reads all of them."""
    if not (database.folder / FOLDER / SETTINGS).exists():
        return []
    store = LocalStore.open(database.folder)
    return [*store.damaged, *(line for block in store.blocks if (line := block.damage()))]


def repair_points(folder: Path) -> list[str]:
    """Drop the blocks of a database's folder that are damaged; an update makes them again.

    Returns:
        A sentence about each.

    Raises:
        FeatureDatabaseError: another process writes.
    """
    database = FeatureDatabase.open(folder)
    with files.writing(folder):
        lines = damage_of(database)
        drop_blocks(folder / FOLDER / BLOCKS, [line.split()[1] for line in lines])
    return lines
