"""A folder of vectors by number: added, replaced, removed and searched, by several processes and killed at any point.

Every write is one segment that appears whole (`segments.py`); of an id the last write counts. What a process has open
stays as it is until `refresh`, which swaps all of it at once: who asks several things that must fit each other, while
other threads refresh, asks them of a `view`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mlcore.errors import VectorStoreError
from mlcore.vectors import files
from mlcore.vectors import segments as parts
from mlcore.vectors.index import StoreIndex
from mlcore.vectors.live import LiveRows
from mlcore.vectors.search import Found
from mlcore.vectors.view import StoreView

MOST_SEGMENTS, MERGED = 24, 8
"""Where there are more segments than this, so many neighbours that hold the fewest rows become one."""
MOST_DEAD = 0.3
"""Where more of the rows on disk than this count no more, or an index is made anew, `update_index` writes the others
anew first."""
TRIES = 20


class VectorStore:
    """Unit vectors by number, of one model.

    Attributes:
        folder: where it lies.
        model: digest of the model that the vectors are of.
        dimension: numbers of a vector.
    """

    def __init__(self, folder: Path, model: str, dimension: int) -> None:
        self.folder, self.model, self.dimension = folder, model, dimension
        self._seen = StoreView((), LiveRows((), dimension), None)
        self.refresh()

    @classmethod
    def create(cls, folder: Path, model: str, dimension: int) -> VectorStore:
        """Begin a store, or open the one that is there.

        Raises:
            VectorStoreError: the folder holds other things, or vectors of another length.
            OtherModelError: what is there is of another model.
        """
        files.create(Path(folder), model, dimension)
        return cls.open(folder, model)

    @classmethod
    def open(cls, folder: Path, model: str | None = None) -> VectorStore:
        """Open a store.

        Args:
            model: digest that it must be of; None: whichever it is of.

        Raises:
            VectorStoreError: there is none, or it is damaged.
            OtherModelError: it is of another model.
        """
        about = files.read_manifest(Path(folder), model)
        return cls(Path(folder), about["model"], about["dimension"])

    @property
    def _live(self) -> LiveRows:
        return self._seen.live

    @property
    def _index(self) -> StoreIndex | None:
        return self._seen.index

    def view(self) -> StoreView:
        """All of it as it was last seen, which no later `refresh` changes."""
        return self._seen

    def __len__(self) -> int:
        return len(self._seen)

    @property
    def ids(self) -> np.ndarray:
        """(N,) int64 of all vectors, ascending."""
        return self._seen.ids

    @property
    def indexed(self) -> int:
        """How many vectors are found through an index; the others are compared one by one."""
        return self._seen.indexed

    def vectors_of(self, ids: np.ndarray) -> np.ndarray:
        """(K, D) float32 of ids.

        Raises:
            VectorStoreError: one of them isn't kept.
        """
        return self._seen.vectors_of(ids)

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All ids (n,) with their vectors (n, D) float32, a block at a time."""
        return self._seen.blocks()

    def refresh(self) -> bool:
        """See what was written since; whether there was anything.

        Raises:
            VectorStoreError: a segment is damaged.
        """
        missing = FileNotFoundError()
        for _ in range(TRIES):  # a segment may be brought together with others between the list and the look
            seen, names = self._seen, tuple(parts.names_of(self.folder / files.LOG))
            if names == seen.names:
                break
            known = {one.name: one for one in seen.live.segments}
            try:
                opened = [
                    known.get(name) or parts.open_segment(self.folder / files.LOG / name, self.dimension)
                    for name in names
                ]
            except FileNotFoundError as error:
                missing = error
                continue
            self._seen = StoreView(names, LiveRows(opened, self.dimension), StoreIndex.open(self.folder))
            return True
        else:
            raise VectorStoreError(f"the store {self.folder.name} lacks {missing.filename}: make it anew")
        if StoreIndex.name_in(self.folder) == (seen.index.name if seen.index else None):
            return False
        self._seen = StoreView(seen.names, seen.live, StoreIndex.open(self.folder))
        return True

    def add(self, ids: np.ndarray, vectors: np.ndarray) -> None:
        """Keep vectors; an id that is there gets the new one.

        Args:
            ids: (N,) of 0 or more, each once.
            vectors: (N, D); they are kept as float16.

        Raises:
            VectorStoreError: shapes that don't fit, ids that are negative or repeat, numbers that are not finite; or
                another process writes for a minute.
            NoSpaceError: the disk has no room.
        """
        ids, vectors = np.asarray(ids, np.int64).ravel(), np.asarray(vectors)
        if vectors.shape != (len(ids), self.dimension):
            raise VectorStoreError(
                f"{len(ids)} ids and vectors of shape {vectors.shape} don't fit: give ({len(ids)}, {self.dimension})"
            )
        if len(np.unique(ids)) != len(ids) or (len(ids) and ids.min() < 0):
            raise VectorStoreError("ids repeat or are negative: give each vector its own number of 0 or more")
        with np.errstate(over="ignore"):
            kept = vectors.astype(np.float16)
        if not np.isfinite(kept).all():
            raise VectorStoreError("vectors hold numbers that are not finite or too large: give unit vectors")
        if len(ids):
            self._write(ids, kept, np.zeros(0, np.int64))

    def remove(self, ids: np.ndarray) -> None:
        """Leave out ids from now on; those that are not there are passed over.

        Raises:
            VectorStoreError: another process writes for a minute.
        """
        ids = np.unique(np.asarray(ids, np.int64).ravel())
        if len(ids):
            self._write(np.zeros(0, np.int64), np.zeros((0, self.dimension), np.float16), ids)

    def update_index(self, kind: str | None = None, seed: int = 0) -> str:
        """Bring the index up to the vectors: what is new is added to it, or it is made anew where it no longer fits.

        Others may write and search meanwhile.

        Args:
            kind: None: the one that is right for as many.

        Returns:
            The kind: "exact" where none is needed.

        Raises:
            VectorStoreError: another process does the same for a minute.
            NoSpaceError: the disk has no room.
        """
        with files.held(self.folder, files.INDEX_LOCK):
            self.refresh()
            dead = 1 - len(self._live) / max(self._live.written, 1)
            if dead > MOST_DEAD or not StoreIndex.serves(self._index, self._live, kind):
                self.compact()  # so that what an index proposes lies in one file
            made = StoreIndex.update(self.folder, self._live, self._index, kind, seed)
            seen = self._seen
            self._seen = StoreView(seen.names, seen.live, StoreIndex.open(self.folder))
            return made

    def search(self, vectors: np.ndarray, count: int, *, allowed: np.ndarray | None = None) -> Found:
        """The likest vectors of what was last seen; see `StoreView.search`."""
        return self._seen.search(vectors, count, allowed=allowed)

    def compact(self) -> None:
        """Write all vectors that count anew as one segment, and give back the space of the others."""
        with files.writing(self.folder):
            self.refresh()
            if len(self._live.segments) > 1:  # one alone holds nothing that counts no more
                self._merge(0, len(self._live.segments))
            self.refresh()

    def _write(self, ids: np.ndarray, vectors: np.ndarray, removed: np.ndarray) -> None:
        log = self.folder / files.LOG
        with files.writing(self.folder):
            self.refresh()
            number = max((one.last for one in self._live.segments), default=0) + 1
            parts.write_segment(log, number, number, ids, [vectors], removed, self.dimension)
            self.refresh()
            while len(self._live.segments) > MOST_SEGMENTS:
                self._merge(*self._least())
                self.refresh()

    def _least(self) -> tuple[int, int]:
        """The neighbouring segments that hold the fewest rows; none of them is in the index while another is not."""
        segments = self._live.segments
        covered = self._index.covered if self._index else 0
        spans = [(start, start + MERGED) for start in range(len(segments) - MERGED + 1)]
        apart = [(a, b) for a, b in spans if not segments[a].last <= covered < segments[b - 1].last]
        return min(apart or spans, key=lambda span: sum(len(one) for one in segments[span[0] : span[1]]))

    def _merge(self, start: int, stop: int) -> None:
        """Bring neighbouring segments together; the new one takes their place in one step."""
        live, log = self._live, self.folder / files.LOG
        merged = live.segments[start:stop]
        places = live.ordered(np.flatnonzero((live.segment >= start) & (live.segment < stop)))
        removed = np.unique(np.concatenate([one.removed for one in merged])) if start else np.zeros(0, np.int64)
        blocks = (block for _, block in live.blocks(places))
        parts.write_segment(
            log, merged[0].first, merged[-1].last, live.ids[places], blocks, removed, self.dimension
        )  # fmt: skip
        parts.drop(log, [one.name for one in merged])
