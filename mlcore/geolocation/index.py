"""The first of two levels: descriptors of all bases in a FAISS index, which proposes the bases that are then compared.

    index/000003/descriptors.faiss    the index, memory-mapped on read
    index/index.json                  which of them counts, its kind, the model, the number up to which bases are in it

Which kind serves how many entries was measured (`benchmarks/geolocation_scale.py`, 256 numbers an entry). Among a
simulated million `flat` loses no query and takes 0.12 s of a processor more than `ivfpq`, which loses 1 of 40 and is
73 MB instead of 1 GB. `hnsw` was measured at 10,000 alone, where it finds less than `ivfpq` and is larger than `flat`.
So `flat` serves a million entries, and `ivfpq`, which keeps 64 bytes of each and reads a few of its lists, more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from mlcore.errors import ConfigError, FeatureDatabaseError, OtherModelError
from mlcore.geolocation import database_files as files
from mlcore.geolocation import generations
from mlcore.geolocation.database import FeatureDatabase
from mlcore.vectors import faiss_index

Kind = Literal["flat", "hnsw", "ivfpq"]
FOLDER, FILE = "index", "descriptors.faiss"
FLAT_UP_TO = 1_000_000
HNSW_SEARCH = 128
CODE_BYTES = 64
PROBES_SHARE, LEAST_PROBES = 0.03, 16
MOST_LISTS = 1024
STALE = 0.2
"""Where more of the entries than this stand for bases that are gone, the index is built anew."""


@dataclass(frozen=True, eq=False)
class Proposals:
    """Bases by the likeness of their descriptors, likest first: numbers (N,) and cosines (N,)."""

    numbers: np.ndarray
    likeness: np.ndarray


class DescriptorIndex:
    """Descriptors by the numbers of their bases; a base may have several.

    Args:
        index: FAISS's, of inner products, that knows entries by the number of their base.
        kind: which one it is.
        model: digest of the model that described.
        next_number: bases from this number on are not in it.
        hold: on its file, while that is memory-mapped.
    """

    def __init__(
        self, index: Any, kind: Kind, model: str, next_number: int = 0, hold: generations.Hold | None = None
    ) -> None:
        self.index, self.kind, self.model, self.next_number, self._hold = index, kind, model, next_number, hold

    @classmethod
    def of(
        cls, descriptors: np.ndarray, numbers: np.ndarray, model: str = "", kind: Kind | None = None, seed: int = 0
    ) -> DescriptorIndex:
        """An index of descriptors that are at hand.

        Args:
            descriptors: (N, D) unit vectors; numbers: (N,) of their bases.
            kind: None: the one that is right for as many.
        """
        made = cls(None, _kind(kind, len(descriptors)), model)
        made.index = _empty(
            made.kind, descriptors.shape[1], len(descriptors), _sample([descriptors], len(descriptors), seed)
        )
        made.add(descriptors, numbers)
        return made

    @classmethod
    def update(cls, database: FeatureDatabase, kind: Kind | None = None, seed: int = 0) -> DescriptorIndex:
        """The index of a database, saved beside it: new bases are added, and it is built anew where too many are gone.

        A new index is trained on a sample of the descriptors, drawn by the seed, and memory stays at the sample, one
        shard and the index itself.

        Raises:
            FeatureDatabaseError: the database has no base, or another process writes.
        """
        if not len(database):
            raise FeatureDatabaseError(
                f"the database {database.folder.name} has no base: add some before it is indexed"
            )
        try:
            found = cls.open(database)
        except FeatureDatabaseError:
            found = None
        _, per_base, size = next(database.descriptors())[1].shape
        count = len(database) * per_base
        wanted = _kind(kind, count)
        if found is not None and found.kind == wanted:
            stale = found.index.ntotal - int((database.numbers < found.next_number).sum()) * per_base
            if stale > STALE * count:
                found = None
            elif found.next_number == database.next_number:
                return found
        if found is not None and found.kind == wanted:
            found = cls.open(database, mapped=False)
        else:
            sample = _sample((one.reshape(-1, size) for _, one in database.descriptors()), count, seed)
            found = cls(_empty(wanted, size, count, sample), wanted, database.model)
        for numbers, block in database.descriptors(least=found.next_number):
            found.add(block.reshape(-1, block.shape[2]), np.repeat(numbers, block.shape[1]))
        found.next_number = database.next_number
        with files.writing(database.folder):
            found.save(database.folder / FOLDER)
        return cls.open(database)

    @classmethod
    def open(cls, database: FeatureDatabase, *, mapped: bool = True) -> DescriptorIndex:
        """The saved index of a database, memory-mapped unless it is to grow.

        Raises:
            FeatureDatabaseError: there is none, or it is damaged.
            OtherModelError: it is of another model than the database.
        """
        folder = database.folder / FOLDER

        def loaded(made: Path, about: dict[str, Any]) -> tuple[Any, Kind, str, int]:
            if about["kind"] not in get_args(Kind):
                raise ValueError(f"no index {about['kind']!r}")
            index = faiss_index.read(made / FILE, mapped=mapped)
            return index, about["kind"], str(about["model"]), int(about["next_number"])

        try:
            (index, kind, model, next_number), hold = generations.read(folder, loaded)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise FeatureDatabaseError(
                f"the index of {database.folder.name} is missing or damaged ({error}): make it with locate build "
                "--index"
            ) from error
        if model != database.model:
            raise OtherModelError(
                f"the index of {database.folder.name} is of another model: delete {folder} and make it again with "
                "locate build --index"
            )
        if hold is not None and not mapped:
            hold.release()
        return cls(index, kind, model, next_number, hold)

    def save(self, folder: Path) -> None:
        """Write the index; a reader has the former one until this one is whole."""
        about = {"kind": self.kind, "model": self.model, "next_number": self.next_number}
        with generations.writing(folder, about) as made:
            faiss_index.faiss().write_index(self.index, str(made / FILE))

    def add(self, descriptors: np.ndarray, numbers: np.ndarray) -> None:
        """Add (N, D) descriptors of bases (N,)."""
        self.index.add_with_ids(np.ascontiguousarray(descriptors, np.float32), np.ascontiguousarray(numbers, np.int64))
        if len(numbers):
            self.next_number = max(self.next_number, int(numbers.max()) + 1)

    def propose(self, descriptor: np.ndarray, count: int, among: np.ndarray | None = None) -> Proposals:
        """The likest bases, each once.

        Args:
            descriptor: (D,) unit vector.
            among: numbers of the bases that may be proposed; the others are left out while it searches, so that they
                push out none of these. None: all that are in the index.
        """
        faiss = faiss_index.faiss()
        if among is not None and not len(among):
            return Proposals(np.zeros(0, np.int64), np.zeros(0, np.float32))
        chosen = None if among is None else faiss.IDSelectorBitmap(faiss_index.bitmap(among))
        query = np.ascontiguousarray(descriptor, np.float32)[None]
        entries, reach = min(count, self.index.ntotal), 1
        while True:
            how, whole = self._parameters(chosen, reach)
            likeness, numbers = self.index.search(query, entries, params=how)
            found = numbers[0] >= 0
            kept, first = np.unique(numbers[0][found], return_index=True)
            exhausted = whole and (entries == self.index.ntotal or not found.all())
            if len(kept) >= count or exhausted:
                order = np.sort(first)[:count]
                return Proposals(numbers[0][found][order], likeness[0][found][order])
            if found.all():  # several entries of a base crowd out others
                entries = min(2 * entries, self.index.ntotal)
            if not whole:  # few of those that may be proposed lie in the lists that were read
                reach *= 4

    def _parameters(self, chosen: Any, reach: int) -> tuple[Any, bool]:
        """How FAISS searches, `reach` times as far as is usual, and whether that is as far as it goes."""
        faiss = faiss_index.faiss()
        if self.kind == "flat":
            return faiss.SearchParameters(sel=chosen), True
        if self.kind == "hnsw":
            far = min(HNSW_SEARCH * reach, self.index.ntotal)
            return faiss.SearchParametersHNSW(efSearch=far, sel=chosen), far == self.index.ntotal
        lists = faiss.extract_index_ivf(self.index).nlist
        probes = min(lists, reach * max(LEAST_PROBES, math.ceil(PROBES_SHARE * lists)))
        return faiss.SearchParametersIVF(nprobe=probes, sel=chosen), probes == lists


def _kind(kind: Kind | None, count: int) -> Kind:
    if kind is not None and kind not in get_args(Kind):
        raise ConfigError(f"no index {kind!r}: choose from {', '.join(get_args(Kind))}")
    return kind or ("flat" if count <= FLAT_UP_TO else "ivfpq")


def _empty(kind: Kind, size: int, count: int, sample: np.ndarray) -> Any:
    """An index without entries, trained where it needs to be."""
    if kind == "flat":
        return faiss_index.flat(size)
    if kind == "hnsw":
        return faiss_index.hnsw(size)
    code = faiss_index.product_code(size, CODE_BYTES, len(sample))
    return faiss_index.ivf(size, faiss_index.lists_for(count, len(sample), MOST_LISTS), code, sample)


def _sample(blocks: Iterable[np.ndarray], count: int, seed: int) -> np.ndarray:
    return faiss_index.sample_of(blocks, count, MOST_LISTS, seed)
