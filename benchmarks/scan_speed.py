"""B1: tiles per second of a scan (decode + render + score), against the bare network on ready tensors.

    python benchmarks/scan_speed.py [--imagery COG --map FILE --zoom 19]

Both run the compact network on the same tiles in one process, with the same number of threads for the network. The
bare side has its tensors in memory at the network's own size. Rounds alternate between the two, and the best of each
counts, so that other work on the machine hits both alike. `ratio_to_forward` is the scan's speed divided by the bare
network's: 1 would mean that reading and drawing cost nothing. Without --imagery the real orthophoto of the shared data
is read.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import data_folder, write_result
from mlcore.consistency.config import ConsistencyConfig
from mlcore.consistency.model import ConsistencyModel
from mlcore.consistency.scan import SCAN_BATCH, score_tiles
from mlcore.consistency.score import tile_score
from mlcore.encoders.image import to_input
from mlcore.geometry.webmercator import TileAddress
from mlcore.tiles.index import MapIndex
from mlcore.tiles.osm_files import read_map
from mlcore.tiles.pairs import Pair, PairSource
from mlcore.tiles.raster import open_image


def main() -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--imagery", type=Path, default=data_folder() / "banepa" / "banepa.tif")
    parser.add_argument("--map", type=Path, default=data_folder() / "banepa" / "buildings.geojson")
    parser.add_argument("--zoom", type=int, default=19)
    parser.add_argument("--tiles", type=int, default=192)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="threads of the network, on both sides")
    parser.add_argument("--workers", type=int, default=2, help="threads that read and draw ahead")
    args = parser.parse_args()
    if not args.imagery.exists():
        print(f"no image at {args.imagery}: give --imagery and --map, or set MAPWRIGHT_DATA", file=sys.stderr)
        return 1
    torch.set_num_threads(args.threads)
    source = PairSource(open_image(args.imagery), MapIndex(read_map(args.map).features))
    tiles = source.tiles(args.zoom)[: args.tiles]
    torch.manual_seed(0)
    model = ConsistencyModel(ConsistencyConfig.preset("compact")).eval()
    batches = ready_batches(model, source.pairs(tiles))
    scan_s, bare_s, supply_s = [], [], []
    for _ in range(args.rounds):
        bare_s.append(timed(lambda: bare_forward(model, batches)))
        scan_s.append(timed(lambda: list(score_tiles(model, source, tiles, workers=args.workers))))
        supply_s.append(timed(lambda: source.pairs(tiles)))
    report(args, tiles, min(scan_s), min(bare_s), min(supply_s))
    return 0


def ready_batches(model: ConsistencyModel, pairs: list[Pair]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """The tensors the bare network is given."""
    size = model.config.input_px
    stacks = [np.stack([getattr(pair, side) for pair in pairs]) for side in ("image", "map")]
    images, maps = (to_input(torch.from_numpy(stack), size) for stack in stacks)
    return list(zip(images.split(SCAN_BATCH), maps.split(SCAN_BATCH), strict=True))


def bare_forward(model: ConsistencyModel, batches: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """The network and nothing else."""
    with torch.inference_mode():
        for images, maps in batches:
            match = model(images, maps)
            tile_score(match.disc, model.config.worst_share)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def report(args: argparse.Namespace, tiles: list[TileAddress], scan_s: float, bare_s: float, supply_s: float) -> None:
    """Print the figures and write benchmarks/results/scan_speed.json."""
    count = len(tiles)
    figures = {
        "ratio_to_forward": round(bare_s / scan_s, 3),
        "scan_tiles_per_s": round(count / scan_s, 1),
        "forward_tiles_per_s": round(count / bare_s, 1),
        "decode_and_render_ms_per_tile_one_thread": round(1000 * supply_s / count, 2),
        "tiles": count, "zoom": args.zoom, "tile_px": 256, "network_threads": args.threads, "workers": args.workers,
    }  # fmt: skip
    for name, value in figures.items():
        print(f"{name:45} {value}")
    write_result("scan_speed", figures)


if __name__ == "__main__":
    sys.exit(main())
