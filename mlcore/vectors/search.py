"""The likest of a store's vectors: compared one by one where they are few, else proposed by the index first.

Either way the likeness that is told is that of the vectors as they are kept, and no id outside `allowed` is found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlcore.vectors.index import EXACT_UP_TO, StoreIndex
from mlcore.vectors.live import LiveRows

PROPOSED, LEAST_PROPOSED = 20, 200
"""So many proposals for each find that is asked for, and no fewer than these."""


@dataclass(frozen=True, eq=False)
class Found:
    """Finds of (Q,) queries, likest first.

    Attributes:
        ids: (Q, K) int64, -1 where there are no more.
        likeness: (Q, K) float32 cosines, -inf where there are no more.
    """

    ids: np.ndarray
    likeness: np.ndarray


def search(
    live: LiveRows, index: StoreIndex | None, vectors: np.ndarray, count: int, allowed: np.ndarray | None
) -> Found:
    """See `VectorStore.search`; (Q, D) float32 vectors of the store's length."""
    may = np.arange(len(live))
    if allowed is not None:
        places = live.places_of(allowed)
        may = np.unique(places[places >= 0])
    best = _Best(len(vectors), count)
    if index is None or len(may) <= EXACT_UP_TO:
        best.compare(live, vectors, may)
        return best.found(live)
    late = live.written_after(index.covered)
    inside = np.zeros(len(live), bool)
    inside[may] = True
    best.compare(live, vectors, late[inside[late]])
    inside[late] = False
    left = int(inside.sum())
    if left:
        _through_index(live, index, vectors, count, allowed is not None, inside, left, best)
    return best.found(live)


def _through_index(
    live: LiveRows,
    index: StoreIndex,
    vectors: np.ndarray,
    count: int,
    narrowed: bool,
    inside: np.ndarray,
    left: int,
    best: _Best,
) -> None:
    """Compare what the index proposes of the places `inside`, and all of them where that is too few."""
    chosen = live.ids[inside] if narrowed else None
    asked = min(left, max(LEAST_PROPOSED, PROPOSED * count))
    places: list[np.ndarray] = []
    for ids, _ in index.propose(vectors, asked, chosen, left / len(live)):
        places = []
        for some in ids:
            known = live.places_of(np.unique(some[some >= 0]))
            known = known[known >= 0]
            places.append(known[inside[known]])
        if all(len(some) >= min(count, left) for some in places):
            break
    for number, some in enumerate(places):
        enough = len(some) >= min(count, left)
        best.compare(live, vectors, some if enough else np.flatnonzero(inside), number)


class _Best:
    """The likest places so far of each query."""

    def __init__(self, queries: int, count: int) -> None:
        self.count = count
        self.places = [np.zeros(0, np.int64) for _ in range(queries)]
        self.likeness = [np.zeros(0, np.float32) for _ in range(queries)]

    def compare(self, live: LiveRows, vectors: np.ndarray, places: np.ndarray, only: int | None = None) -> None:
        """Compare places with all queries, or with one of them."""
        queries = range(len(vectors)) if only is None else (only,)
        for some, block in live.blocks(live.ordered(places)):
            likeness = vectors[list(queries)] @ block.T
            for number, row in zip(queries, likeness, strict=True):
                self._keep(number, some, row)

    def _keep(self, query: int, places: np.ndarray, likeness: np.ndarray) -> None:
        places = np.concatenate([self.places[query], places])
        likeness = np.concatenate([self.likeness[query], likeness])
        if len(places) > self.count:
            # of equals the one with the lower id stays, whatever the order they came in
            least = np.partition(likeness, len(likeness) - self.count)[len(likeness) - self.count]
            some = np.flatnonzero(likeness >= least)
            some = some[np.lexsort((places[some], -likeness[some]))][: self.count]
            places, likeness = places[some], likeness[some]
        self.places[query], self.likeness[query] = places, likeness

    def found(self, live: LiveRows) -> Found:
        ids = np.full((len(self.places), self.count), -1, np.int64)
        values = np.full(ids.shape, -np.inf, np.float32)
        for number, (places, likeness) in enumerate(zip(self.places, self.likeness, strict=True)):
            order = np.lexsort((places, -likeness))
            ids[number, : len(order)] = live.ids[places[order]]
            values[number, : len(order)] = likeness[order]
        return Found(ids, values)
