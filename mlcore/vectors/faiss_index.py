"""The kinds of FAISS indexes that are used here: made, trained, read, and held to a choice of ids."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mlcore.errors import MissingPackageError

HNSW_LINKS, HNSW_BUILD = 32, 80
SAMPLE_PER_LIST, ROUNDS = 40, 10
CODES_PER_PART = 256
FEW_QUERIES = 8


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
    return f"PQ{parts_of(size, code_bytes)}x{bits_for(sample)}np"


def parts_of(size: int, code_bytes: int) -> int:
    """Equal parts of `size` numbers, as many as there are bytes for."""
    return max(part for part in range(1, min(code_bytes, size) + 1) if size % part == 0)


def bits_for(sample: int) -> int:
    """Of each part's code, as many as so many entries can train."""
    return 8 if sample >= CODES_PER_PART else max(1, int(math.log2(max(sample, 2))))


def ivfpq(size: int, lists: int, code_bytes: int, sample: np.ndarray) -> Any:
    """Lists of likes whose entries are kept by a product quantiser; trained.

    Vectors are turned first, so that each part of a code has as much to tell as the others: what the lists leave of
    embeddings lies along a few directions, and parts of these alone would spend their bits on little. The turn is that
    of parametric optimised product quantisation (Ge et al. 2013): principal directions, dealt out to the parts.

    Args:
        code_bytes: of an entry, at most.
        sample: (N, size) float32 to train on.
    """
    package, metric = faiss(), faiss().METRIC_INNER_PRODUCT
    coarse = ivf(size, lists, "Flat", sample)
    middles = package.downcast_index(coarse.quantizer).reconstruct_n(0, lists)
    left = sample - middles[coarse.quantizer.search(sample, 1)[1][:, 0]]
    parts = parts_of(size, code_bytes)
    turn = turn_for(left, parts)
    turned = package.IndexFlatIP(size)
    turned.add(np.ascontiguousarray(middles @ turn.T))
    inner = package.IndexIVFPQ(turned, size, lists, parts, bits_for(len(sample)), metric)
    inner.pq.cp.niter, inner.pq.cp.min_points_per_centroid, inner.do_polysemous_training = ROUNDS, 1, False
    inner.train(np.ascontiguousarray(sample @ turn.T))
    matrix = package.LinearTransform(size, size, False)
    package.copy_array_to_vector(turn.ravel(), matrix.A)
    matrix.is_trained = matrix.is_orthonormal = True
    return package.IndexPreTransform(matrix, inner)


def turn_for(vectors: np.ndarray, parts: int) -> np.ndarray:
    """(D, D) float32 orthonormal: principal directions of (N, D), in `parts` of D / parts whose spreads multiply to
    about the same, so that an equal code fits each."""
    spread, directions = np.linalg.eigh(np.atleast_2d(np.cov(vectors.T.astype(np.float64))))
    worth = np.log(np.maximum(spread, max(float(spread[-1]), 1e-30) * 1e-9))
    dealt: list[list[int]] = [[] for _ in range(parts)]
    held = np.zeros(parts)
    for one in np.argsort(-worth):
        open_parts = [part for part in range(parts) if len(dealt[part]) < len(spread) // parts]
        least = min(open_parts, key=lambda part: held[part])
        dealt[least].append(int(one))
        held[least] += worth[one] - worth.min()
    return np.ascontiguousarray(directions[:, np.concatenate(dealt).astype(int)].T, np.float32)


def is_turned(index: Any) -> bool:
    """Whether vectors are turned before they are kept (`ivfpq`)."""
    return isinstance(index, faiss().IndexPreTransform)


def parameters(index: Any, probes: int, selector: Any) -> Any:
    """How an index of lists is searched: so many of them, and of these what a selector lets through."""
    inner = faiss().SearchParametersIVF(nprobe=probes, sel=selector)
    if not is_turned(index):
        return inner
    return faiss().SearchParametersPreTransform(index_params=inner)


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


@contextmanager
def threads_for(queries: int) -> Iterator[None]:
    """One thread for a few queries: each takes a millisecond or two, and threads wait longer for one another on a
    machine that has other work."""
    before = faiss().omp_get_max_threads()
    if queries < FEW_QUERIES:
        faiss().omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss().omp_set_num_threads(before)


def bitmap(ids: np.ndarray) -> np.ndarray:
    """Bits of the ids that are chosen, as FAISS counts them."""
    bits = np.zeros(int(ids.max()) + 1, bool)
    bits[ids] = True
    return np.packbits(bits, bitorder="little")
