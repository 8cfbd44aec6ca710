"""Places left out: evidence, single changes and suggestions there, of networks and classifiers that never saw them.

Three trainings a seed measure eight places, each left out with others; Banepa is left out of all three, as it is of the
model that ships. That is harder than leaving out one place at a time. Networks learn half as long as the one
that ships.

    python benchmarks/leave_one_out.py --out WORK [--seeds 0 1 2] [--encoder-weights FILE] [--evidence-alone]

The work folder keeps what is finished. Figures: f1_mean, f1_min (building F1, evidence fitted to the place as a scan
does it, each half by the map of the other), prior_f1_* (the share of built-up ground alone fitted), plain_f1_* (nothing
fitted), auroc_mean, auroc_min (one changed building of 40 m2 or more, all tiles, by the probability that a scan gives a
tile), auroc_same_tile_* (editions of one tile against each other), auroc_without_ucsa_*, auroc_with_ucsa_* (the
same, and with U-CSA's score besides, on the places that it never learnt from), ucsa_auroc_* (that score alone),
auroc_untaught_* (the largest difference of evidence and map alone, no classifier), ece (expected calibration error of
suggestions, mean over places), first40_precision (share of the surest suggestions that put simulated edits right; of
readings, real_first40_PLACE),
recall_roof_*, recall_size_*, recall_density_* (share of mapped footprints that the evidence finds, over all places),
today_* (the model that ships, on the same tiles and pairs; it learnt from all places but Banepa).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import ROOT, data_folder, write_result
from mlcore.cli import main as mapwright

GROUPS = ("banepa,dhaka,austin", "banepa,zanzibar,nacala,bakerlake", "banepa,nairobi,massachusetts")
EPOCHS = 20
NAMES = {
    "f1_place": "f1",
    "f1_prior": "prior_f1",
    "f1": "plain_f1",
    "auroc_single": "auroc_untaught",
    "auroc_same_tile": "auroc_untaught_same_tile",
}
TILES = {
    "tile_auroc": "auroc", "tile_same_tile": "auroc_same_tile", "with_consistency_auroc": "auroc_with_ucsa",
    "with_consistency_same_tile": "auroc_same_tile_with_ucsa", "without_consistency_auroc": "auroc_without_ucsa",
    "without_consistency_same_tile": "auroc_same_tile_without_ucsa", "consistency_auroc": "ucsa_auroc",
    "consistency_same_tile": "ucsa_auroc_same_tile",
}  # fmt: skip
ROOFS = ("recall_roof_", "recall_size_", "recall_density_")
VERDICTS = {
    "ece_mean": "ece", "first40_mean": "first40_precision", "add_recall_mean": "add_recall",
    "remove_recall_mean": "remove_recall", "modify_recall_mean": "modify_recall",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="work folder; the same one goes on")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--encoder-weights", default="", help="as `mlcore evaluate evidence` takes it")
    parser.add_argument("--evidence-alone", action="store_true", help="no suggestions: leave_one_out_evidence.json")
    args = parser.parse_args()
    readings = sorted((ROOT / "benchmarks" / "readings").glob("*.json"))
    command = ["evaluate", "evidence", "--data", str(data_folder()), "--out", str(args.out), "--hold-out", *GROUPS]
    command += ["--epochs", str(EPOCHS), "--seeds", *map(str, args.seeds), "--readings", *map(str, readings)]
    command += ["--encoder-weights", args.encoder_weights] if args.encoder_weights else []
    command += ["--evidence-alone"] if args.evidence_alone else []
    if mapwright(command):
        raise SystemExit(1)
    report = json.loads((args.out / "leave_one_out.json").read_text(encoding="utf-8"))
    name = "leave_one_out_evidence" if args.evidence_alone else "leave_one_out"
    told = f"python benchmarks/leave_one_out.py --out WORK --seeds {' '.join(map(str, args.seeds))}"
    told += " --evidence-alone" if args.evidence_alone else ""
    write_result(name, figures_of(report), seeds=args.seeds, command=told)


def figures_of(report: Mapping[str, Any]) -> dict[str, float]:
    """The report's figures by the names that are told."""
    figures: dict[str, float] = {}
    for theirs, ours in NAMES.items():
        for which, prefix in (("new", ""), ("today", "today_")):
            for end in ("mean", "min"):
                if (key := f"{which}_{theirs}_{end}") in report:
                    figures[f"{prefix}{ours}_{end}"] = round(float(report[key]), 4)
    figures |= {ours: round(float(report[theirs]), 4) for theirs, ours in VERDICTS.items() if theirs in report}
    for theirs, ours in TILES.items():
        ends = [end for end in ("mean", "min") if f"{theirs}_{end}" in report]
        figures |= {f"{ours}_{end}": round(float(report[f"{theirs}_{end}"]), 4) for end in ends}
    figures |= {key: round(float(value), 4) for key, value in report.items() if key.startswith(ROOFS)}
    for name, one in report["places"].items():
        figures |= {
            f"{name}/f1": round(one["new"]["f1_place"], 4),
            f"{name}/auroc_untaught": round(one["new"]["auroc_single"], 4),
        }
        verdicts = one.get("verdicts", {})
        figures |= {f"{name}/{key}": round(verdicts[key], 4) for key in ("ece", "first40") if key in verdicts}
        figures |= {f"{name}/{TILES[key]}": round(verdicts[key], 4) for key in TILES if key in verdicts}
        if "real_first40" in verdicts:
            figures[f"real_first40_{name}"] = round(verdicts["real_first40"], 2)
    return figures


if __name__ == "__main__":
    main()
