"""`pretrain`: the general model that ships with the library, learnt on several places and on made towns."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import InvalidInputError, StoppedError
from mlcore.imagery.gdal import hardened_raster
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map

if TYPE_CHECKING:
    from mlcore.consistency.pretraining import Place
    from mlcore.region.model import RegionModel

HELD_OUT_TOWN = 100
LEAST_VALID = 0.1
SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    for flag, wish in (("--place", "learn from"), ("--held-out", "measure, don't learn, on")):
        parser.add_argument(
            flag, nargs=2, type=Path, action="append", default=[], metavar=("IMAGERY", "MAP"),
            help=f"{wish} this COG and its map, complete wherever the image has data; may be repeated",
        )  # fmt: skip
    parser.add_argument(
        "--background", type=Path, action="append", default=[], metavar="FOLDER",
        help="folder of images of about 0.3 m per pixel on which no building stands; may be repeated",
    )  # fmt: skip
    parser.add_argument("--backgrounds", type=int, default=5, help="images taken of each such folder (5)")
    parser.add_argument(
        "--folder", type=Path, action="append", default=[],
        help="learn from the images and buildings.geojson of this folder, at the zoom of its region; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--held-out-folder", type=Path, action="append", default=[], help="measure, don't learn, on such a folder"
    )
    parser.add_argument("--preset", default="general", help="general (default), places, compact or tiny")
    parser.add_argument("--epochs", type=int, help="of the evidence network (default: the preset's)")
    parser.add_argument(
        "--encoder-weights", default="", help="what a pre-trained encoder starts from: FILE, or FILE#sha256=HEX "
        "(default: the installed package's)",
    )  # fmt: skip
    parser.add_argument(
        "--teach-on", nargs="+", default=[], metavar="NAME[,NAME...]",
        help="places whose simulated edits teach the classifiers, by a network without them, one for those that are "
        "joined by commas (default: all, in three groups)",
    )  # fmt: skip
    parser.add_argument(
        "--exact", nargs="+", default=[], metavar="NAME",
        help="places whose map is taken at its word, and teaches the classifiers what is no building",
    )  # fmt: skip
    parser.add_argument(
        "--keep-evidence", type=Path, help="a general model of the same places whose evidence network is taken as it is"
    )
    parser.add_argument("--keep-consistency", type=Path, help="a general model whose U-CSA is taken as it is")
    parser.add_argument("--towns", type=int, default=5, help="made towns of 16 tiles to learn from as well (5)")
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints; the same one goes on")
    parser.add_argument("--out", type=Path, required=True, help="the model (.safetensors)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")


def run(args: argparse.Namespace) -> int:
    """Train, measure on what was held out, write the model."""
    from mlcore.consistency.pretraining import synthetic_place
    from mlcore.region.config import RegionConfig
    from mlcore.region.general import train_general
    from mlcore.region.model import RegionModel

    config = RegionConfig.preset(args.preset)
    changes: dict[str, Any] = {"encoder_weights": args.encoder_weights} if args.encoder_weights else {}
    changes |= {"epochs": args.epochs} if args.epochs else {}
    config = replace(config, evidence=replace(config.evidence, **changes))
    args.run.mkdir(parents=True, exist_ok=True)
    places = [*_places(args.place), *_folders(args.folder, args.run)]
    places += [synthetic_place(number, args.run) for number in range(args.towns)]
    kept = [*_places(args.held_out), *_folders(args.held_out_folder, args.run)]
    kept.append(synthetic_place(HELD_OUT_TOWN, args.run))
    evidence = RegionModel.load(args.keep_evidence).folds[0].evidence.tuned if args.keep_evidence else None
    consistency = RegionModel.load(args.keep_consistency).folds[0].consistency if args.keep_consistency else None
    backgrounds = [picture for folder in args.background for picture in read_pictures(folder, args.backgrounds)]
    teach_on = [group.split(",") for group in args.teach_on]
    try:
        with BarProgress("pretraining") as progress:
            model = train_general(
                places, config, backgrounds=backgrounds, evidence=evidence, consistency=consistency,
                teach_on=teach_on, exact=args.exact, run_dir=args.run, seed=args.seed, device=args.device,
                progress=progress,
            )  # fmt: skip
    except StoppedError:
        print(f"stopped; the same command goes on from the last checkpoint in {args.run}")
        return 130
    figures = {place.name: measure(model, place, args.run) for place in kept}
    model.metrics |= {f"{place}/{name}": value for place, each in figures.items() for name, value in each.items()}
    digest = model.save(args.out, half=True)
    print(json.dumps(figures, indent=2))
    print(f"{args.out}  sha256 {digest}  ({sum(len(place.tiles) for place in places)} tiles of {len(places)} places)")
    return 0


def measure(model: RegionModel, place: Place, folder: Path) -> dict[str, float]:
    """Building evidence against footprints, and U-CSA against simulated map edits, on a place not learnt from."""
    from mlcore.evaluation.consistency import edited_map_scores
    from mlcore.evaluation.footprints import footprint_figures
    from mlcore.evidence.picture import EvidenceReader

    path = folder / f"measured-{place.name}.tif"
    model.write_evidence(place.source, place.tiles, path)
    buildings = footprint_figures(place.source, EvidenceReader(path, place.tiles[0].z), place.tiles)
    scores = edited_map_scores(model.folds[0].consistency, place.source, place.tiles)
    return {**buildings, **scores.figures()}


def read_pictures(folder: Path, count: int) -> list[np.ndarray]:
    """The first `count` pictures of a folder by name, each (H, W, 3) uint8.

    Raises:
        InvalidInputError: no picture there, or one that can't be read.
    """
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in SUFFIXES)[:count]
    if not paths:
        raise InvalidInputError(f"{folder} holds no picture (PNG, JPEG or GeoTIFF): check --background")
    pictures = []
    for path in paths:
        with hardened_raster(path) as data:
            if data.count < 3 or data.dtypes[0] != "uint8" or max(data.shape) > 4096:
                raise InvalidInputError(f"{path.name} is no 8-bit colour picture of up to 4096 pixels a side")
            pictures.append(np.ascontiguousarray(data.read((1, 2, 3)).transpose(1, 2, 0)))
    return pictures


def _places(files: Sequence[tuple[Path, Path]]) -> list[Place]:
    from mlcore.consistency.pretraining import real_place

    return [real_place(image, MapIndex(read_map(map_).features)) for image, map_ in files]


def _folders(folders: Sequence[Path], run: Path) -> list[Place]:
    from mlcore.suites.places import read_place

    return [read_place(folder, None, work=run / "clean", least_valid=LEAST_VALID) for folder in folders]
