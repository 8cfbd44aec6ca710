"""The likest tiles, landmarks and photos of a query, among those that its person may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotation.landmarks.engine import columns
from annotation.landmarks.engine.columns import Narrowed
from annotation.landmarks.engine.stores import TILES, IndexFolder


@dataclass(frozen=True)
class Likest:
    """What is likest, likest first: its ids with their likeness, and among how many it was looked for."""

    found: list[tuple[int, float]]
    among: int


def likest_tiles(
    index: IndexFolder, regions: Sequence[int], narrowed: Narrowed, vector: np.ndarray, count: int
) -> Likest:
    """The likest tiles of these regions, and no others, to a (D,) vector.

    What may be found is settled before anything is compared. Through the index of a million tiles a search takes some
    milliseconds where all of them may be found; where some may not, their ids are told to it, which costs a few
    milliseconds more for each million that may.
    """
    return _likest(index, TILES, columns.allowed_tiles(index.regions, regions, narrowed), vector, count)


def likest_of(index: IndexFolder, name: str, allowed: np.ndarray, vector: np.ndarray, count: int) -> Likest:
    """The likest of these texts or photos, (N,) int64 ids in ascending order, to a (D,) vector."""
    return _likest(index, name, allowed, vector, count)


def likeness_to(index: IndexFolder, tiles: Sequence[int], vector: np.ndarray) -> dict[int, float]:
    """How like tiles are to a (D,) vector, by id; those without a vector are left out."""
    found = vectors_of(index, tiles)
    return {tile: float(one @ vector) for tile, one in found.items()}


def vectors_of(index: IndexFolder, tiles: Sequence[int]) -> dict[int, np.ndarray]:
    """(D,) vectors of tiles, by id; those without one are left out."""
    store = index.opened(TILES)
    if store is None:
        return {}
    seen, ids = store.view(), np.asarray(list(tiles), np.int64)
    there = ids[np.isin(ids, seen.ids)]
    return dict(zip(there.tolist(), seen.vectors_of(there), strict=True))


def _likest(index: IndexFolder, name: str, allowed: np.ndarray, vector: np.ndarray, count: int) -> Likest:
    store = index.opened(name)
    seen = store.view() if store is not None else None  # other threads of the server refresh the store
    if seen is None or not len(allowed) or not len(seen):
        return Likest([], 0)
    every = len(allowed) == len(seen) and np.array_equal(allowed, seen.ids)
    found = seen.search(vector[None], min(count, len(seen)), allowed=None if every else allowed)
    pairs = zip(found.ids[0].tolist(), found.likeness[0].tolist(), strict=True)
    return Likest([(number, like) for number, like in pairs if number >= 0], len(allowed))
