"""What the benchmarks of evaluation suites share: their arguments, the run, and flat figures for the result file."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import data_folder
from mlcore.evaluation.readings import READ_ENDING

READINGS = sorted((Path(__file__).resolve().parent / "readings").glob("*.json"))
"""What two readings each found wrong with maps of places, tile by tile, without sight of any model's output."""


def arguments(doc: str) -> argparse.Namespace:
    """--out, --seeds, --preset, --methods, --start, --rounds, --towns, --pairs, --device."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="work folder: the same one goes on where it stopped")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--preset", default="compact")
    parser.add_argument("--methods", nargs="+", help="only these (default: all)")
    parser.add_argument("--start", choices=("own", "scratch", "shipped"), default="own")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--towns", type=int, default=5)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--readings", type=Path, nargs="*", default=READINGS)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--data", type=Path, default=data_folder())
    return parser.parse_args()


def run(suite: str, args: argparse.Namespace) -> dict[str, Any]:
    """Run the suite through its command and read what it wrote."""
    import json

    from mlcore.cli import main

    words = ["evaluate", "consistency", "--suite", suite, "--data", str(args.data), "--out", str(args.out)]
    words += ["--preset", args.preset, "--start", args.start, "--rounds", str(args.rounds), "--towns", str(args.towns)]
    words += ["--device", args.device, "--seeds", *map(str, args.seeds)]
    if args.methods:
        words += ["--methods", *args.methods]
    if args.readings:
        words += ["--readings", *map(str, args.readings)]
    if args.pairs:
        words += ["--pairs", str(args.pairs)]
    code = main(words)
    if code:
        raise SystemExit(code)
    return json.loads((args.out / "results.json").read_text(encoding="utf-8"))


def command(script: str, args: argparse.Namespace) -> str:
    """The command that repeats the run, its work folder named by a word."""
    words = ["python", f"benchmarks/{script}", "--out", "WORK", "--seeds", *map(str, args.seeds)]
    words += ["--preset", args.preset, "--start", args.start, "--rounds", str(args.rounds), "--towns", str(args.towns)]
    return shlex.join([*words, "--device", args.device, *(["--methods", *args.methods] if args.methods else [])])


def flat(figures: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Numbers of nested figures as `part/part/name`, rounded; lists and what has no value are left out."""
    found: dict[str, float] = {}
    for name, value in figures.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[prefix + name] = round(float(value), 4)
        elif name == "by_size" and isinstance(value, list):
            for entry in value:
                size = f"{100 * entry['from']:.0f}-{100 * entry['to']:.0f}%"
                found |= flat({"auroc": entry["auroc"], "pairs": entry["pairs"]}, f"{prefix}size {size}/")
    return found


def pick_aurocs(
    found: dict[str, float], names: Mapping[str, str], sets: Mapping[str, Any], set_name: str, key: str
) -> None:
    """Put the figure `key` of methods under headline names, and beside it as NAME_read and NAME_same_tile.

    The one is the figure of the tiles whose map was read and found right, the other is taken between editions of the
    same tile.

    Args:
        names: method by headline name; a method that was not measured is left out.
    """
    for name, method in names.items():
        pick(found, name, sets[set_name]["methods"].get(method, {}), key)
        pick(found, f"{name}_same_tile", sets[set_name]["methods"].get(method, {}), f"same_tile_{key}")
        pick(found, f"{name}_read", sets.get(set_name + READ_ENDING, {"methods": {}})["methods"].get(method, {}), key)


def pick(found: dict[str, float], name: str, figures: Mapping[str, Any], key: str) -> None:
    """Put a figure under its headline name, with its deviation over seeds and its interval."""
    for ending in ("", "_sd", "_low", "_high"):
        value = figures.get(f"{key}{ending}")
        if value is not None:
            found[f"{name}{ending}"] = round(float(value), 4)
