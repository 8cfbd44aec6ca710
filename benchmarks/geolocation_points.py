"""How the search by local features grows: seconds and recall from 100 to 10,000 bases.

    python benchmarks/geolocation_points.py --work FOLDER [--queries 24] [--most 10000]

Writes benchmarks/results/geolocation_points.json. A query is the points of one picture, the inverted file's nearest
words, the votes, and the points of the best ten bases matched; fine placing, which costs the same however many bases
there are, is left out. Queries are cut from Zanzibar, Nairobi and Austin as `geolocation.py` cuts its own; they show
the very imagery of their bases (one flight), which favours local features.

Real: the bases of that benchmark, without made towns. Simulated, and told as such: beyond those, bases with the words
of two real ones, half of each, with noise as between two views of a point, at places drawn anew.

Figures: s_N and cpu_s_N, median seconds of a query among N bases; r1_N, share whose first base is right; words_N;
mb_N, of the index and its places on the disk; build_s_N, seconds to train and fill it; growth_100_to_N.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import data_folder, write_result
from mlcore.evaluation.geolocation.queries import cut, draw_queries
from mlcore.geolocation.bases import Base, BaseSource
from mlcore.geolocation.local.features import LocalFeatures, local_features
from mlcore.geolocation.local.index import WordIndex
from mlcore.geolocation.local.level import NEIGHBOURS, QUICK
from mlcore.geolocation.local.matching import matched
from mlcore.geolocation.local.store import BLOCKS, LocalSettings, LocalStore, write_block
from mlcore.geolocation.local.votes import vote
from mlcore.suites.geolocation import standard_suite

PLACES, SEED, SIZES, BLOCK, NOISE = ("zanzibar", "nairobi", "austin"), 0, (100, 1000, 10_000), 256, 40.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--queries", type=int, default=24)
    parser.add_argument("--most", type=int, default=SIZES[-1])
    args = parser.parse_args()
    suite = standard_suite(data_folder(), args.work, queries=1, made_towns=0)
    sites = {site.name: site for site in suite.sites if site.place in PLACES}
    plans = draw_queries(list(sites.values()), suite.reference, args.queries, SEED + 1)
    queries = [cut(plan, sites[plan.site].ground) for plan in plans]
    wanted = {name for plan in plans for name in plan.relevant}
    order = sorted(suite.reference.bases, key=lambda base: base.name not in wanted)
    real = features_of(order, suite.reference.source)
    figures: dict[str, float] = {"queries": len(plans), "real_bases": len(real)}
    for count in [size for size in SIZES if size <= args.most]:
        store = stored(real, count, args.work / f"points-{count}")
        start = time.perf_counter()
        index = WordIndex.update(store, store.numbers, count)
        built = time.perf_counter() - start
        walls, processor, right = [], [], []
        for plan, picture in zip(plans, queries, strict=True):
            wall, cpu = time.perf_counter(), time.process_time()
            best = found(store, index, picture, count)
            walls.append(time.perf_counter() - wall)
            processor.append(time.process_time() - cpu)
            right.append(best is not None and best < len(order) and order[best].name in plan.relevant)
        size = sum(path.stat().st_size for path in (store.folder / "index").rglob("*") if path.is_file()) / 1e6
        told = {"s": np.median(walls), "cpu_s": np.median(processor), "r1": np.mean(right), "words": len(index),
                "mb": size, "build_s": built}  # fmt: skip
        figures |= {f"{name}_{count}": round(float(value), 4) for name, value in told.items()}
        figures[f"growth_100_to_{count}"] = round(figures[f"cpu_s_{count}"] / figures["cpu_s_100"], 3)
        print(count, told, flush=True)
    write_result(
        "geolocation_points", figures, seeds=[SEED], command="python benchmarks/geolocation_points.py --work WORK"
    )


def features_of(bases: list[Base], source: BaseSource) -> list[LocalFeatures]:
    """Those of real bases, in their order."""
    settings = LocalSettings()
    return [
        local_features(*source.read(base), settings.points_of(base.height, base.width), settings.most_px)
        for base in bases
    ]


def stored(real: list[LocalFeatures], count: int, folder: Path) -> LocalStore:
    """A store of so many bases: the real ones, then simulated ones."""
    store, rng = LocalStore.create(folder, LocalSettings()), np.random.default_rng(SEED)
    if store.blocks:
        return store
    for start in range(0, count, BLOCK):
        rows = [
            (number, real[number] if number < len(real) else simulated(real, rng))
            for number in range(start, min(start + BLOCK, count))
        ]
        write_block(store.folder / BLOCKS, start // BLOCK + 1, rows)
    return LocalStore.open(folder)


def simulated(real: list[LocalFeatures], rng: np.random.Generator) -> LocalFeatures:
    """Half of the words of each of two real bases, with noise, at drawn places."""
    parts = [real[int(number)] for number in rng.integers(len(real), size=2)]
    kept = [one.words[rng.random(len(one)) < 0.5].astype(np.float32) for one in parts]
    words = np.concatenate(kept)
    noisy = np.clip(words + rng.normal(0, NOISE / np.sqrt(128), words.shape), 0, 255).astype(np.uint8)
    side = max(float(one.xy.max(initial=1.0)) for one in parts)
    size = np.exp(rng.uniform(np.log(2), np.log(40), len(words)))
    points = np.column_stack([rng.uniform(0, side, (len(words), 2)), size, rng.uniform(0, 2 * np.pi, len(words))])
    return LocalFeatures.of_points(points.astype(np.float32), noisy)


def found(store: LocalStore, index: WordIndex, picture: tuple[np.ndarray, np.ndarray], count: int) -> int | None:
    """The number of the base that a picture's points choose."""
    rgb, valid = picture
    query, size = local_features(rgb, valid, QUICK.points, QUICK.px, QUICK.drawn), (rgb.shape[1], rgb.shape[0])
    cells = vote(query, size, index.search(query.words, NEIGHBOURS), index, 10)
    matches = [matched(query, store.features(cell.number), cell, 2048.0**2, count) for cell in cells]
    best = min((one for one in matches if one is not None), key=lambda one: one.log10_nfa, default=None)
    return None if best is None else best.number


if __name__ == "__main__":
    main()
