"""Every consistency method on Banepa's mapped tiles, by geographic blocks: the suite `banepa-within`.

The image and the map are real, the errors of the map are simulated; every tile is scored by models that never saw its
block, on the same pairs for every method. Needs the real data ($MAPWRIGHT_DATA).

U-CSA and its ablations each learn their own first weights in the run (`--start own`: nothing differs but what is
ablated). What the queue uses (`combined`, `change_head`, `largest_box`, the candidates) is trained as the product does
it, from the general model that ships, which never saw Banepa.

    python benchmarks/consistency_banepa_within.py --out WORK [--seeds 0 1 2] [--preset compact] [--product]

With `--product` the second part alone is run, and what the result file says of the first stays: for changes that do not
touch U-CSA's own training. Both draw the same pairs, from the seeds alone.

Figures (`_sd` over seeds, `_low` and `_high` the 95 % interval over blocks):

- ucsa_auroc, no_anchor_auroc, no_prototype_auroc, no_masking_auroc: changes of at least 2 % of the tile against
  untouched tiles (`protocol`); ucsa_auroc_protocol counts whole buildings of 40 m2 below 2 % as well.
- combined_auroc, change_head_auroc, largest_box_auroc: one changed building, wrong on at least 40 m2 (`single`).
- ..._read: the same on tiles alone whose map was read against the image twice, and where neither reading is sure of an
  error of 40 m2 or more (`readings/banepa.json`): an untouched tile that was wrong before is no false alarm there.
- truth_auroc, truth_auroc_2_percent: what a judge would reach on all tiles of `single` and of `protocol` who knows the
  simulated edits and the errors that a reading is sure of: a tile that was wrong before counts as untouched there.
- precision_first50, precision_queue: of the queue's top and of all of it, on edited maps; every candidate is false that
  no simulated edit explains (strict). precision_first50_known leaves out those that the same model makes on the
  unedited map too; precision_first50_read counts what a reader is sure of as true, whether or not an edit explains it.
- real_...: the unedited map's queue against the readings (`mlcore.evaluation.readings.real_figures`).
- recall_removed, recall_added, recall_modified: at IoU 0.5, of the whole queue; `_likely` at confidence 0.5 alone.
- protocol/... and single/...: everything else of the report, by method.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import RESULTS, write_result
from benchmarks.suites import arguments, command, flat, pick, pick_aurocs, run
from mlcore.suites.methods import REGION_METHODS

ALONE = ("ucsa", "no_anchors", "no_prototypes", "no_masking", "edge_ncc", "chance")
KINDS = {"removed": "remove", "added": "add", "modified": "modify"}
LARGE = {
    "ucsa_auroc": "ucsa",
    "no_anchor_auroc": "no_anchors",
    "no_prototype_auroc": "no_prototypes",
    "no_masking_auroc": "no_masking",
    "combined_auroc_2_percent": "combined",
}
SINGLE = {
    "combined_auroc": "combined",
    "change_head_auroc": "change_head",
    "largest_box_auroc": "largest_box",
    "ucsa_auroc_single": "ucsa",
}


def main() -> None:
    product = "--product" in sys.argv
    if product:
        sys.argv.remove("--product")
    args = arguments(__doc__ or "")
    repeated = command("consistency_banepa_within.py", args) + (" --product" if product else "")
    figures = figures_of(product_run(args) if product else measured(args))
    if product:
        figures = same_pairs(json.loads((RESULTS / "consistency_banepa_within.json").read_text())["figures"], figures)
    write_result("consistency_banepa_within", figures, seeds=args.seeds, command=repeated)


def same_pairs(kept: dict[str, float], new: dict[str, float]) -> dict[str, float]:
    """The kept figures with the new ones in place of theirs; both must have been measured on the same pairs."""
    differing = [name for name in new if name.startswith(("pairs_", "prevalence_")) and new[name] != kept.get(name)]
    if differing:
        raise SystemExit(f"other pairs than those of the result file ({', '.join(differing)}): run without --product")
    return kept | new


def product_run(args: argparse.Namespace) -> dict:
    """What the queue uses, trained as the product does it."""
    product = {"out": args.out / "region", "methods": list(REGION_METHODS), "start": "shipped"}
    return run("banepa-within", argparse.Namespace(**vars(args) | product))["tasks"]["banepa"]


def measured(args: argparse.Namespace) -> dict:
    """Both runs, on the same pairs, as one."""
    own = argparse.Namespace(**vars(args) | {"out": args.out / "own", "methods": list(ALONE)})
    task = run("banepa-within", own)["tasks"]["banepa"]
    region = product_run(argparse.Namespace(**vars(args) | {"pairs": args.pairs or own.out / "pairs.json"}))
    for name, figures in region["sets"].items():
        task["sets"][name]["methods"] |= figures["methods"]
    return task | {"queue": region["queue"], "footprints": region["footprints"]}


def figures_of(task: dict) -> dict[str, float]:
    """The headline figures, then everything."""
    found: dict[str, float] = {}
    protocol, single = task["sets"]["protocol"], task["sets"]["single"]
    pick_aurocs(found, LARGE, task["sets"], "protocol", "auroc_2_percent")
    pick(found, "ucsa_auroc_protocol", protocol["methods"].get("ucsa", {}), "auroc")
    pick_aurocs(found, SINGLE, task["sets"], "single", "auroc")
    pick(found, "truth_auroc", single, "truth_auroc")
    pick(found, "truth_auroc_2_percent", protocol, "truth_auroc_2_percent")
    pick(found, "precision_queue", task["queue"], "strict_precision")
    pick(found, "precision_first50", task["queue"], "strict_precision_first50")
    pick(found, "precision_first50_known", task["queue"], "known_precision_first50")
    pick(found, "precision_first50_read", task["queue"], "read_precision_first50")
    for name in ("real_confirmed_first40", "real_missing", "real_missing_found"):
        pick(found, name, task["queue"], name)
    for name, kind in KINDS.items():
        pick(found, f"recall_{name}", task["queue"], f"recall_{kind}_any_confidence")
        pick(found, f"recall_{name}_likely", task["queue"], f"recall_{kind}")
    pick(found, "building_f1", task["footprints"], "building_f1")
    pick(found, "building_iou", task["footprints"], "building_iou")
    for name, figures in (("protocol", protocol), ("single", single)):
        found |= {f"{key}_{name}": round(float(figures[key]), 4) for key in ("prevalence", "all_positive_f1", "pairs")}
    return found | flat(task["sets"]) | flat(task["queue"], "queue/")


if __name__ == "__main__":
    main()
