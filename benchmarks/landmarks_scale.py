"""Search among a million embeddings: milliseconds, against a brute-force product in NumPy, and what it loses.

    python benchmarks/landmarks_scale.py [--count 1000000] [--kinds ivfpq ivfsq] [--work FOLDER] [--weights FILE]

Writes benchmarks/results/landmarks_scale.json. The embeddings are simulated, and told as such: mixtures of real ones of
one cluster, with noise of the covariance that real ones have within a cluster (`landmarks_scale_vectors.py`), from the
model's embeddings of UC Merced's photos and of the tiles of five places. The queries are real: photos of UC Merced that
are not among the former, and sentences. Store and index are the product's own (`mlcore.vectors`), from the first write
to the last search; the vectors lie on the disk and are mapped, as are the index's codes.

Rounds alternate the store's search and NumPy's product of the query with all vectors (float32, in memory, and the ten
likest by `argpartition`), on the same threads; what NumPy finds is the truth that recall is held against.

Figures: p95_ms_1e6, p50_ms_1e6 of a search for ten; numpy_ms; ratio_to_numpy, of the medians; recall10, over all
queries, and recall10_aerial, recall10_text; allowed_K_..., the same where K ids alone may be found; KIND_...: of every
kind that was asked for; build_s, index_mb, vectors_mb; update_s and update_mb of 10,000 vectors more; spectrum_real and
spectrum_simulated, how many directions the vectors take up. `count` other than a million names nothing 1e6.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

THREADS = "2"
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = os.environ.get("BENCH_THREADS", THREADS)  # before NumPy is loaded

import numpy as np  # noqa: E402

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import write_result  # noqa: E402
from benchmarks.landmarks_scale_vectors import real_vectors, simulated, spectrum  # noqa: E402
from mlcore.vectors import VectorStore  # noqa: E402
from mlcore.vectors.index import BEST  # noqa: E402

SEED, COUNT, MORE = 0, 10, 10_000
ALLOWED = (1_000, 100_000, 500_000)


def main() -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--kinds", nargs="+", default=[BEST], help="of index; the first one gives the main figures")
    parser.add_argument("--queries", type=int, default=100, help="of each kind of query")
    parser.add_argument("--weights", type=Path, help="of the model (default: those that ship)")
    parser.add_argument("--work", type=Path, help="keep the real vectors and the store here, to go on with them")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = args.work or Path(scratch)
        real = real_vectors(args.weights, work / "real.npz")
        store, figures = filled(real["fill"], args.count, work / f"store-{args.count}")
        queries = {name: real[name][: args.queries] for name in ("aerial", "text")}
        everything = np.concatenate([block for _, block in store.blocks()])
        ids = np.concatenate([some for some, _ in store.blocks()])
        figures |= {"spectrum_real": spectrum(real["fill"]), "spectrum_simulated": spectrum(everything[:20_000])}
        name = "1e6" if args.count == 1_000_000 else str(args.count)
        for number, kind in enumerate(args.kinds):
            told = measured(store, kind, everything, ids, queries, name)
            print({kind: told}, flush=True)
            figures |= told if number == 0 else {}
            figures |= {f"{kind}_{key}": value for key, value in told.items()}
        figures |= grown(store, real["fill"], args.kinds[0])
        shutil.rmtree(work / f"store-{args.count}", ignore_errors=args.work is None) if args.work is None else None
    figures |= {
        "count": args.count, "dimension": int(everything.shape[1]), "threads": int(os.environ["OMP_NUM_THREADS"]),
        "queries": sum(len(one) for one in queries.values()), "load_average": round(os.getloadavg()[0], 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }  # fmt: skip
    write_result("landmarks_scale", {key: round(value, 4) for key, value in figures.items()}, seeds=[SEED])
    return 0


def filled(real: np.ndarray, count: int, folder: Path) -> tuple[VectorStore, dict[str, float]]:
    """The store of the real vectors and simulated ones."""
    store = VectorStore.create(folder, "benchmark", real.shape[1])
    start = time.perf_counter()
    if len(store) < count:
        store.add(np.arange(len(real)), real)
        done = len(real)
        for block in simulated(real, count - len(real), SEED):
            store.add(np.arange(done, done + len(block)), block)
            done += len(block)
            print(f"{done} vectors", flush=True)
    return store, {
        "fill_s": time.perf_counter() - start,
        "vectors_mb": sum(file.stat().st_size for file in (folder / "log").rglob("*.npy")) / 1e6,
    }


def measured(
    store: VectorStore, kind: str, everything: np.ndarray, ids: np.ndarray, queries: dict[str, np.ndarray], name: str
) -> dict[str, float]:
    """What an index of a kind costs, how fast it answers and what it loses."""
    start = time.perf_counter()
    store.update_index(kind)
    told = {"build_s": time.perf_counter() - start}
    told["index_mb"] = sum(file.stat().st_size for file in (store.folder / "index").glob("*.faiss")) / 1e6
    found: dict[str, list[float]] = {}
    ours, theirs = [], []
    for modality, vectors in queries.items():
        store.search(vectors[0], COUNT)  # pages of the index are brought into memory once
        for query in vectors:
            start = time.perf_counter()
            likest = store.search(query, COUNT).ids[0]
            ours.append(time.perf_counter() - start)
            start = time.perf_counter()
            true = _likest(everything @ query, COUNT)
            theirs.append(time.perf_counter() - start)
            found.setdefault(modality, []).append(len(set(likest) & set(ids[true])) / COUNT)
    told |= {f"recall10_{modality}": float(np.mean(values)) for modality, values in found.items()}
    told["recall10"] = float(np.mean([value for values in found.values() for value in values]))
    told[f"p50_ms_{name}"], told[f"p95_ms_{name}"] = (1000 * np.quantile(ours, (0.5, 0.95))).tolist()
    told["numpy_ms"] = 1000 * float(np.median(theirs))
    told["ratio_to_numpy"] = float(np.median(theirs) / np.median(ours))
    rng = np.random.default_rng(SEED)
    for many in (many for many in ALLOWED if many < len(ids)):
        told |= narrowed(store, everything, ids, queries, rng.permutation(len(ids))[:many])
    return told


def narrowed(
    store: VectorStore, everything: np.ndarray, ids: np.ndarray, queries: dict[str, np.ndarray], rows: np.ndarray
) -> dict[str, float]:
    """The same where some ids alone may be found, asked by a few of the queries."""
    allowed, part, name = ids[rows], everything[rows], f"allowed_{len(rows)}"
    times, recalls, outside = [], [], 0
    for query in (query for vectors in queries.values() for query in vectors[:20]):
        start = time.perf_counter()
        likest = store.search(query, COUNT, allowed=allowed).ids[0]
        times.append(time.perf_counter() - start)
        recalls.append(len(set(likest) & set(allowed[_likest(part @ query, COUNT)])) / COUNT)
        outside += len(set(likest) - set(allowed))
    return {
        f"{name}_p95_ms": 1000 * float(np.quantile(times, 0.95)),
        f"{name}_recall10": float(np.mean(recalls)),
        f"{name}_outside": float(outside),
    }


def grown(store: VectorStore, real: np.ndarray, kind: str) -> dict[str, float]:
    """What it costs to bring the index up to vectors that came since."""
    store.update_index(kind)
    first = int(store.ids[-1]) + 1
    store.add(np.arange(first, first + MORE), np.concatenate(list(simulated(real, MORE, SEED + 1))))
    start = time.perf_counter()
    query = real[0]
    store.search(query, COUNT)
    unindexed = time.perf_counter() - start
    start = time.perf_counter()
    store.update_index(kind)
    told = {"update_s": time.perf_counter() - start, "search_before_update_ms": 1000 * unindexed}
    store.remove(np.arange(first, first + MORE))
    store.update_index(kind)
    return told


def _likest(likeness: np.ndarray, count: int) -> np.ndarray:
    return np.argpartition(-likeness, min(count, len(likeness) - 1))[:count]


if __name__ == "__main__":
    sys.exit(main())
