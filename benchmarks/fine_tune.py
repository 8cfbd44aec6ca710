"""How long a new region of 500 tiles takes: the shipped networks tuned on its own map, cross-fitted, and classifiers.

    python benchmarks/fine_tune.py [--columns 25 --rows 20] [--cores 2] [--presets compact quick] [--before COMMIT]

The region is a made town (only the time is measured; a town is too easy to say anything about accuracy). Each training
is a process of its own (`train_once.py`), PyTorch having as many threads on both sides. Today's `compact` stands beside
that of an earlier commit, the state before evidence was to carry over to places never seen; whose turn is first is said
by `--order`, as "now before" or, against a drift of the machine, "before now now before".

Figures: minutes_PRESET, folds_PRESET, tiles, cores; `ratio_to_main_before`, minutes of `compact` now over before, and
`cpu_ratio_to_main_before`, the same in processor seconds, which other work on the machine hardly moves;
`minutes_compact_before`; `seconds_STAGE` of today's `compact` and `seconds_before_STAGE`; `load_average` at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import ROOT, write_result
from mlcore.cli.progress_bar import BarProgress
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town

BEFORE = "86e2830"
SEED, ZOOM = 77, 19
COMPARED = "compact"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--columns", type=int, default=25)
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--presets", nargs="+", default=[COMPARED])
    parser.add_argument("--before", default=BEFORE, help="the commit that `compact` is held against; empty: none")
    parser.add_argument("--order", nargs="+", choices=("now", "before"), default=["before", "now"])
    args = parser.parse_args()
    figures: dict[str, float] = {"tiles": args.columns * args.rows, "cores": args.cores}
    with tempfile.TemporaryDirectory() as folder:
        config = TownConfig(seed=SEED, columns=args.columns, rows=args.rows, zoom=ZOOM)
        with BarProgress("town") as progress:
            town = generate_town(config, progress)
        write_town(town, Path(folder) / "town")
        if args.before and COMPARED in args.presets:
            figures |= compared(args, Path(folder))
        for preset in args.presets:
            if f"minutes_{preset}" not in figures:
                figures |= told(preset, [trained(ROOT, Path(folder), preset, args.cores, preset)])
    write_result("fine_tune", figures | {"load_average": round(os.getloadavg()[0], 1)}, seeds=[SEED])


def compared(args: argparse.Namespace, folder: Path) -> dict[str, float]:
    """`compact` now and at the earlier commit, in turn."""
    runs: dict[str, list[dict[str, Any]]] = {"now": [], "before": []}
    tree = folder / "before"
    subprocess.run(["git", "worktree", "add", "--quiet", "--detach", tree, args.before], cwd=ROOT, check=True)
    try:
        for turn, name in enumerate(args.order):
            root = tree if name == "before" else ROOT
            runs[name].append(trained(root, folder, COMPARED, args.cores, f"{name}-{turn}"))
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", tree], cwd=ROOT, check=True)
    figures = told(COMPARED, runs["now"])
    if not all(runs.values()):
        return figures
    spent = {(name, clock): mean(runs[name], clock) for name in runs for clock in ("wall_s", "cpu_s")}
    before = {f"seconds_before_{stage}": value for stage, value in runs["before"][0]["stages"].items()}
    return figures | before | {
        "ratio_to_main_before": round(spent["now", "wall_s"] / spent["before", "wall_s"], 3),
        "cpu_ratio_to_main_before": round(spent["now", "cpu_s"] / spent["before", "cpu_s"], 3),
        f"minutes_{COMPARED}_before": round(spent["before", "wall_s"] / 60, 2),
    }  # fmt: skip


def trained(root: Path, folder: Path, preset: str, cores: int, name: str) -> dict[str, Any]:
    """One training by the library of a checkout; a line of `train_once.py`."""
    words = ["--root", root, "--town", folder / "town", "--run-dir", folder / name, "--zoom", ZOOM]
    words += ["--preset", preset, "--threads", cores]
    command = [sys.executable, str(ROOT / "benchmarks" / "train_once.py"), *map(str, words)]
    env = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": str(cores)}
    said = subprocess.run(command, cwd=root, env=env, check=True, capture_output=True, text=True).stdout
    print(name, said.splitlines()[-1], f"load {os.getloadavg()[0]:.1f}", flush=True)
    return dict(json.loads(said.splitlines()[-1]))


def told(preset: str, runs: list[dict[str, Any]]) -> dict[str, float]:
    """Minutes and folds of a preset; of the compared one also its stages."""
    if not runs:
        return {}
    figures = {f"minutes_{preset}": round(mean(runs, "wall_s") / 60, 2), f"folds_{preset}": runs[0]["folds"]}
    stages = runs[0]["stages"] if preset == COMPARED else {}
    return figures | {f"seconds_{stage}": value for stage, value in stages.items()}


def mean(runs: list[dict[str, Any]], name: str) -> float:
    return statistics.fmean(run[name] for run in runs)


if __name__ == "__main__":
    main()
