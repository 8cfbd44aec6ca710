"""The index beside a store's vectors: proposes the ids whose vectors are then compared as they are kept.

index/index.json        the kind, up to which write it covers the store, how many it was trained for, its file
index/00000007.faiss    memory-mapped when it is searched

An index knows ids alone. One that was removed since is left out when proposals are looked up; one that was replaced is
compared by its new vector; and what was written since is compared one by one, so that a search misses nothing new.

Which kind serves was measured (`benchmarks/landmarks_scale.py`, one processor). Up to EXACT_UP_TO vectors comparing all
takes some 12 ms and needs no index. Among a simulated million of 256 numbers each `ivfpq`, 64 bytes of each, turned
first (`faiss_index.ivfpq`), and the first 200 compared as they are kept, takes about a millisecond, is 76 MB large and
finds 98 of 100 of the ten nearest; not turned it finds 95, and 97 with 400 compared. `ivfsq`, a byte for each number,
finds no more at 100,000 and is more than five times as large. `hnsw` keeps all vectors a second time, in float32, and
nothing can be removed from it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from mlcore.errors import ConfigError
from mlcore.files import whole_file
from mlcore.vectors import faiss_index, files
from mlcore.vectors.live import LiveRows

Kind = Literal["exact", "ivfpq", "ivfsq", "hnsw"]
ABOUT = "index.json"
EXACT_UP_TO = 10_000
BEST: Kind = "ivfpq"
CODE_BYTES = 64
MOST_LISTS = 4096
PROBES_SHARE, LEAST_PROBES = 0.01, 40
HNSW_SEARCH = 128
REGROWN = 4
"""An index that was trained for so many times fewer, or more, vectors is made anew."""
STALE = 0.2
"""So is one of which nothing can be removed, where more of its entries than this count no more."""


class StoreIndex:
    """An index as it lies on disk.

    Attributes:
        name: of its file.
        covered: the last write that it knows of.
        trained_for: how many vectors there were when it was made.
    """

    def __init__(self, index: Any, kind: Kind, name: str, covered: int, trained_for: int) -> None:
        self.index, self.kind, self.name = index, kind, name
        self.covered, self.trained_for = covered, trained_for
        self._usual: dict[int, Any] = {}

    @classmethod
    def open(cls, folder: Path) -> StoreIndex | None:
        """The index of a store, memory-mapped; None where there is none, or none that can be used."""
        for _ in range(2):  # the file that was named may have been replaced before it was opened
            about = _about(folder)
            if about is None:
                return None
            path = folder / files.INDEX / about["file"]
            try:
                if path.stat().st_size == about["bytes"]:
                    index = faiss_index.read(path, mapped=True)
                    return cls(index, about["kind"], about["file"], about["covered"], about["trained_for"])
            except (OSError, RuntimeError):
                continue
        return None

    @classmethod
    def name_in(cls, folder: Path) -> str | None:
        """Name of the file that an index of this store has now; None where there is none."""
        about = _about(folder)
        return about["file"] if about else None

    @classmethod
    def update(cls, folder: Path, live: LiveRows, found: StoreIndex | None, kind: str | None, seed: int) -> Kind:
        """Bring the index up to the rows, in memory for the entries' codes and one block of vectors; see the store."""
        wanted = _kind(kind, len(live))
        if wanted == "exact":
            _forget(folder)
            return wanted
        covered = max(one.last for one in live.segments)
        made = found._brought_up(folder, live, covered) if found is not None and cls.serves(found, live, kind) else None
        if made is None:
            sample = faiss_index.sample_of(_rows(live, np.arange(len(live))), len(live), MOST_LISTS, seed)
            made = cls(_empty(wanted, live.dimension, len(live), sample), wanted, "", 0, len(live))
            made._add(live, np.arange(len(live)))
        elif found is not None and made.covered == covered:
            return wanted
        made.covered = covered
        made._save(folder)
        return wanted

    @classmethod
    def serves(cls, found: StoreIndex | None, live: LiveRows, kind: str | None) -> bool:
        """Whether no index is needed, or the one that was found is made as one is today, for about as many."""
        wanted = _kind(kind, len(live))
        if wanted == "exact" or found is None:
            return wanted == "exact"
        fits = found.kind == wanted and (wanted != "ivfpq" or faiss_index.is_turned(found.index))
        return fits and found.trained_for / REGROWN <= len(live) <= found.trained_for * REGROWN

    def propose(
        self, vectors: np.ndarray, count: int, chosen: np.ndarray | None, share: float
    ) -> Iterator[tuple[np.ndarray, bool]]:
        """Ids that are likely near, ever more of them.

        Args:
            vectors: (Q, D) float32.
            chosen: (K,) ids that may be proposed; None: all.
            share: of the vectors that these are, above 0.

        Yields:
            (Q, count) ids, -1 where there are no more, and whether that is as far as it goes.
        """
        selector = None if chosen is None else _selector(chosen)
        reach = 1 / share
        while True:
            how, whole = self._parameters(selector, reach)
            with faiss_index.threads_for(len(vectors)):
                ids = self.index.search(vectors, min(count, self.index.ntotal), params=how)[1]
            yield ids, whole
            if whole:
                return
            reach *= 4

    def _parameters(self, selector: Any, reach: float) -> tuple[Any, bool]:
        faiss = faiss_index.faiss()
        if self.kind == "hnsw":
            far = min(round(HNSW_SEARCH * reach), self.index.ntotal)
            return faiss.SearchParametersHNSW(efSearch=far, sel=selector), far == self.index.ntotal
        lists = faiss.extract_index_ivf(self.index).nlist
        probes = min(lists, round(reach * max(LEAST_PROBES, math.ceil(PROBES_SHARE * lists))))
        if selector is not None:
            return faiss_index.parameters(self.index, probes, selector), probes == lists
        if probes not in self._usual:  # making them takes longer than reading a few lists
            self._usual[probes] = faiss_index.parameters(self.index, probes, None)
        return self._usual[probes], probes == lists

    def _brought_up(self, folder: Path, live: LiveRows, covered: int) -> StoreIndex | None:
        """This index with what is new and without what is gone; None where it must be made anew."""
        if covered == self.covered:
            return self
        try:
            index = faiss_index.read(folder / files.INDEX / self.name, mapped=False)
        except RuntimeError:
            return None
        made = StoreIndex(index, self.kind, self.name, self.covered, self.trained_for)
        new = live.written_after(self.covered)
        known = made._ids()
        gone = known[(live.places_of(known) < 0) | np.isin(known, live.ids[new])]
        if len(gone) and self.kind != "hnsw":
            index.remove_ids(faiss_index.faiss().IDSelectorBatch(gone))
        elif len(gone) > STALE * len(known):
            return None
        made._add(live, new)
        return made

    def _ids(self) -> np.ndarray:
        """(N,) ids of the entries, those that count no more among them."""
        faiss = faiss_index.faiss()
        if self.kind == "hnsw":
            return np.unique(faiss.vector_to_array(self.index.id_map))
        lists = faiss.extract_index_ivf(self.index).invlists
        parts = [
            faiss.rev_swig_ptr(lists.get_ids(number), lists.list_size(number)).copy()
            for number in range(lists.nlist)
            if lists.list_size(number)
        ]
        return np.concatenate([np.zeros(0, np.int64), *parts])

    def _add(self, live: LiveRows, places: np.ndarray) -> None:
        for some, vectors in live.blocks(live.ordered(places)):
            self.index.add_with_ids(vectors, live.ids[some])

    def _save(self, folder: Path) -> None:
        """Write it under a name of its own, then name it: a reader finds the former one or this one."""
        where = folder / files.INDEX
        where.mkdir(exist_ok=True)
        taken = [int(path.stem) for path in where.glob("*.faiss") if path.stem.isdigit()]
        self.name = f"{max(taken, default=0) + 1:08d}.faiss"
        for left in where.glob(".*"):
            left.unlink(missing_ok=True)
        with whole_file(where / self.name) as scratch:
            faiss_index.faiss().write_index(self.index, str(scratch))
            size = scratch.stat().st_size
        about = {"kind": self.kind, "covered": self.covered, "trained_for": self.trained_for, "file": self.name}
        files.write_json(where / ABOUT, {**about, "bytes": size})
        _drop_others(where, self.name)


