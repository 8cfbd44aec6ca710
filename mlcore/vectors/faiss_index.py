"""The kinds of FAISS indexes that are used here: made, trained, read, and held to a choice of ids."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.errors import MissingPackageError

HNSW_LINKS, HNSW_BUILD = 32, 80
SAMPLE_PER_LIST, ROUNDS = 40, 10
CODES_PER_PART = 256


def faiss() -> Any:
    """The package.

    Raises:
        MissingPackageError: it is not installed.
    """
    try:
        import faiss as package
    except ImportError as error:
        raise MissingPackageError(
            "searching through an index needs FAISS: install faiss-cpu, or compare everything"
        ) from error
    return package


def flat(size: int) -> Any:
    """Every entry is compared, in float32."""
    return faiss().IndexIDMap(faiss().IndexFlatIP(size))


def hnsw(size: int) -> Any:
    """A graph of neighbours."""
    graph = faiss().IndexHNSWFlat(size, HNSW_LINKS, faiss().METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = HNSW_BUILD
    return faiss().IndexIDMap(graph)


def ivf(size: int, lists: int, codes: str, sample: np.ndarray) -> Any:
    """Lists of likes, of which a few are read; trained.

    Args:
        codes: what is kept of an entry, in FAISS's words, as `SQ8` or of `product_code`.
        sample: (N, size) float32 to train on.
    """
    index = faiss().index_factory(size, f"IVF{lists},{codes}", faiss().METRIC_INNER_PRODUCT)
    index.cp.niter = ROUNDS
    index.cp.min_points_per_centroid = 1  # of a small sample it warns no one
    if hasattr(index, "pq"):
        index.pq.cp.niter = ROUNDS
        index.pq.cp.min_points_per_centroid = 1
    index.train(sample)
    return index


def product_code(size: int, code_bytes: int, sample: int) -> str:
    """A product quantiser of no more bytes an entry, as fine as a sample of so many entries can train."""
    parts = max(part for part in range(1, min(code_bytes, size) + 1) if size % part == 0)
    bits = 8 if sample >= CODES_PER_PART else max(1, int(math.log2(max(sample, 2))))
    return f"PQ{parts}x{bits}np"


def lists_for(count: int, sample: int, most: int) -> int:
    """How many lists so many entries are laid into."""
    return max(1, min(most, round(4 * math.sqrt(count)), sample // 8))


def sample_of(blocks: Iterable[np.ndarray], count: int, most_lists: int, seed: int) -> np.ndarray:
    """A share of (N, D) vectors drawn evenly, large enough to train on."""
    most = SAMPLE_PER_LIST * lists_for(count, count, most_lists)
    share, rng = min(1.0, most / max(count, 1)), np.random.default_rng(seed)
    drawn = [block[rng.random(len(block)) < share] if share < 1 else block for block in blocks]
    return np.ascontiguousarray(np.concatenate(drawn), np.float32)


def read(path: Path, *, mapped: bool) -> Any:
    """An index as it was written; mapped, it can't be added to.

    Raises:
        RuntimeError: the file is damaged.
    """
    return faiss().read_index(str(path), faiss().IO_FLAG_MMAP_IFC if mapped else 0)


def bitmap(ids: np.ndarray) -> np.ndarray:
    """Bits of the ids that are chosen, as FAISS counts them."""
    bits = np.zeros(int(ids.max()) + 1, bool)
    bits[ids] = True
    return np.packbits(bits, bitorder="little")
