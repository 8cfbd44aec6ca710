"""Every consistency method on places that were not learnt from: the suite `cross-place`.

Learnt on two of Banepa, Zanzibar and Nairobi (and made towns), measured on the third, all three ways: without any of
its tiles (`unseen`), and fine-tuned on its own map, each tile scored by models that never saw its block
(`fine-tuned`). The images and maps are real, the errors of the maps are simulated. Needs the real data
($MAPWRIGHT_DATA).

    python benchmarks/consistency_cross_place.py --out WORK [--seeds 0 1 2] [--preset compact]

Figures (`_sd` over seeds, `_low` and `_high` the 95 % interval over blocks):

- combined_auroc_min_zero_shot, combined_auroc_min_finetuned: the worst of the three places, for one changed building of
  at least 40 m2 (`single`), by the probability that the queue uses.
- PLACE_zero_shot/... and PLACE_finetuned/...: every method's AUROC on `single` and, for changes of 2 % of the tile or
  more, on `protocol`; building F1 and IoU of the evidence.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import write_result
from benchmarks.suites import arguments, command, flat, pick, run

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
            name: task["sets"]["single"]["methods"]["combined"]["auroc"]
            for name, task in tasks.items()
            if name.endswith(f", {way}") and "combined" in task["sets"]["single"]["methods"]
        }
        if combined:
            worst = min(combined, key=lambda name: combined[name])
            headline = f"combined_auroc_min_{told}"
            pick(found, headline, tasks[worst]["sets"]["single"]["methods"]["combined"], "auroc")
    for name, task in tasks.items():
        place, way = name.rsplit(", ", 1)
        head = f"{place}_{WAYS[way]}"
        for method, figures in task["sets"]["single"]["methods"].items():
            pick(details, f"{head}/{method}_auroc", figures, "auroc")
        for method, figures in task["sets"]["protocol"]["methods"].items():
            pick(details, f"{head}/{method}_auroc_2_percent", figures, "auroc_2_percent")
        details |= flat(task["footprints"], f"{head}/")
        for set_name, figures in task["sets"].items():
            kept = {key: figures[key] for key in ("pairs", "prevalence", "all_positive_f1")}
            details |= flat(kept, f"{head}/{set_name}_")
    return found | details


if __name__ == "__main__":
    main()
