"""`train region`: the cross-fitted model of a region."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlcore.anchors.geometric import describe_tile
from mlcore.cli.progress_bar import BarProgress
from mlcore.cli.region_inputs import add_input_arguments, read_source, region_tiles
from mlcore.errors import StoppedError

MODEL_FILE = "region.safetensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_input_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder of checkpoints and of the model")
    parser.add_argument("--preset", default="compact", help="compact (default) or tiny")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")


def run(args: argparse.Namespace) -> int:
    """Train; the same command resumes from `--out`."""
    from mlcore.region.training import RegionConfig, train_region

    source = read_source(args)
    tiles = [tile for tile in region_tiles(source, args.zoom) if source.mapped(tile)]
    anchors = {tile: describe_tile(tile, source.index) for tile in tiles}
    try:
        with BarProgress("region") as progress:
            model = train_region(
                source, tiles, anchors, RegionConfig.preset(args.preset), run_dir=args.out, seed=args.seed,
                device=args.device, progress=progress,
            )  # fmt: skip
    except StoppedError:
        print(f"stopped; the same command goes on from the last checkpoint in {args.out}")
        return 130
    digest = model.save(args.out / MODEL_FILE)
    print(f"{args.out / MODEL_FILE}  sha256 {digest}  ({len(model.fold_by_tile)} tiles in {len(model.folds)} folds)")
    return 0
