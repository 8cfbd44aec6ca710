"""How geolocation grows: seconds per query from 100 to 10,000 bases, and a simulated million.

    python benchmarks/geolocation_scale.py [--weights FILE] [--million 1000000] [--work FOLDER]

Writes benchmarks/results/geolocation_scale.json. A query is one forward pass, the index's proposals, and coarse
matching of what is proposed; fine placement of the best base, which costs the same however many there are, is left out.

Real: bases of 1024 px cut from the imagery of shared/data, UC Merced's pictures as distractors, and queries of 500 to
900 px of places that no training saw (Banepa, Dhaka, Nacala, Bakerlake), at any angle, at scales of 0.5 to 2, relit and
blurred. Simulated, and told as such: bases beyond the real large ones are these with their tokens turned, mirrored and
moved, and noise added; descriptors beyond the real ones are sums of two real ones with random weights, and noise as
long as nearest real ones are apart. A simulated base costs what a real one costs. At a million the simulated bases
have descriptors alone, so a query is lost where it is found among all real bases when all are compared, and is not
proposed among the million.

Seconds are told by the clock and, as cpu_..., of the processor: the latter where others use the machine, and the
growth is theirs (growth_100_to_10000_wall by the clock).

Figures: growth_100_to_10000, ratio of seconds per query (two levels); s_per_query_N and exhaustive_s_per_query_N;
s_per_query_1e6_simulated; recall_loss_1e6, in points of R@1; recall_exhaustive, R@1 of comparing all real bases;
proposed_K_real_cells_C, share of queries whose base is among K proposals of the real bases with C x C cells a base;
KIND_N_..., build and search seconds, share of the exact neighbours that are found, and megabytes of an index.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import write_result
from benchmarks.geolocation_scale_bases import SEED, SIDE, drawn, grown, real_bases, right_bases, simulated
from mlcore.geolocation.database import DatabaseSettings, FeatureDatabase
from mlcore.geolocation.features import PictureFeatures
from mlcore.geolocation.index import DescriptorIndex, Kind
from mlcore.geolocation.model import LocatorModel
from mlcore.geolocation.search import compare_all, compare_proposed, propose
from mlcore.geolocation.upkeep import build

PROPOSALS = 200
CELLS = 3
GROWN = (100, 1000, 10_000)
TIMED = 8


def main() -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=None, help="of the locator (those that ship)")
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--million", type=int, default=1_000_000)
    parser.add_argument("--hnsw", type=int, default=10_000, help="entries up to which HNSW is built, too")
    parser.add_argument("--work", type=Path, help="keep databases here, to go on with them")
    args = parser.parse_args()
    from mlcore.cli.locate_find import load_model

    model = load_model(args.weights, "cpu")
    with tempfile.TemporaryDirectory() as scratch:
        work = args.work or Path(scratch)
        source = real_bases()
        database = build(source, model, work / "real", settings=DatabaseSettings(cells=CELLS, shard_bases=64))
        print(f"{len(database)} real bases", flush=True)
        queries = list(drawn(args.queries))
        seen = [model.features(rgb, valid, role="query") for rgb, valid, *_ in queries]
        truth = [right_bases(database, place, centre) for *_, place, centre in queries]
        figures: dict[str, float] = {"real_bases": len(database), "queries": len(queries)}
        exhaustive = [compare_all(model, database, one, 10) for one in seen]
        right = np.array([one.numbers[0] in true for one, true in zip(exhaustive, truth, strict=True)])
        figures["recall_exhaustive"] = round(float(right.mean()), 4)
        figures |= proposed_of_real(database, seen, truth)
        print(figures, flush=True)
        figures |= growth(model, database, queries, work)
        print(figures, flush=True)
        figures |= million(model, database, queries, seen, truth, right, args.million, args.hnsw)
        figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    write_result("geolocation_scale", figures, seeds=[SEED])
    return 0


def proposed_of_real(database: FeatureDatabase, seen: list[PictureFeatures], truth: list[set[int]]) -> dict[str, float]:
    """How often the right base is proposed, with one descriptor a base and with cells as well."""
    blocks = list(database.descriptors())
    figures = {}
    for cells in (1, CELLS):
        index = DescriptorIndex.of(*_entries(blocks, cells), kind="flat")
        for count in (10, 50, PROPOSALS):
            hits = [
                bool(true & set(propose(index, one, count).numbers.tolist()))
                for one, true in zip(seen, truth, strict=True)
            ]
            figures[f"proposed_{count}_real_cells_{cells}"] = round(float(np.mean(hits)), 4)
    return figures


def growth(model: LocatorModel, real: FeatureDatabase, queries: list, work: Path) -> dict[str, float]:
    """Seconds per query of databases of large bases."""
    figures: dict[str, float] = {}
    for count in GROWN:
        database = grown(real, work / f"grown-{count}", count)
        index = DescriptorIndex.update(database)
        two_levels = partial(compare_proposed, model, database, index, count=10, proposals=PROPOSALS)
        for name, search in (
            ("s_per_query", two_levels),
            ("exhaustive_s_per_query", partial(compare_all, model, database, count=10)),
        ):

            def asked(rgb: np.ndarray, valid: np.ndarray, search: Callable = search) -> None:
                search(query=model.features(rgb, valid, role="query"))

            figures |= _timed(asked, queries, name, str(count))
    figures["growth_100_to_10000"] = round(figures["cpu_s_per_query_10000"] / figures["cpu_s_per_query_100"], 3)
    figures["growth_100_to_10000_wall"] = round(figures["s_per_query_10000"] / figures["s_per_query_100"], 3)
    return figures


def million(
    model: LocatorModel, database: FeatureDatabase, queries: list, seen: list[PictureFeatures], truth: list[set[int]],
    right: np.ndarray, count: int, hnsw: int,
) -> dict[str, float]:  # fmt: skip
    """Kinds of indexes at growing sizes, then a query among a million, with what it loses."""
    rng, figures = np.random.default_rng(SEED), {}
    descriptors, numbers = _entries(list(database.descriptors()), 1)
    fill = np.concatenate(
        [simulated(descriptors, min(100_000, count - start), rng) for start in range(0, count, 100_000)]
    )
    views = np.stack([view.descriptor for one in seen for view in one.scales])
    made: DescriptorIndex | None = None
    for size in sorted({size for size in (10_000, 100_000) if size < count} | {count}):
        entries = np.concatenate([descriptors, fill[: size - len(descriptors)]])
        owners = np.concatenate([numbers, np.arange(len(entries) - len(numbers)) + database.next_number])
        exact = None
        for kind in ("flat", "ivfpq", "hnsw"):
            if kind == "hnsw" and size > hnsw:
                continue
            told, found, made = measured(kind, entries, owners, views)
            exact = found if exact is None else exact
            told["found"] = round(
                float(np.mean([len(set(a) & set(b)) / len(a) for a, b in zip(exact, found, strict=True)])), 4
            )
            figures |= {f"{kind}_{size}_{name}": value for name, value in told.items()}
            print({kind: size, **told}, flush=True)
            if size == count:
                figures |= _among_all(model, database, made, kind, queries, seen, truth, right)
    # the quicker one of those that lose no more than two points
    best = min(
        ("flat", "ivfpq"),
        key=lambda kind: (figures[f"recall_loss_1e6_{kind}"] > 2, figures[f"cpu_s_per_query_1e6_{kind}"]),
    )
    figures["s_per_query_1e6_simulated"] = figures[f"s_per_query_1e6_{best}"]
    figures["cpu_s_per_query_1e6_simulated"] = figures[f"cpu_s_per_query_1e6_{best}"]
    figures["recall_loss_1e6"] = figures[f"recall_loss_1e6_{best}"]
    return figures


def measured(
    kind: Kind, entries: np.ndarray, owners: np.ndarray, views: np.ndarray
) -> tuple[dict[str, float], list[np.ndarray], DescriptorIndex]:
    """What an index costs, and what it finds for each view of the queries."""
    start = time.perf_counter()
    index = DescriptorIndex.of(entries, owners, kind=kind)
    built = time.perf_counter() - start
    start = time.perf_counter()
    found = [index.propose(view, PROPOSALS).numbers for view in views]
    searched = (time.perf_counter() - start) / len(views)
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder))
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 1e6
    return {"build_s": round(built, 1), "search_s": round(searched, 5), "mb": round(size, 1)}, found, index


def _among_all(
    model: LocatorModel, database: FeatureDatabase, index: DescriptorIndex, kind: str, queries: list,
    seen: list[PictureFeatures], truth: list[set[int]], right: np.ndarray,
) -> dict[str, float]:  # fmt: skip
    """R@1 lost by proposing, and seconds of a query, among real and simulated descriptors together."""
    figures = {}
    for count in (PROPOSALS, 5 * PROPOSALS):
        hits = np.array(
            [
                bool(true & set(propose(index, one, count).numbers.tolist()))
                for one, true in zip(seen, truth, strict=True)
            ]
        )
        figures[f"recall_loss_1e6_{kind}_{count}"] = round(100 * float((right & ~hits).mean()), 2)
    stand_ins = database.numbers[database.sizes.min(axis=1) >= SIDE]

    def asked(rgb: np.ndarray, valid: np.ndarray) -> None:
        query = model.features(rgb, valid, role="query")
        proposed = propose(index, query, PROPOSALS).numbers
        # simulated bases have no tokens: as many real large ones are read and compared in their place
        for block in database.chosen(stand_ins[: len(proposed)]):
            repeats = -(-len(proposed) // max(1, len(block.numbers)))
            model.compare_many(
                query,
                np.concatenate([block.tokens] * repeats)[: len(proposed)],
                np.concatenate([block.valid] * repeats)[: len(proposed)],
            )

    figures |= _timed(asked, queries, "s_per_query_1e6", kind)
    figures[f"recall_loss_1e6_{kind}"] = figures[f"recall_loss_1e6_{kind}_{PROPOSALS}"]
    return figures


def _timed(asked: Callable, queries: list, name: str, which: str) -> dict[str, float]:
    """Median seconds of a query by the clock and of the processor; the first one warms up."""
    walls, processor = [], []
    for rgb, valid, *_ in [queries[0], *queries[:TIMED]]:
        wall, cpu = time.perf_counter(), time.process_time()
        asked(rgb, valid)
        walls.append(time.perf_counter() - wall)
        processor.append(time.process_time() - cpu)
    return {
        f"{name}_{which}": round(float(np.median(walls[1:])), 4),
        f"cpu_{name}_{which}": round(float(np.median(processor[1:])), 4),
    }


def _entries(blocks: list[tuple[np.ndarray, np.ndarray]], cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Descriptors and the numbers of their bases: of the whole bases alone, or of their cells as well."""
    kept = [found[:, : 1 + (cells > 1) * cells**2] for _, found in blocks]
    numbers = [np.repeat(number, part.shape[1]) for (number, _), part in zip(blocks, kept, strict=True)]
    return np.concatenate([part.reshape(-1, part.shape[2]) for part in kept]), np.concatenate(numbers)


if __name__ == "__main__":
    sys.exit(main())
