"""Every consistency method on places that were not learnt from: the suite `cross-place`.

Learnt on two of Banepa, Zanzibar and Nairobi (and made towns), measured on the third, all three ways: without any of
its tiles (`unseen`), and fine-tuned on its own map, each tile scored by models that never saw its block
(`fine-tuned`). The images and maps are real, the errors of the maps are simulated. Needs the real data
($MAPWRIGHT_DATA).

    python benchmarks/consistency_cross_place.py --out WORK [--seeds 0 1 2] [--preset compact]

Figures (`_sd` over seeds, `_low` and `_high` the 95 % interval over blocks):

- combined_auroc_min_zero_shot, combined_auroc_min_finetuned: the worst of the three places, for one changed building of
  at least 40 m2 (`single`), by the probability that the queue uses.
- the same with _same_tile: the probability that a tile is doubted more with the change than without; what the map as
  it stands has wrong cancels out.
- PLACE_zero_shot/... and PLACE_finetuned/...: every method's AUROC on `single` and, for changes of 2 % of the tile or
  more, on `protocol`, the same on the tiles alone whose map was read and found right (_read, where there are at least
  8), and between editions of the same tile (_same_tile); tiles_read and tiles_clean: of how many tiles the map was read
  by eye, and how many hold no sure error of 40 m2 or more (`readings/PLACE.json`); SET_truth_auroc: what a judge would
  reach who knows the simulated edits and these errors, since a tile that was wrong before counts as untouched; building
  F1 and IoU of the evidence.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import write_result
from benchmarks.suites import arguments, command, flat, pick, pick_aurocs, run

TOLD = ("pairs", "prevalence", "all_positive_f1", "truth_auroc", "truth_auroc_2_percent")
WAYS = {"unseen": "zero_shot", "fine-tuned": "finetuned"}


def main() -> None:
    args = arguments(__doc__ or "")
    tasks = run("cross-place", args)["tasks"]
    write_result(
        "consistency_cross_place",
        figures_of(tasks),
        seeds=args.seeds,
        command=command("consistency_cross_place.py", args),
    )


def figures_of(tasks: dict) -> dict[str, float]:
    """The worst place of either way first, then every place and method."""
    found: dict[str, float] = {}
    details: dict[str, float] = {}
    for way, told in WAYS.items():
        combined = {
            name: task["sets"]["single"]["methods"]["combined"]
            for name, task in tasks.items()
            if name.endswith(f", {way}") and "combined" in task["sets"]["single"]["methods"]
        }
        for key, ending in (("auroc", ""), ("same_tile_auroc", "_same_tile")) if combined else ():
            pick(found, f"combined_auroc_min_{told}{ending}", min(combined.values(), key=lambda one: one[key]), key)
    for name, task in tasks.items():
        place, way = name.rsplit(", ", 1)
        head, sets = f"{place}_{WAYS[way]}", task["sets"]
        for set_name, key in (("single", "auroc"), ("protocol", "auroc_2_percent")):
            names = {f"{head}/{method}_{key}": method for method in sets[set_name]["methods"]}
            pick_aurocs(details, names, sets, set_name, key)
        details |= {f"{head}/{key}": float(task[key]) for key in ("tiles_read", "tiles_clean") if key in task}
        details |= flat(task["footprints"], f"{head}/")
        for set_name, figures in task["sets"].items():
            kept = {key: figures[key] for key in TOLD if key in figures}
            details |= flat(kept, f"{head}/{set_name}_")
    return found | details


if __name__ == "__main__":
    main()
