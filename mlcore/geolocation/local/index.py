"""The inverted file: words of all bases in FAISS, and which base and place each stands for, both memory-mapped.

local/index/000003/words.faiss   IVF lists of product codes
local/index/000003/places.npy    (N,) records: number of the base, x, y, size, angle
local/index/index.json           which of them count, up to which base they go (`mlcore/geolocation/generations.py`)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.errors import FeatureDatabaseError, MissingPackageError
from mlcore.geolocation import generations
from mlcore.geolocation.local.features import WORD_SIZE
from mlcore.geolocation.local.store import LocalStore

FOLDER, FILE, PLACES = "index", "words.faiss", "places.npy"
PLACE = np.dtype([("number", "<i4"), ("x", "<f4"), ("y", "<f4"), ("size", "<f2"), ("angle", "<f2")])
CODE_PARTS = 64
MOST_LISTS, SAMPLE_PER_LIST, ROUNDS = 4096, 40, 10
PROBES = 4
STALE = 0.2
"""Where more of the entries than this stand for bases that are gone, the index is built anew."""


@dataclass(frozen=True, eq=False)
class Near:
    """The words that are nearest to each of a query's.

    Attributes:
        entries: (M, K) rows of `WordIndex.places`, -1 where there are fewer; squares: (M, K) squared distances of
            unit vectors, ascending.
    """

    entries: np.ndarray
    squares: np.ndarray


class WordIndex:
    """Words by where they were seen.

    Args:
        index: FAISS's; places: (N,) of PLACE, in the order of its entries.
        next_number: bases from this number on are not in it.
        hold: on its files, while they are memory-mapped.
    """

    def __init__(self, index: Any, places: np.ndarray, next_number: int, hold: generations.Hold | None = None) -> None:
        self.index, self.places, self.next_number, self._hold = index, places, next_number, hold
        numbers = np.asarray(places["number"])
        first = np.flatnonzero(np.r_[True, np.diff(numbers) != 0][: len(numbers)])
        self._runs = np.column_stack([numbers[first], first, np.append(first[1:], len(numbers))[: len(first)]]).astype(
            np.int64
        )

    def __len__(self) -> int:
        return len(self.places)

    @classmethod
    def update(cls, store: LocalStore, alive: np.ndarray, next_number: int, seed: int = 0) -> WordIndex:
        """The index of a store, saved beside it: new bases are added; it is built anew where too many are gone.

        Args:
            alive: numbers of the bases that count; next_number: that the database gives next.

        Raises:
            MissingPackageError: FAISS is not installed.
        """
        alive = np.intersect1d(alive, store.numbers)
        found: WordIndex | None
        try:
            found = cls.open(store, mapped=False)
        except FeatureDatabaseError:
            found = None
        if found is not None:
            stale = ~np.isin(np.asarray(found.places["number"]), alive)
            missing = np.setdiff1d(alive[alive < found.next_number], found.numbers)
            if not len(found) or stale.mean() > STALE or len(missing):
                found = None
            elif found.next_number == next_number:
                generations.clear(store.folder / FOLDER)
                return cls.open(store)
        if found is None:
            found = cls(_trained(store, alive, seed), np.zeros(0, PLACE), 0)
        places = [np.asarray(found.places)]
        for number, points, words in store.each(alive[alive >= found.next_number]):
            if len(points):
                found.index.add(unit(words))
                places.append(_places(number, points))
        made = cls(found.index, np.concatenate(places), next_number)
        made.save(store.folder / FOLDER)
        return cls.open(store)

    @classmethod
    def open(cls, store: LocalStore, *, mapped: bool = True) -> WordIndex:
        """The saved index of a store.

        Raises:
            FeatureDatabaseError: there is none, or it is damaged.
        """
        faiss = _faiss()

        def loaded(folder: Path, about: dict[str, Any]) -> tuple[Any, np.ndarray, int]:
            index = faiss.read_index(str(folder / FILE), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
            places = np.load(folder / PLACES, mmap_mode="r" if mapped else None, allow_pickle=False)
            if index.ntotal != len(places) or places.dtype != PLACE:
                raise ValueError("its files don't fit each other")
            return index, places, int(about["next_number"])

        try:
            found, hold = generations.read(store.folder / FOLDER, loaded)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise FeatureDatabaseError(
                f"the index of local features is missing or damaged ({error}): make it with locate build "
                "--local-features"
            ) from error
        if hold is not None and not mapped:
            hold.release()
        return cls(*found, hold)

    @property
    def numbers(self) -> np.ndarray:
        """Of the bases that have an entry."""
        return np.unique(self._runs[:, 0])

    def save(self, folder: Path) -> None:
        """Write the index; a reader has the former one until this one is whole."""
        with generations.writing(folder, {"next_number": self.next_number}) as made:
            _faiss().write_index(self.index, str(made / FILE))
            np.save(made / PLACES, self.places)

    def search(self, words: np.ndarray, count: int, among: np.ndarray | None = None) -> Near:
        """The nearest words.

        Args:
            words: (M, 128) uint8; count: for each of them.
            among: numbers of the bases that may be found: others are left out while it searches; None: all.
        """
        faiss = _faiss()
        if not len(words) or not len(self):
            return Near(np.full((len(words), count), -1, np.int64), np.full((len(words), count), np.inf, np.float32))
        how = {"nprobe": min(PROBES, self.index.nlist)}
        if among is not None:
            how["sel"] = faiss.IDSelectorBitmap(self._bits(among))
        squares, entries = self.index.search(unit(words), count, params=faiss.SearchParametersIVF(**how))
        return Near(entries, squares)

    def _bits(self, among: np.ndarray) -> np.ndarray:
        """Bits of the entries of some bases, as FAISS counts them."""
        chosen = np.zeros(len(self), bool)
        for _, start, end in self._runs[np.isin(self._runs[:, 0], among)]:
            chosen[start:end] = True
        return np.packbits(chosen, bitorder="little")


def unit(words: np.ndarray) -> np.ndarray:
    """(N, 128) uint8 words as float32 unit vectors."""
    found = np.asarray(words, np.float32)
    return np.ascontiguousarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-6))


def _places(number: int, points: np.ndarray) -> np.ndarray:
    found = np.zeros(len(points), PLACE)
    found["number"] = number
    for column, name in enumerate(("x", "y", "size", "angle")):
        found[name] = points[:, column]
    return found


def _trained(store: LocalStore, alive: np.ndarray, seed: int) -> Any:
    """An index without entries, trained on a sample of the words."""
    count = sum(len(points) for _, points, _ in store.each(alive))
    if not count:
        return _faiss().IndexFlatL2(WORD_SIZE)  # a base with a point makes it anew
    lists = max(1, min(MOST_LISTS, round(2 * math.sqrt(count)), count // SAMPLE_PER_LIST))
    share, rng = min(1.0, SAMPLE_PER_LIST * max(lists, 256) / count), np.random.default_rng(seed)
    sample = np.concatenate([words[rng.random(len(words)) < share] for _, _, words in store.each(alive)])
    bits = 8 if len(sample) >= 256 else max(1, int(math.log2(max(len(sample), 2))))
    index = _faiss().index_factory(WORD_SIZE, f"IVF{lists},PQ{CODE_PARTS}x{bits}np")
    index.cp.niter = index.pq.cp.niter = ROUNDS
    index.cp.min_points_per_centroid = index.pq.cp.min_points_per_centroid = 1
    index.train(unit(sample))
    return index


def _faiss() -> Any:
    try:
        import faiss
    except ImportError as error:
        raise MissingPackageError("local features need FAISS: install faiss-cpu") from error
    return faiss
