"""The nodes that the ways of a map use, as columns sorted by their ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


def _empty(dtype: type, *shape: int) -> np.ndarray:
    return np.empty((0, *shape), dtype)


@dataclass(frozen=True)
class NodeTable:
    """Nodes, each once.

    Attributes:
        ids: (N,) int64, ascending.
        lonlat: (N, 2) float64, degrees.
        versions: (N,) int64, 0 where the file has none.
        tagged: (N,) bool, whether it has tags of its own.
    """

    ids: np.ndarray = field(default_factory=lambda: _empty(np.int64))
    lonlat: np.ndarray = field(default_factory=lambda: _empty(np.float64, 2))
    versions: np.ndarray = field(default_factory=lambda: _empty(np.int64))
    tagged: np.ndarray = field(default_factory=lambda: _empty(np.bool_))

    @classmethod
    def sorted(cls, ids: np.ndarray, lonlat: np.ndarray, versions: np.ndarray, tagged: np.ndarray) -> NodeTable:
        """The table of columns in any order."""
        order = np.argsort(ids, kind="stable")
        return cls(ids[order], lonlat[order], versions[order], tagged[order])

    @classmethod
    def of(cls, nodes: Mapping[int, tuple[float, float, int | None, bool]]) -> NodeTable:
        """The table of id -> (lon, lat, version, tagged)."""
        rows = list(nodes.values())
        return cls.sorted(
            np.fromiter(nodes, np.int64, len(nodes)),
            np.array([row[:2] for row in rows], np.float64).reshape(-1, 2),
            np.array([row[2] or 0 for row in rows], np.int64),
            np.array([row[3] for row in rows], np.bool_),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def positions(self, refs: np.ndarray) -> np.ndarray:
        """The row of each id, -1 where the table has it not."""
        return positions(self.ids, refs)


def positions(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where in ids, ascending, each wanted id stands; -1 where it does not."""
    if not len(ids):
        return np.full(len(wanted), -1, np.int64)
    found = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[found] == wanted, found, -1)


def distinct(ids: np.ndarray) -> np.ndarray:
    """Every id once, ascending; by sorting, since `np.unique` hashes, which takes ten times as long on ids in runs."""
    ordered = np.sort(ids)
    first = np.ones(len(ordered), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


def joined(arrays: list[np.ndarray]) -> np.ndarray:
    """Ids of all arrays as one, (N,) int64."""
    return np.concatenate(arrays) if arrays else np.empty(0, np.int64)


def of_each_way(ways: list[np.ndarray]) -> np.ndarray:
    """The nodes of every way, each once for a way that passes it."""
    refs = joined(ways)
    number = np.repeat(np.arange(len(ways)), [len(way) for way in ways])
    order = np.lexsort((number, refs))
    refs, number = refs[order], number[order]
    again = np.zeros(len(refs), np.bool_)
    again[1:] = (refs[1:] == refs[:-1]) & (number[1:] == number[:-1])
    return refs[~again]


def repeated(refs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ids that are there more than once, and those that are there more than twice, ascending."""
    ordered = np.sort(refs)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return distinct(twice), distinct(twice[1:][twice[1:] == twice[:-1]])
