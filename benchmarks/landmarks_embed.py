"""Tiles embedded per second, against the bare image tower on tensors that are ready.

    python benchmarks/landmarks_embed.py [--imagery COG] [--zoom 19] [--weights FILE]

Writes benchmarks/results/landmarks_embed.json. One process, the same tiles, batches and number of network threads:

* floor: the frozen image tower's forward pass alone, on (32, 3, S, S) tensors made before the clock starts.
* embedding: `embed_tiles` and `VectorStore.add`, as the product does it: the image is decoded, brought to S px and to a
  tensor on a thread, the same forward passes run, the head behind them, and the vectors are kept on the disk.

Rounds alternate floor, embedding, floor ... floor; each embedding is held against the mean of the floors before and
after it, and medians count. `ratio_to_forward` is floor seconds divided by embedding seconds; 1 would mean that
reading, resizing, head and writing cost nothing. `cpu_ratio_to_forward`: the same in processor seconds of all threads.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import data_folder, write_result
from mlcore.cli.landmark_model import load_landmarks
from mlcore.geometry.webmercator import tiles_covering
from mlcore.imagery.raster import open_image
from mlcore.landmarks.embedding import embed_tiles
from mlcore.landmarks.readers.tiles import LEAST_VALID
from mlcore.landmarks.towers import BATCH, to_squares
from mlcore.vectors import VectorStore


def main() -> int:
    """Measure, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--imagery", type=Path, default=data_folder() / "banepa" / "banepa.tif")
    parser.add_argument("--zoom", type=int, default=19)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of the network, on both sides")
    parser.add_argument("--tiles", type=int, default=256, help="at most so many")
    parser.add_argument("--weights", type=Path, help="of the model (default: those that ship)")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model, reader = load_landmarks(args.weights), open_image(args.imagery)
    size = model.config.image_px
    covering = list(tiles_covering(reader.footprint_lonlat, args.zoom))
    tiles = [tile for tile in covering if reader.read_tile(tile, 64).valid.mean() >= LEAST_VALID]
    tiles = tiles[: min(args.tiles, len(tiles))]
    ready = to_squares([reader.read_tile(tile, size).rgb for tile in tiles], size).split(BATCH)

    def floor() -> None:
        with torch.inference_mode():
            for batch in ready:
                model.image_tower.encode(batch)

    def embedding() -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = VectorStore.create(Path(folder) / "store", model.digest, model.dimension)
            done = 0
            for some, vectors in embed_tiles(model, open_image(args.imagery), tiles):
                store.add(np.arange(done, done + len(some)), vectors)
                done += len(some)
            assert done == len(tiles)

    floor(), embedding()
    floors, scans = [timed(floor)], []
    for _ in range(args.rounds):
        scans.append(timed(embedding))
        floors.append(timed(floor))
    before, after, scanned = np.array(floors[:-1]), np.array(floors[1:]), np.array(scans)
    ratios = np.median((before + after) / 2 / scanned, axis=0)
    write_result("landmarks_embed", {
        "ratio_to_forward": round(float(ratios[0]), 3), "cpu_ratio_to_forward": round(float(ratios[1]), 3),
        "tiles_per_s": round(len(tiles) / float(np.median(scanned[:, 0])), 2),
        "forward_tiles_per_s": round(len(tiles) / float(np.median(np.array(floors)[:, 0])), 2),
        "tiles": len(tiles), "side_px": size, "zoom": args.zoom, "rounds": args.rounds,
        "network_threads": args.threads, "load_average": round(os.getloadavg()[0], 1),
    })  # fmt: skip
    return 0


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock, and of processors."""
    start = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start[0], time.process_time() - start[1]


if __name__ == "__main__":
    sys.exit(main())
