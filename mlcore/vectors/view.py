"""A store as it was at one moment: ids, vectors and searches that fit each other, whatever is written meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mlcore.errors import VectorStoreError
from mlcore.vectors.index import StoreIndex
from mlcore.vectors.live import LiveRows
from mlcore.vectors.search import Found, search


class StoreView:
    """What counts of a store, and the index beside it; it never changes, so threads share it.

    Attributes:
        names: of the segments that it was read from.
        live: the rows that count.
        index: None where there is none.
    """

    def __init__(self, names: tuple[str, ...], live: LiveRows, index: StoreIndex | None) -> None:
        self.names, self.live, self.index = names, live, index

    def __len__(self) -> int:
        return len(self.live)

    @property
    def ids(self) -> np.ndarray:
        """(N,) int64 of all vectors, ascending."""
        return self.live.ids

    @property
    def indexed(self) -> int:
        """How many vectors are found through an index; the others are compared one by one."""
        return len(self) - len(self.live.written_after(self.index.covered)) if self.index else 0

    def vectors_of(self, ids: np.ndarray) -> np.ndarray:
        """(K, D) float32 of ids.

        Raises:
            VectorStoreError: one of them isn't kept.
        """
        return self.live.vectors(self.live.expect(np.asarray(ids, np.int64)))

    def blocks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All ids (n,) with their vectors (n, D) float32, a block at a time."""
        for places, vectors in self.live.blocks(self.live.ordered(np.arange(len(self.live)))):
            yield self.live.ids[places], vectors

    def search(self, vectors: np.ndarray, count: int, *, allowed: np.ndarray | None = None) -> Found:
        """The likest vectors.

        Args:
            vectors: (Q, D) unit vectors.
            count: how many of each, 1 or more.
            allowed: (K,) ids; no other is found. None: all.

        Returns:
            ids (Q, count) int64 and likeness (Q, count) float32, likest first; -1 and -inf where there are no more.

        Raises:
            VectorStoreError: vectors of another length, or a count below 1.
        """
        vectors = np.atleast_2d(np.asarray(vectors, np.float32))
        if vectors.ndim != 2 or vectors.shape[1] != self.live.dimension or count < 1:
            raise VectorStoreError(
                f"vectors of shape {vectors.shape} and a count of {count} can't be searched: give "
                f"(Q, {self.live.dimension}) and 1 or more"
            )
        return search(self.live, self.index, vectors, count, allowed)
