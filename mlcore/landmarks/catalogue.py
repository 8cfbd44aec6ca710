"""What the vectors of a folder are of: names, positions and where each was read from, in an SQLite file beside them.

    STORE/vectors/            the vectors, by number (`mlcore.vectors`)
    STORE/catalogue.sqlite    the items by the same numbers

An item is noted before its vector is kept: one that has no vector is embedded again by the next run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.vectors import VectorStore

FILE, VECTORS = "catalogue.sqlite", "vectors"
TABLE = """
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, modality TEXT NOT NULL, source TEXT NOT NULL,
    stamp TEXT NOT NULL, lon REAL, lat REAL
)"""
WAIT_S = 60.0
MOST_ASKED = 500


@dataclass(frozen=True)
class Item:
    """One item.

    Attributes:
        name: one of its kind in the folder.
        modality: "aerial", "ground", "text" or "gps".
        source: the file that it is read from; stamp: of that file, which changes when the file does.
        lonlat: degrees, None where it has no known place.
        id: number of its vector; 0 before it is noted.
    """

    name: str
    modality: str
    source: str
    stamp: str
    lonlat: tuple[float, float] | None = None
    id: int = 0


class Catalogue:
    """The items and vectors of a folder.

    Args:
        folder: made where it isn't there, if `model` and `dimension` are given.

    Raises:
        InvalidInputError: there is none, or it is damaged.
        OtherModelError: it is of another model.
    """

    def __init__(self, folder: Path, model: str | None = None, dimension: int | None = None) -> None:
        self.folder = folder
        if dimension is not None and model is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self.store = VectorStore.create(folder / VECTORS, model, dimension)
        elif not (folder / FILE).is_file():
            raise InvalidInputError(f"there is nothing embedded in {folder}: begin with embed")
        else:
            self.store = VectorStore.open(folder / VECTORS, model)
        with self._open() as database:
            database.execute(TABLE)

    def wanted(self, items: Sequence[Item]) -> list[Item]:
        """Those whose vectors are missing, or whose files changed, with their numbers."""
        with self._open() as database:
            known = {
                row[1]: row
                for row in database.execute("SELECT id, name, modality, source, stamp FROM items").fetchall()
            }
            same = {item.name for item in items if item.name in known and known[item.name][2:] == _told(item)}
            changed = [item for item in items if item.name not in same]
            database.executemany(
                "INSERT INTO items (name, modality, source, stamp, lon, lat) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT "
                "(name) DO UPDATE SET modality = excluded.modality, source = excluded.source, stamp = excluded.stamp, "
                "lon = excluded.lon, lat = excluded.lat",
                [(item.name, *_told(item), *(item.lonlat or (None, None))) for item in changed],
            )
            ids = dict(database.execute("SELECT name, id FROM items").fetchall())
        fresh = {item.name for item in changed}
        stale = np.array([ids[name] for name in fresh if name in known], np.int64)
        self.store.remove(stale)  # so that a run that is killed leaves no vector of the former file
        there = set(self.store.ids.tolist())
        return [
            Item(item.name, *_told(item), item.lonlat, ids[item.name]) for item in items if ids[item.name] not in there
        ]

    def forget_others(self, names: Iterable[str]) -> int:
        """Drop everything but the items of these names; how many those were."""
        kept = set(names)
        with self._open() as database:
            gone = [(id_,) for id_, name in database.execute("SELECT id, name FROM items") if name not in kept]
            database.executemany("DELETE FROM items WHERE id = ?", gone)
        self.store.remove(np.array([id_ for (id_,) in gone], np.int64))
        return len(gone)

    def items(self, ids: Sequence[int] | np.ndarray) -> list[Item]:
        """The items of numbers, in their order; numbers that are not noted are passed over."""
        found: dict[int, Item] = {}
        numbers = [int(one) for one in ids]
        with self._open() as database:
            for start in range(0, len(numbers), MOST_ASKED):
                some = numbers[start : start + MOST_ASKED]
                marks = ", ".join("?" * len(some))
                rows = database.execute(
                    f"SELECT id, name, modality, source, stamp, lon, lat FROM items WHERE id IN ({marks})",  # noqa: S608
                    some,
                )
                for id_, name, modality, source, stamp, lon, lat in rows:
                    lonlat = (lon, lat) if lon is not None else None
                    found[id_] = Item(name, modality, source, stamp, lonlat, id_)
        return [found[one] for one in numbers if one in found]

    def ids_of(self, modalities: Sequence[str]) -> np.ndarray:
        """Numbers of the items of some modalities."""
        with self._open() as database:
            rows = database.execute("SELECT id, modality FROM items").fetchall()
        return np.array([id_ for id_, modality in rows if modality in modalities], np.int64)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are kept together or not at all."""
        try:
            connection = sqlite3.connect(self.folder / FILE, timeout=WAIT_S)
            try:
                with connection:
                    yield connection
            finally:
                connection.close()
        except sqlite3.DatabaseError as error:
            raise InvalidInputError(
                f"{self.folder / FILE} can't be used ({error}): embed into another folder"
            ) from error


def stamp_of(path: Path) -> str:
    """What changes when a file does: its size and when it was written."""
    about = path.stat()
    return f"{about.st_size}-{about.st_mtime_ns}"


def _told(item: Item) -> tuple[str, str, str]:
    return item.modality, item.source, item.stamp
