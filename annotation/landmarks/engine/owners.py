"""Whose the texts and photos of an index are, and where: what is compared of landmarks is settled by it beforehand.

A file for each of the two stores, replaced as a whole and mapped by whoever searches: 40 bytes a text or photo. What a
search may compare is kept from search to search; an area reads the file once, some milliseconds for a million.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from annotation.landmarks.engine.columns import Bounds
from annotation.landmarks.engine.stores import IndexFolder
from mlcore.files import whole_file

ID, LANDMARK, REGION, LON, LAT = range(5)
COLUMNS = 5
Owner = tuple[int, int, int, float, float]


@dataclass(frozen=True, eq=False)
class Owned:
    """Texts or photos, and the landmarks that they are of.

    Attributes:
        ids: (N,) int64, ascending; landmarks: (N,) int64.
    """

    ids: np.ndarray
    landmarks: np.ndarray

    def landmark_of(self, number: int) -> int | None:
        """The landmark of a text or photo; None where it is none of these."""
        at = int(np.searchsorted(self.ids, number))
        return int(self.landmarks[at]) if at < len(self.ids) and self.ids[at] == number else None


def write_owners(index: IndexFolder, name: str, rows: Iterable[Owner]) -> None:
    """Replace what is known of a store's vectors: id, landmark, region, longitude and latitude of each, by id."""
    read = np.fromiter(rows, np.dtype((np.float64, COLUMNS)))
    index.folder.mkdir(parents=True, exist_ok=True)
    with whole_file(_path(index, name)) as scratch, scratch.open("wb") as file:
        np.save(file, np.ascontiguousarray(read[np.argsort(read[:, ID])].T), allow_pickle=False)


def owned(index: IndexFolder, name: str, regions: Sequence[int], bbox: Bounds | None = None) -> Owned:
    """The texts or photos of these regions' landmarks, and of those alone that lie in an area where one is given."""
    path = _path(index, name)
    try:
        changed_ns = path.stat().st_mtime_ns
    except FileNotFoundError:
        return Owned(np.zeros(0, np.int64), np.zeros(0, np.int64))
    within = tuple(sorted(set(regions)))
    return _of_regions(path, changed_ns, within) if bbox is None else _inside(path, changed_ns, within, bbox)


@lru_cache(maxsize=8)
def _of_regions(path: Path, changed_ns: int, regions: tuple[int, ...]) -> Owned:
    rows = _opened(path, changed_ns)
    return _taken(rows, _of(rows, regions))


def _inside(path: Path, changed_ns: int, regions: tuple[int, ...], bbox: Bounds) -> Owned:
    rows, (west, south, east, north) = _opened(path, changed_ns), bbox
    there = (rows[LON] >= west) & (rows[LON] <= east) & (rows[LAT] >= south) & (rows[LAT] <= north)
    return _taken(rows, there & _of(rows, regions))


def _of(rows: np.ndarray, regions: tuple[int, ...]) -> np.ndarray:
    return np.isin(rows[REGION].astype(np.int64), np.array(regions, np.int64))


def _taken(rows: np.ndarray, mask: np.ndarray) -> Owned:
    return Owned(rows[ID][mask].astype(np.int64), rows[LANDMARK][mask].astype(np.int64))


@lru_cache(maxsize=4)
def _opened(path: Path, changed_ns: int) -> np.ndarray:
    rows: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return rows


def _path(index: IndexFolder, name: str) -> Path:
    return index.folder / f"{name}-owners.npy"
