"""Writes a feature database: builds it up to a source, removes bases, and brings small shards together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from mlcore.errors import FeatureDatabaseError
from mlcore.geolocation import database_files as files
from mlcore.geolocation.bases import BaseSource
from mlcore.geolocation.database import Changes, DatabaseSettings, FeatureDatabase
from mlcore.geolocation.extraction import Extractor, row_of
from mlcore.geolocation.shards import Row, write_shard
from mlcore.progress import Progress, SilentProgress, stop_if_asked


def build(
    source: BaseSource,
    model: Extractor,
    folder: Path,
    progress: Progress | None = None,
    *,
    settings: DatabaseSettings | None = None,
    prune: bool = False,
) -> FeatureDatabase:
    """Bring a database up to a source: new bases are added, changed ones replaced, others kept as they are.

    Args:
        settings: of a new database; one that is there keeps its own.
        prune: remove bases that the source doesn't have.

    Returns:
        The database; its `changes` say what was done.

    Raises:
        StoppedError: `progress` asked to stop; what is done is kept.
        OtherModelError: another model built what is there.
        FeatureDatabaseError: the folder holds something else, or another process writes to it.
        NoSpaceError: the disk has no room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with files.writing(folder):
        if not (folder / files.MANIFEST).exists():
            files.create(folder, model.digest, asdict(settings or DatabaseSettings()))
        manifest = files.read_manifest(folder, model.digest)
        shards, damaged = files.read_shards(folder)
        files.drop_shards(folder, [line.split()[1] for line in damaged])
        before = FeatureDatabase(folder, manifest, shards)
        changes = _extended(before, source, model, progress or SilentProgress(), prune)
        changes.repaired = damaged
    return _reopened(folder, changes)


def remove(folder: Path, names: Iterable[str]) -> FeatureDatabase:
    """Leave bases out from now on; their bytes stay until `compact`.

    Raises:
        FeatureDatabaseError: there is no such base, no database, or another process writes to it.
    """
    files.read_manifest(folder, None)
    with files.writing(folder):
        database = FeatureDatabase.open(folder)
        number_of = dict(zip(database.names, database.numbers, strict=True))
        wanted = list(dict.fromkeys(names))
        if missing := [name for name in wanted if name not in number_of]:
            raise FeatureDatabaseError(f"the database {folder.name} has no base {missing[0]!r}: see locate list")
        removed, _ = files.read_state(folder)
        gone = {int(number_of[name]) for name in wanted}
        files.write_state(folder, removed | gone, database.next_number)
    return _reopened(folder, Changes(removed=wanted, kept=len(database) - len(wanted)))


def repair(folder: Path) -> list[str]:
    """Drop shards that hold other bytes than were written, reading all of them; a build makes their bases again.

    Returns:
        A sentence about each.

    Raises:
        FeatureDatabaseError: there is no database, or another process writes to it.
    """
    files.read_manifest(folder, None)
    with files.writing(folder):
        shards, damaged = files.read_shards(folder)
        damaged += [line for shard in shards if (line := shard.damage())]
        files.drop_shards(folder, [line.split()[1] for line in damaged])
    return damaged


def compact(folder: Path, progress: Progress | None = None) -> FeatureDatabase:
    """Write small shards and those with removed bases anew, without what was removed.

    Each new shard takes the place of old ones in one step, so that it may be killed at any point.

    Raises:
        StoppedError: `progress` asked to stop; what is done is kept.
        FeatureDatabaseError: there is no database, it is damaged, or another process writes to it.
        NoSpaceError: the disk has no room for one more shard.
    """
    progress = progress or SilentProgress()
    files.read_manifest(folder, None)
    with files.writing(folder):
        database = FeatureDatabase.open(folder)
        removed, _ = files.read_state(folder)
        files.write_state(folder, removed, database.next_number)  # no number is given a second time
        groups = _groups(database)
        writer = _Writer(database)
        for done, group in enumerate(groups):
            stop_if_asked(progress)
            rows = [database.shards[place].row(row) for place in group for row in database.rows_of(place)]
            replaced = [database.shards[place].number for place in group]
            if rows:
                write_shard(writer.folder, writer.next_shard, rows, replaced)
                writer.next_shard += 1
            files.drop_shards(folder, [f"{number:06d}" for number in replaced])
            progress.report((done + 1) / len(groups), "bringing shards together")
        present = {int(number) for shard in files.read_shards(folder)[0] for number in shard.numbers}
        files.write_state(folder, removed & present, database.next_number)
    return _reopened(folder, Changes(kept=len(database)))


class _Writer:
    """Collects rows by the size of their grids and writes them as shards."""

    def __init__(self, database: FeatureDatabase) -> None:
        self.folder, self.most = database.folder / files.SHARDS, database.settings.shard_bases
        self.next_number = database.next_number
        self.next_shard = max((int(path.name) for path in self.folder.iterdir() if path.name.isdigit()), default=0) + 1
        self._waiting: dict[tuple[int, ...], list[Row]] = {}

    def put(self, row: Row) -> None:
        self.next_number += 1
        self._waiting.setdefault(row.tokens.shape, []).append(row)
        if sum(len(rows) for rows in self._waiting.values()) >= self.most:
            self.write()

    def write(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for rows in waiting.values():
            write_shard(self.folder, self.next_shard, rows)
            self.next_shard += 1


def _extended(
    database: FeatureDatabase, source: BaseSource, model: Extractor, progress: Progress, prune: bool
) -> Changes:
    """Write what the source has and the database has not."""
    known, changes = {base.name: base for base in database.bases}, Changes()
    number_of = dict(zip(database.names, database.numbers, strict=True))
    writer, total, seen = _Writer(database), max(len(source), 1), set()
    try:
        for done, base in enumerate(source):
            seen.add(base.name)
            if known.get(base.name) == base:
                changes.kept += 1
                continue
            stop_if_asked(progress)
            row = row_of(base, source, model, writer.next_number, database.settings.cells)
            if row is None:
                changes.empty.append(base.name)
            else:
                writer.put(row)
                (changes.replaced if base.name in known else changes.added).append(base.name)
            progress.report((done + 1) / total, base.name)
    finally:
        writer.write()  # what was done before a stop or an error is kept as well
    changes.removed = [name for name in known if (prune and name not in seen) or name in changes.empty]
    removed, _ = files.read_state(database.folder)
    gone = {int(number_of[name]) for name in [*changes.replaced, *changes.removed]}
    if gone:
        files.write_state(database.folder, removed | gone, writer.next_number)
    return changes


def _groups(database: FeatureDatabase) -> list[list[int]]:
    """Places of shards of one grid that come together as one; a shard that stays as it is stands in none."""
    most, groups = database.settings.compact_bases, []
    for shape in sorted({shard.tokens.shape[1:] for shard in database.shards}):
        group: list[int] = []
        held = 0
        for place, shard in enumerate(database.shards):
            alive = len(database.rows_of(place))
            if shard.tokens.shape[1:] != shape or (alive == len(shard) and 2 * alive > most):
                continue
            if group and held + alive > most:
                groups.append(group)
                group, held = [], 0
            group.append(place)
            held += alive
        if len(group) > 1 or (group and held < len(database.shards[group[0]])):
            groups.append(group)
    return groups


def _reopened(folder: Path, changes: Changes) -> FeatureDatabase:
    database = FeatureDatabase.open(folder)
    database.changes = changes
    return database
