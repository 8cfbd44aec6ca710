"""`pretrain`: the weights that ship with the library, learnt on several places and on made towns."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import StoppedError
from mlcore.tiles.index import MapIndex
from mlcore.tiles.osm_files import read_map

HELD_OUT_TOWN = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    methods = parser.add_subparsers(dest="method", required=True, metavar="method")
    consistency = methods.add_parser("consistency", help="U-CSA: how well image and map agree")
    for flag, wish in (("--place", "learn from"), ("--held-out", "measure, don't learn, on")):
        consistency.add_argument(
            flag, nargs=2, type=Path, action="append", default=[], metavar=("IMAGERY", "MAP"),
            help=f"{wish} this COG and its map, complete wherever the image has data; may be repeated",
        )  # fmt: skip
    consistency.add_argument("--preset", default="compact", help="compact (default) or tiny")
    consistency.add_argument("--towns", type=int, default=5, help="made towns of 16 tiles to learn from as well")
    consistency.add_argument("--contrastive-epochs", type=int, default=6)
    consistency.add_argument("--matching-epochs", type=int, default=24)
    consistency.add_argument("--steps", type=int, default=30, help="steps of an epoch")
    consistency.add_argument("--run", type=Path, required=True, help="folder of checkpoints; the same one goes on")
    consistency.add_argument("--out", type=Path, required=True, help="the weights (.safetensors)")
    consistency.add_argument("--seed", type=int, default=0)
    consistency.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")


def run(args: argparse.Namespace) -> int:
    """Train, measure on what was held out, write the weights."""
    from mlcore.consistency.config import ConsistencyConfig
    from mlcore.evaluation.consistency import edited_map_scores
    from mlcore.training.consistency import save_consistency
    from mlcore.training.pretraining import pretrain_consistency, real_place, synthetic_place

    config = ConsistencyConfig.preset(
        args.preset, contrastive_epochs=args.contrastive_epochs, matching_epochs=args.matching_epochs,
        steps_per_epoch=args.steps,
    )  # fmt: skip
    places = [real_place(image, MapIndex(read_map(map_).features)) for image, map_ in args.place]
    places += [synthetic_place(number, args.run) for number in range(args.towns)]
    kept = [real_place(image, MapIndex(read_map(map_).features)) for image, map_ in args.held_out]
    kept.append(synthetic_place(HELD_OUT_TOWN, args.run))
    try:
        with BarProgress("pretraining") as progress:
            model = pretrain_consistency(
                places, kept, config, run_dir=args.run, seed=args.seed, device=args.device, progress=progress
            )
    except StoppedError:
        print(f"stopped; the same command goes on from the last checkpoint in {args.run}")
        return 130
    figures = {place.name: edited_map_scores(model, place.source, place.tiles).figures() for place in kept}
    metrics = {f"{place}/{name}": value for place, each in figures.items() for name, value in each.items()}
    digest = save_consistency(args.out, model, metrics=metrics)
    print(json.dumps(figures, indent=2))
    print(f"{args.out}  sha256 {digest}  ({sum(len(place.tiles) for place in places)} tiles of {len(places)} places)")
    return 0
