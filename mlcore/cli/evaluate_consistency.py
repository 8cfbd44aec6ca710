"""`evaluate consistency`: every method of a suite on the same pairs, with simulated map edits."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import InvalidInputError, StoppedError

DATA_VARIABLE = "MAPWRIGHT_DATA"
STARTS = ("own", "scratch", "shipped")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--suite", required=True, help="banepa-within, cross-place, synthetic, other-map, or folder:PATH"
    )
    parser.add_argument("--data", type=Path, help=f"folder of the real places (default: ${DATA_VARIABLE})")
    parser.add_argument("--out", type=Path, required=True, help="folder of scores, models, results; the same goes on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="of the training (0 1 2)")
    parser.add_argument("--methods", nargs="+", help="only these (default: all)")
    parser.add_argument("--preset", default="compact", help="compact (default), quick or tiny")
    parser.add_argument("--start", choices=STARTS, default="own", help="what training within a place starts from (own)")
    parser.add_argument("--pairs", type=Path, help="score the pairs of this file (default: make them)")
    parser.add_argument(
        "--readings", type=Path, nargs="+", default=[],
        help="what was seen wrong with places' maps: measured without it too",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=8, help="editions of each place's map (8)")
    parser.add_argument("--towns", type=int, default=5, help="made towns that are learnt from as well (5)")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")


def run(args: argparse.Namespace) -> int:
    """Train and score what is not finished in `--out`, then write results.json, results.md and the pictures."""
    from mlcore.evaluation.readings import load_readings
    from mlcore.region.config import RegionConfig
    from mlcore.suites.methods import CONTROLS, METHODS, check_methods
    from mlcore.suites.results import write_results
    from mlcore.suites.run import Plan, prepare_pairs, run_suite
    from mlcore.suites.suites import Source, build_suite

    if args.rounds < 1 or args.towns < 0 or min(args.seeds) < 0:
        raise InvalidInputError("--rounds must be at least 1, --towns and --seeds 0 or more")
    methods = tuple(check_methods(args.methods or [name for name in METHODS if name not in CONTROLS]))
    data = args.data or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    readings = tuple(load_readings(path) for path in args.readings)
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        with BarProgress(args.suite) as progress:
            suite = build_suite(args.suite, Source(data, args.out, args.towns, args.rounds, progress))
            plan = Plan(
                suite, methods, tuple(dict.fromkeys(args.seeds)), args.preset, RegionConfig.preset(args.preset),
                args.start, args.device, readings,
            )  # fmt: skip
            scores = run_suite(plan, prepare_pairs(suite, args.out, args.pairs), args.out, progress)
    except StoppedError:
        print(f"stopped; the same command goes on from what is finished in {args.out}")
        return 130
    results = write_results(scores, args.out)
    print(f"simulated map edits, {suite.name}, seeds {', '.join(map(str, plan.seeds))}: AUROC, mean and sd")
    for task, figures in results["tasks"].items():
        for name, one in figures["sets"].items():
            for method, values in one["methods"].items():
                sd = values["auroc_sd"]
                told = "-" if values["auroc"] is None else f"{values['auroc']:.3f}"
                print(f"{task:24} {name:10} {method:14} {told}{'' if sd is None else f' ± {sd:.3f}'}")
    print(f"{args.out / 'results.md'}  {args.out / 'results.json'}")
    return 0
