"""Which rows of the segments count: of every id the last one that was written, where it was not removed since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mlcore.errors import VectorStoreError
from mlcore.vectors.segments import BLOCK, Segment

FEW = 2048
DENSE = 8
"""A table by id is kept where the largest id is no more than so many times the number of ids."""


class LiveRows:
    """The rows of a store that count, by the place of their id.

    Args:
        segments: in the order in which they were written.

    Attributes:
        ids: (N,) int64, ascending.
        written: rows of all segments, those that count no more among them.
    """

    def __init__(self, segments: Sequence[Segment], dimension: int) -> None:
        self.segments, self.dimension = tuple(segments), dimension
        everything = np.concatenate([np.zeros(0, np.int64), *(one.ids for one in segments)])
        self.written = len(everything)
        starts = np.cumsum([0, *(len(one) for one in segments)])
        self.ids, last = np.unique(everything[::-1], return_index=True)
        rows = self.written - 1 - last
        segment = np.searchsorted(starts, rows, side="right") - 1
        kept = np.ones(len(self.ids), bool)
        for number, one in enumerate(segments):
            if len(one.removed):
                places = self._search(one.removed)
                places = places[places >= 0]
                kept[places[segment[places] < number]] = False
        self.ids, self.segment = self.ids[kept], segment[kept].astype(np.int32)
        self.row = rows[kept] - starts[self.segment]
        self._table: np.ndarray | None = None
        self._after: tuple[int, np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def places_of(self, ids: np.ndarray) -> np.ndarray:
        """(K,) places of ids, -1 for those that are not kept."""
        ids = np.asarray(ids, np.int64).ravel()
        if not len(self.ids) or not len(ids):
            return np.full(len(ids), -1, np.int64)
        largest = int(self.ids[-1])
        if largest > DENSE * len(self.ids):
            return self._search(ids)
        if self._table is None:
            table = np.full(largest + 1, -1, np.int32)
            table[self.ids] = np.arange(len(self.ids), dtype=np.int32)
            self._table = table
        inside = (ids >= 0) & (ids <= largest)
        return np.where(inside, self._table[np.where(inside, ids, 0)], -1).astype(np.int64)

    def vectors(self, places: np.ndarray) -> np.ndarray:
        """(K, D) float32 of places."""
        if len(self.segments) == 1:
            return self.segments[0].vectors[self.row[places]].astype(np.float32)
        found = np.empty((len(places), self.dimension), np.float32)
        segment = self.segment[places]
        for number in np.unique(segment):
            mine = np.flatnonzero(segment == number)
            found[mine] = self.segments[number].vectors[self.row[places[mine]]]
        return found

    def ordered(self, places: np.ndarray) -> np.ndarray:
        """Places in the order in which their vectors lie on disk; a few are as good in any order."""
        if len(places) <= FEW:
            return places
        return places[np.lexsort((self.row[places], self.segment[places]))]

    def blocks(self, places: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The same places in blocks (n,), with their vectors (n, D) float32."""
        for start in range(0, len(places), BLOCK):
            some = places[start : start + BLOCK]
            yield some, self.vectors(some)

    def written_after(self, number: int) -> np.ndarray:
        """(K,) places of the rows in segments that hold any write after this one."""
        kept = self._after  # another thread may ask for another number meanwhile
        if kept is None or kept[0] != number:
            late = self.late_segments(number)
            kept = number, np.flatnonzero(late[self.segment]) if late.any() else np.zeros(0, np.int64)
            self._after = kept
        return kept[1]

    def late_segments(self, number: int) -> np.ndarray:
        """(S,) bool: which segments hold any write after this one."""
        return np.array([one.last > number for one in self.segments], bool)

    def expect(self, ids: np.ndarray) -> np.ndarray:
        """The places of ids that must be kept.

        Raises:
            VectorStoreError: one of them isn't.
        """
        places = self.places_of(ids)
        if (places < 0).any():
            missing = int(np.asarray(ids).ravel()[np.flatnonzero(places < 0)[0]])
            raise VectorStoreError(f"the store has no vector {missing}: add it first")
        return places

    def _search(self, ids: np.ndarray) -> np.ndarray:
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        places = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[places] == ids, places, -1)