def _about(folder: Path) -> dict[str, Any] | None:
    try:
        about = json.loads((folder / files.INDEX / ABOUT).read_text(encoding="utf-8"))
        told = {name: int(about[name]) for name in ("covered", "trained_for", "bytes")}
        kind, file = str(about["kind"]), Path(str(about["file"])).name
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return {**told, "kind": kind, "file": file} if kind in get_args(Kind) else None


def _forget(folder: Path) -> None:
    where = folder / files.INDEX
    (where / ABOUT).unlink(missing_ok=True)
    _drop_others(where, "")


def _drop_others(where: Path, name: str) -> None:
    for path in where.glob("*.faiss"):
        if path.name != name:
            path.unlink(missing_ok=True)


def _kind(kind: str | None, count: int) -> Kind:
    if kind is None:
        return "exact" if count <= EXACT_UP_TO else BEST
    for known in get_args(Kind):
        if kind == known:
            return known if count else "exact"
    raise ConfigError(f"no index {kind!r}: choose from {', '.join(get_args(Kind))}")


def _empty(kind: Kind, size: int, count: int, sample: np.ndarray) -> Any:
    if kind == "hnsw":
        return faiss_index.hnsw(size)
    lists = faiss_index.lists_for(count, len(sample), MOST_LISTS)
    if kind == "ivfpq":
        return faiss_index.ivfpq(size, lists, CODE_BYTES, sample)
    return faiss_index.ivf(size, lists, "SQ8", sample)


def _rows(live: LiveRows, places: np.ndarray) -> Iterator[np.ndarray]:
    for _, vectors in live.blocks(live.ordered(places)):
        yield vectors


def _selector(chosen: np.ndarray) -> Any:
    """Holds FAISS to ids: by bits where they lie close together, else by a set."""
    faiss = faiss_index.faiss()
    if int(chosen.max()) <= 64 * len(chosen) + (1 << 24):
        return faiss.IDSelectorBitmap(faiss_index.bitmap(chosen))
    return faiss.IDSelectorBatch(chosen)
