"""One scan of a place by the general model of a checkout: what `scan_speed.py` runs for two checkouts in turn.

    python benchmarks/scan_once.py --root CHECKOUT --imagery COG --map FILE [--zoom 19 --tiles 128 --threads 1]

Prints one line of JSON: seconds on the clock and of processors for `RegionModel.scan`, tiles and candidates. Model,
image and map are read before the clock starts. `--threads` is how many threads PyTorch has, and so how many cores a
scan works on. All tiles count as mapped, so that a small place gives enough of them.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

LEAST_VALID = 0.9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="the checkout whose library and weights are used")
    parser.add_argument("--imagery", type=Path, required=True)
    parser.add_argument("--map", type=Path, required=True)
    parser.add_argument("--zoom", type=int, default=19)
    parser.add_argument("--tiles", type=int, default=128)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    sys.path.insert(0, str(args.root))

    import torch

    from mlcore.imagery.raster import open_image
    from mlcore.maps.index import MapIndex
    from mlcore.maps.osm_files import read_map
    from mlcore.memory import keep_freed_memory
    from mlcore.pairs.source import PairSource
    from mlcore.region.model import RegionModel
    from mlcore.weights import GENERAL_FILE

    if not GENERAL_FILE.is_relative_to(args.root.resolve()):
        raise SystemExit(f"the library comes from {GENERAL_FILE.parent}, not from {args.root}: check PYTHONPATH")
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    model = RegionModel.load(GENERAL_FILE)
    index = MapIndex(read_map(args.map).features)
    source = PairSource(open_image(args.imagery), index)
    seen = [t for t in source.tiles(args.zoom) if source.reader.read_tile(t, 64).valid.mean() >= LEAST_VALID]
    seen.sort(key=lambda tile: -len(index.query(tile.bounds_lonlat)))  # where the map has most
    tiles = sorted(seen[: args.tiles])
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter(), processor_seconds()
        found = model.scan(source, tiles, evidence_path=Path(folder) / "evidence.tif")
        wall, cpu = time.perf_counter() - start[0], processor_seconds() - start[1]
    print(json.dumps({"wall_s": wall, "cpu_s": cpu, "tiles": len(found.results), "candidates": len(found.candidates)}))


def processor_seconds() -> float:
    """Of this process and of those that it started and that ended."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in spent)


if __name__ == "__main__":
    main()
