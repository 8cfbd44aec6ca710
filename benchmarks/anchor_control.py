"""Do anchors carry meaning? U-CSA with geometric anchors, with none, and with anchors shuffled among the tiles.

Suite `banepa-within` (simulated map edits on a real place, geographic blocks, the same pairs for all); every variant
learns from the same tiles by the same schedule, its own pre-training included. Needs the real data ($MAPWRIGHT_DATA).

    python benchmarks/anchor_control.py --out WORK [--seeds 0 1 2] [--methods ucsa no_anchors ...]

Figures, AUROC for changes of at least 2 % of the tile, with `_sd` over seeds and `_low`, `_high` over blocks, and
`_read` on the tiles alone whose map no reader found wrong (`readings/banepa.json`):

- auroc_geometric: one geometric anchor per tile, as the paper has it (no anchors of cells);
- auroc_shuffled: the same, every tile with another tile's anchor: what remains if anchors say nothing true;
- auroc_none: direct contrast of image and map;
- auroc_geometric_cells: the preset `compact`, which adds anchors of cells;
- auroc_cells: anchors of cells without one per tile;
- auroc_mismatched_only, auroc_mismatched_only_no_anchors: `compact` with the paper's negatives alone (other tiles'
  maps) in stage 2, with and without anchors: what these are worth where no edited map shows what a change looks like.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import write_result
from benchmarks.suites import arguments, command, pick_aurocs, run

VARIANTS = {
    "auroc_geometric": "global_anchors",
    "auroc_shuffled": "shuffled_anchors",
    "auroc_none": "no_anchors",
    "auroc_geometric_cells": "ucsa",
    "auroc_cells": "cell_anchors",
    "auroc_mismatched_only": "mismatched_only",
    "auroc_mismatched_only_no_anchors": "mismatched_only_no_anchors",
}


def main() -> None:
    args = arguments(__doc__ or "")
    args.methods = [method for method in VARIANTS.values() if not args.methods or method in args.methods]
    sets = run("banepa-within", args)["tasks"]["banepa"]["sets"]
    figures: dict[str, float] = {}
    pick_aurocs(figures, VARIANTS, sets, "protocol", "auroc_2_percent")
    write_result("anchor_control", figures, seeds=args.seeds, command=command("anchor_control.py", args))


if __name__ == "__main__":
    main()
