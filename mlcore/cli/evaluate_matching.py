"""`evaluate matching`: matchers held against each other on the protocols, one table and its curves."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mlcore.cli.progress_bar import BarProgress
from mlcore.correspondences.classical import ClassicalMatcher, classical_names
from mlcore.correspondences.graph.matcher import GraphMatcher
from mlcore.correspondences.installed import PREFIX, InstalledMatcher
from mlcore.correspondences.matcher import StructureMatcher
from mlcore.correspondences.matches import Matcher
from mlcore.correspondences.search import NEARLY_PLACED, SearchRange
from mlcore.errors import InvalidInputError
from mlcore.evaluation.matching import Trial, bootstrap, curve, summary
from mlcore.evaluation.matching_plots import SCALES, TURNS, plot_matching
from mlcore.suites.matching import PROTOCOLS, Protocol, run_protocol, windows_of
from mlcore.suites.places import read_place
from mlcore.weights import MATCHER_FILE

Trials = dict[str, dict[str, list[Trial]]]
RANGES = {"working": NEARLY_PLACED}
"""Of the structure matcher; elsewhere it looks for what the full protocol may do."""
FULL_RANGE = SearchRange(112.5, (0.68, 1.34))
COLUMNS = (
    "auc1", "auc3", "auc5", "auc10", "auc20", "median_px", "median_deg", "failed", "accepted", "needed_by_chance",
    "points", "s_per_pair",
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--places", type=Path, nargs="+", required=True, help="folders of held-out places")
    parser.add_argument("--weights", type=Path, help="of a structure matcher (default: the one that ships)")
    parser.add_argument(
        "--graph-weights", type=Path, help="of a graph matcher, measured where --matchers names `graph`"
    )
    parser.add_argument(
        "--matchers", nargs="+", default=["structure", *classical_names()],
        help=f"by name; {PREFIX}NAME is one of the package vismatch, where it is installed",
    )  # fmt: skip
    parser.add_argument("--protocols", nargs="+", choices=PROTOCOLS, default=list(PROTOCOLS))
    parser.add_argument("--windows", type=int, default=24, help="of each place at most (24)")
    parser.add_argument("--seeds", type=int, default=1, help="of windows and warps, from 0 (1)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the table and the pictures")


def run(args: argparse.Namespace) -> int:
    places = [read_place(folder) for folder in args.places]
    args.out.mkdir(parents=True, exist_ok=True)
    figures: dict[str, dict[str, dict[str, object]]] = {}
    for protocol in args.protocols:
        matchers = [matcher_of(name, protocol, args.weights, args.graph_weights) for name in args.matchers]
        trials: Trials = {}
        for seed in range(args.seeds):
            with BarProgress(f"matching, {protocol}, seed {seed}") as progress:
                windows = windows_of(places, args.windows, seed)
                trials = joined(trials, run_protocol(protocol, matchers, windows, progress, seed))
        figures[protocol] = {name: _told(variants) for name, variants in trials.items()}
        print(f"\n{protocol}\n{_table(figures[protocol])}")
        every = {name: [one for several in variants.values() for one in several] for name, variants in trials.items()}
        plot_matching(args.out / f"matching_{protocol}.png", f"Matching, {protocol}", every)
    (args.out / "matching.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    (args.out / "matching.md").write_text(
        "\n".join(f"## {protocol}\n\n{_table(rows)}\n" for protocol, rows in figures.items()), encoding="utf-8"
    )
    return 0


def joined(first: Trials, more: Trials) -> Trials:
    """Trials by matcher and variant, of two runs."""
    return {
        name: {variant: [*first.get(name, {}).get(variant, []), *trials] for variant, trials in variants.items()}
        for name, variants in more.items()
    }


def matcher_of(name: str, protocol: Protocol, weights: Path | None, graph_weights: Path | None = None) -> Matcher:
    """A matcher by name, for what a protocol may do."""
    if name == GraphMatcher.name:
        if graph_weights is None:
            raise InvalidInputError("say with --graph-weights which graph matcher to measure")
        return GraphMatcher.load(graph_weights)
    if name.startswith(PREFIX):
        return InstalledMatcher(name)
    if name != StructureMatcher.name:
        return ClassicalMatcher(name)
    return StructureMatcher.load(weights or MATCHER_FILE, RANGES.get(protocol, FULL_RANGE))


def _told(variants: dict[str, list[Trial]]) -> dict[str, object]:
    every = [trial for trials in variants.values() for trial in trials]
    low, high = bootstrap(every, 10)
    told: dict[str, object] = {**summary(every), "auc10_low": low, "auc10_high": high}
    told["by_turn"] = curve(every, "turned_deg", TURNS)
    told["by_scale"] = curve(every, "scale", SCALES)
    return told | {"variants": {name: summary(trials) for name, trials in variants.items() if len(variants) > 1}}


def _table(rows: dict[str, dict[str, object]]) -> str:
    lines = ["| matcher | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, figures in rows.items():
        lines.append(f"| {name} | " + " | ".join(f"{figures[column]:.2f}" for column in COLUMNS) + " |")
    return "\n".join(lines)
