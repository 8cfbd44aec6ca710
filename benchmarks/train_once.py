"""One training of a region by a checkout's library: what `fine_tune.py` runs for two checkouts in turn.

    python benchmarks/train_once.py --root CHECKOUT --town FOLDER --run-dir FOLDER [--preset compact --threads 2]

The image and the map lie in FOLDER as `write_town` leaves them. Prints one line of JSON: seconds on the clock and of
processors for `train_region`, tiles, folds, and seconds by stage. `--threads` is how many threads PyTorch has, and so
how many cores a training works on.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path

STAGES = {
    "evidence: epoch": "tune_evidence", "evidence: ": "predict", "contrastive": "tune_consistency",
    "matching": "tune_consistency", "consistency": "tune_consistency",
}  # fmt: skip
"""What the start of a message says of the work that it ends; others name it themselves."""


class Stopwatch:
    """Adds up the seconds between reports under the stage that each report ends."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.last = time.perf_counter()

    def report(self, fraction: float, message: str = "", figures: Mapping[str, float] | None = None) -> None:
        now, said = time.perf_counter(), re.sub(r"^fold \d+: ", "", message)
        stage = next(
            (name for start, name in STAGES.items() if said.startswith(start)), said.replace(" ", "_") or "other"
        )
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self.last
        self.last = now

    def should_stop(self) -> bool:
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="the checkout whose library and weights are used")
    parser.add_argument("--town", type=Path, required=True)
    parser.add_argument("--run-dir", type=Path, required=True)
    parser.add_argument("--zoom", type=int, default=19)
    parser.add_argument("--preset", default="compact")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    sys.path.insert(0, str(args.root))

    import torch

    from mlcore.anchors.geometric import describe_tile
    from mlcore.imagery.raster import open_image
    from mlcore.maps.index import MapIndex
    from mlcore.maps.osm_files import read_map
    from mlcore.memory import keep_freed_memory
    from mlcore.pairs.source import PairSource
    from mlcore.region.config import RegionConfig
    from mlcore.region.training import train_region
    from mlcore.weights import GENERAL_FILE

    if not GENERAL_FILE.is_relative_to(args.root.resolve()):
        raise SystemExit(f"the library comes from {GENERAL_FILE.parent}, not from {args.root}: check PYTHONPATH")
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    source = PairSource(open_image(args.town / "imagery.tif"), MapIndex(read_map(args.town / "map.osm").features))
    tiles, watch = source.tiles(args.zoom), Stopwatch()
    start = time.perf_counter(), processor_seconds()
    anchors = {tile: describe_tile(tile, source.index) for tile in tiles}
    model = train_region(
        source, tiles, anchors, RegionConfig.preset(args.preset), run_dir=args.run_dir, progress=watch
    )  # fmt: skip
    wall, cpu = time.perf_counter() - start[0], processor_seconds() - start[1]
    stages = {name: round(value, 1) for name, value in watch.seconds.items()}
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, "tiles": len(tiles), "folds": len(model.folds), "stages": stages}))


def processor_seconds() -> float:
    """Of this process and of those that it started and that ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


if __name__ == "__main__":
    main()
