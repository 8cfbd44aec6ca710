"""The likest of a store's vectors: compared one by one where they are few, else proposed by the index first.

Either way the likeness that is told is that of the vectors as they are kept, and no id outside `allowed` is found.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlcore.vectors.index import EXACT_UP_TO, StoreIndex
from mlcore.vectors.live import LiveRows

PROPOSED, LEAST_PROPOSED = 20, 200
"""So many proposals for each find that is asked for, and no fewer than these: with twice as many a search for ten
finds no more."""


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
    best, inside = _Best(len(vectors), count), _mask(live, allowed)
    many = len(live) if inside is None else int(np.count_nonzero(inside))
    if index is None or many <= EXACT_UP_TO:
        best.compare(live, vectors, np.arange(len(live)) if inside is None else np.flatnonzero(inside))
        return best.found(live)
    late = live.written_after(index.covered)
    if len(late):
        best.compare(live, vectors, late if inside is None else late[inside[late]])
        if inside is None:
            many -= len(late)
        else:
            inside[late] = False
            many = int(np.count_nonzero(inside))
    if many:
        _through_index(live, index, vectors, inside, many, best)
    return best.found(live)


def _mask(live: LiveRows, allowed: np.ndarray | None) -> np.ndarray | None:
    """(N,) bool: the places that may be found; None: all."""
    if allowed is None:
        return None
    inside, places = np.zeros(len(live), bool), live.places_of(allowed)
    inside[places[places >= 0]] = True
    return inside


def _through_index(
    live: LiveRows, index: StoreIndex, vectors: np.ndarray, inside: np.ndarray | None, many: int, best: _Best
) -> None:
    """Compare what the index proposes of the `many` places that may be found, and all of these where that is too few.

    Args:
        inside: (N,) bool: those places; None: all that the index covers.
    """
    chosen = None if inside is None else live.ids[inside]
    late, enough = live.late_segments(index.covered), min(best.count, many)
    places: list[np.ndarray] = []
    asked = min(many, max(LEAST_PROPOSED, PROPOSED * best.count))
    for ids, _ in index.propose(vectors, asked, chosen, many / len(live)):
        places = []
        for some in ids:
            known = live.places_of(np.unique(some[some >= 0]))
            known = known[known >= 0]
            places.append(known[~late[live.segment[known]] if inside is None else inside[known]])
        if all(len(some) >= enough for some in places):
            break
    for number, some in enumerate(places):
        if len(some) >= enough:
            best.compare(live, vectors, some, number)
        else:
            left = ~late[live.segment] if inside is None else inside
            best.compare(live, vectors, np.flatnonzero(left), number)


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
