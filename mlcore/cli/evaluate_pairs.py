"""`evaluate pairs`: matchers held against each other on a set of pairs as it lies on disk."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mlcore.cli.evaluate_matching import matcher_of
from mlcore.cli.progress_bar import BarProgress
from mlcore.correspondences.classical import classical_names
from mlcore.errors import InvalidInputError
from mlcore.evaluation.matching import summary
from mlcore.suites.matching import Protocol
from mlcore.suites.matching_sets import SET_PROTOCOLS, SetProtocol, plan_set, run_set

LIKE: dict[SetProtocol, Protocol] = {"as_is": "working", "working": "working", "full": "full", "false": "false"}
"""Of the protocols on places, which one a matcher is made for."""
COLUMNS = ("pairs", "auc1", "auc3", "auc5", "auc10", "auc20", "median_px", "failed", "accepted", "s_per_pair")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pairs", type=Path, required=True, help="the set's folder: of `build pairs`, MapData, others")
    parser.add_argument("--weights", type=Path, help="of a structure matcher (default: the one that ships)")
    parser.add_argument("--graph-weights", type=Path, help="of a graph matcher")
    parser.add_argument("--matchers", nargs="+", default=["structure", *classical_names()])
    parser.add_argument("--protocols", nargs="+", choices=SET_PROTOCOLS, help="(default: all that the set allows)")
    parser.add_argument("--most", type=int, default=200, help="pairs at most, spread over the set (200)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the table")


def run(args: argparse.Namespace) -> int:
    """Run the protocols and write `pairs.json` and `pairs.md`."""
    args.out.mkdir(parents=True, exist_ok=True)
    plan = plan_set(args.pairs, args.most)
    allowed = [protocol for protocol in SET_PROTOCOLS if protocol != "false" or plan.others]
    protocols: list[SetProtocol] = args.protocols or allowed
    if not set(protocols) <= set(allowed):
        raise InvalidInputError(plan.told)
    tables = []
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for protocol in protocols:
        matchers = [matcher_of(name, LIKE[protocol], args.weights, args.graph_weights) for name in args.matchers]
        with BarProgress(f"pairs, {protocol}") as progress:
            trials = run_set(plan, protocol, matchers, progress)
        figures[protocol] = {name: summary(several) for name, several in trials.items()}
        chosen = f"{plan.told}\n\n" if protocol == "false" else ""
        tables.append(f"## {protocol}\n\n{chosen}{_table(figures[protocol])}\n")
    if not args.protocols and "false" not in allowed:
        tables.append(f"*false* is not measured: {plan.told}\n")
    print("\n" + "\n".join(tables))
    (args.out / "pairs.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    (args.out / "pairs.md").write_text("\n".join(tables), encoding="utf-8")
    return 0


def _table(rows: dict[str, dict[str, float]]) -> str:
    lines = ["| matcher | " + " | ".join(COLUMNS) + " |", "|---" * (len(COLUMNS) + 1) + "|"]
    for name, figures in rows.items():
        lines.append(f"| {name} | " + " | ".join(f"{figures[column]:.4g}" for column in COLUMNS) + " |")
    return "\n".join(lines)
