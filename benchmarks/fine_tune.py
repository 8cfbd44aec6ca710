"""How long a new region of 500 tiles takes: the shipped networks tuned on its own map, cross-fitted, and classifiers.

The region is a made town (only the time is measured; a town is too easy to say anything about accuracy).

    python benchmarks/fine_tune.py [--columns 25 --rows 20] [--threads 2] [--presets compact quick]

Figures: minutes_PRESET, tiles, threads, folds_PRESET.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import write_result
from mlcore.anchors.geometric import describe_tile
from mlcore.cli.progress_bar import BarProgress
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import PairSource
from mlcore.region.config import RegionConfig
from mlcore.region.training import train_region
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--columns", type=int, default=25)
    parser.add_argument("--rows", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--presets", nargs="+", default=["compact"])
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    figures: dict[str, float] = {"tiles": args.columns * args.rows, "threads": args.threads}
    with tempfile.TemporaryDirectory() as folder:
        config = TownConfig(seed=77, columns=args.columns, rows=args.rows, zoom=19)
        with BarProgress("town") as progress:
            town = generate_town(config, progress)
        write_town(town, Path(folder) / "town")
        source = PairSource(open_image(Path(folder) / "town" / "imagery.tif"), MapIndex(town.features))
        for preset in args.presets:
            started = time.monotonic()
            anchors = {tile: describe_tile(tile, source.index) for tile in town.tiles}
            with BarProgress(preset) as progress:
                model = train_region(
                    source, town.tiles, anchors, RegionConfig.preset(preset), run_dir=Path(folder) / preset,
                    progress=progress,
                )  # fmt: skip
            figures[f"minutes_{preset}"] = round((time.monotonic() - started) / 60, 2)
            figures[f"folds_{preset}"] = len(model.folds)
    write_result("fine_tune", figures, seeds=[77])


if __name__ == "__main__":
    main()
