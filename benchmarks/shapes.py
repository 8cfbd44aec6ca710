"""How well footprints are traced and extended: made houses at any turn, seen sharply and softly.

    python benchmarks/shapes.py [--count 60] [--seed 0]

* `VIEW/PLAN_iou`: mean intersection over union of the traced polygon with the true one; a view is `clear` (walls
  blurred by 0.4 m, wavering by 0.1 m) or `poor` (0.65 m and 0.3 m), at 0.26 m a pixel.
* `VIEW/PLAN_right_angled`: share of polygons with right angles only.
* `VIEW/PLAN_true_corners`: share of polygons with exactly the corners of the true one.
* `extend_true_corners`: houses of ten plans with a part that the map lacks, through the measures of a window: share of
  all that come out as one edit of their footprint with as many corners as the true shape, each within 1 m of its own.
  `VIEW/extend_PLAN_true_corners` is that of one view and plan. Never joined counts as wrong.
* `extend_short_edges`: edges under 0.25 m in all of them that the map's own shape has not.
* `extend_reshaped_true_corners`: the same share without parts, where the whole house is traced anew.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import write_result
from mlcore.evaluation.extensions import extension_figures, over_all
from mlcore.evaluation.shapes import shape_figures

VIEWS = {"clear": (1.5, 0.12), "poor": (2.5, 0.2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60, help="houses of each plan (60)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    figures: dict[str, float] = {}
    for view, (blur_px, noise) in VIEWS.items():
        found = shape_figures(count=args.count, seed=args.seed, blur_px=blur_px, noise=noise)
        found |= extension_figures(count=args.count, seed=args.seed, blur_px=blur_px, noise=noise)
        figures |= {f"{view}/{name}": value for name, value in found.items()}
    figures |= over_all(figures)
    write_result("shapes", figures, seeds=[args.seed])


if __name__ == "__main__":
    main()
