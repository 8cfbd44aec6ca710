"""`train`: train a model; `train consistency` here, the others in files of their own."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
from pathlib import Path
from typing import Any

from mlcore.anchors.geometric import describe_tile
from mlcore.anchors.schema import Anchor, parse_anchor
from mlcore.cli.progress_bar import BarProgress
from mlcore.consistency.config import ConsistencyConfig
from mlcore.errors import InvalidInputError, StoppedError
from mlcore.geometry.webmercator import TileAddress, zoom_for_resolution
from mlcore.imagery.raster import open_image
from mlcore.maps.coverage import read_area
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.pairs.source import Pair, PairSource
from mlcore.pairs.splits import geographic_folds
from mlcore.progress import SilentProgress

MIN_VALID_SHARE = 0.5
MODEL_FILE = "consistency.safetensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    methods = parser.add_subparsers(dest="method", required=True, metavar="method")
    consistency = methods.add_parser("consistency", help="U-CSA: how well image and map agree")
    consistency.add_argument("--imagery", type=Path, required=True, help="an ingested COG in EPSG:3857")
    consistency.add_argument("--map", type=Path, required=True, help=".osm, .osm.gz, .osm.pbf or GeoJSON")
    consistency.add_argument(
        "--area", type=Path, help="GeoJSON polygon where the map is complete (default: everywhere)"
    )
    consistency.add_argument(
        "--zoom", type=int, help="zoom of the tiles (default: the nearest to the image, at most 19)"
    )
    consistency.add_argument("--out", type=Path, required=True, help="folder of checkpoints and of the model")
    consistency.add_argument("--preset", default="compact", help="compact (default), paper or tiny")
    consistency.add_argument(
        "--image-weights",
        metavar="WEIGHTS",
        help='of a timm encoder: "pretrained", "hf-hub:OWNER/NAME", a file, "random"',
    )
    consistency.add_argument(
        "--text-weights", metavar="WEIGHTS", help='of an open_clip tower: a tag such as "openai", a file, "random"'
    )
    consistency.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="another setting of the preset; repeatable"
    )
    consistency.add_argument(
        "--anchors", type=Path, help="JSON lines as `anchors` writes them (default: computed from the map)"
    )
    consistency.add_argument("--blocks", type=int, default=6, help="geographic blocks; one is kept for validation")
    consistency.add_argument("--seed", type=int, default=0)
    consistency.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")
    region = methods.add_parser("region", help="everything a region's scan needs, cross-fitted over geographic blocks")
    importlib.import_module("mlcore.cli.train_region").add_arguments(region)
    matcher = methods.add_parser("matcher", help="what finds the points of a map, or of any picture, in an image")
    importlib.import_module("mlcore.cli.train_matcher").add_arguments(matcher)
    locator = methods.add_parser("locator", help="what finds the place of a picture among many base images")
    importlib.import_module("mlcore.cli.train_locator").add_arguments(locator)
    landmarks = methods.add_parser("landmarks", help="what finds places by words, photos, tiles and coordinates")
    importlib.import_module("mlcore.cli.train_landmarks").add_arguments(landmarks)
    words = methods.add_parser("words", help="the text tower of the landmarks, of a sentence encoder")
    importlib.import_module("mlcore.cli.train_words").add_arguments(words)


def run(args: argparse.Namespace) -> int:
    """Train the chosen method."""
    if args.method in ("region", "matcher", "locator", "landmarks", "words"):
        return importlib.import_module(f"mlcore.cli.train_{args.method}").run(args) or 0
    return run_consistency(args)


def run_consistency(args: argparse.Namespace) -> int:
    """Train U-CSA on the mapped tiles, one geographic block kept for validation; resumes from `--out`.

    Under `accelerate launch` every process comes here; the first alone reports and writes.
    """
    from mlcore.consistency.training import save_consistency, train_consistency
    from mlcore.encoders.weights import Origin
    from mlcore.learning.processes import join_processes

    config = _config(args)
    index = MapIndex(read_map(args.map).features)
    source = PairSource(open_image(args.imagery), index, read_area(args.area) if args.area else None)
    pairs = _mapped_pairs(source, args.zoom)
    training, validation = _split(pairs, args.blocks, args.seed)
    anchors = read_anchors(args.anchors) if args.anchors else {p.tile: describe_tile(p.tile, index) for p in pairs}
    processes = join_processes(args.device)
    try:
        with BarProgress("consistency") if processes.rank == 0 else _Quiet() as progress:
            model = train_consistency(
                training, anchors, config, validation=validation, run_dir=args.out,
                seed=args.seed, processes=processes, progress=progress,
            )  # fmt: skip
        if processes.rank == 0:
            digest = save_consistency(args.out / MODEL_FILE, model)
            for name, origin in model.origins.items():
                print(f"{name}: {Origin(**origin)}")
            print(
                f"{args.out / MODEL_FILE}  sha256 {digest}  ({len(training)} tiles, {len(validation)} for validation)"
            )
    except StoppedError:
        if processes.rank == 0:
            print(f"stopped; the same command goes on from the last checkpoint in {args.out}")
        return processes.leave(130)
    except BaseException:
        processes.close()
        raise
    return processes.leave(0)


class _Quiet(SilentProgress):
    """Beside the first process: says nothing, and leaves Ctrl-C to the first, which stops them all."""

    def __enter__(self) -> _Quiet:
        self._before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        return self

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self._before)


def _config(args: argparse.Namespace) -> ConsistencyConfig:
    changes: dict[str, Any] = dict(ConsistencyConfig.parse_setting(text) for text in args.set)
    for name in ("image_weights", "text_weights"):
        if getattr(args, name) is not None:
            changes[name] = getattr(args, name)
    return ConsistencyConfig.preset(args.preset, **changes)


def read_anchors(path: Path) -> dict[TileAddress, Anchor]:
    """Anchors by tile, from JSON lines as `anchors` writes them.

    Raises:
        InvalidInputError: not such a file; the line is named.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"can't read the anchors of {path}: {error}") from error
    found: dict[TileAddress, Anchor] = {}
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            tile = TileAddress(*(int(record[name]) for name in ("z", "x", "y")))
            found[tile] = parse_anchor(record["anchor"])
        except (ValueError, KeyError, TypeError, RecursionError, InvalidInputError) as error:
            raise InvalidInputError(f"line {number} of {path} is no anchor ({error}): write it by `anchors`") from error
    return found


def _mapped_pairs(source: PairSource, zoom: int | None) -> list[Pair]:
    _, south, _, north = source.reader.bounds_lonlat
    nearest = zoom_for_resolution(source.reader.resolution_m, (south + north) / 2)
    tiles: list[TileAddress] = source.tiles(min(nearest, 19) if zoom is None else zoom)
    pairs = [
        pair for pair in source.pairs([t for t in tiles if source.mapped(t)]) if pair.valid_share >= MIN_VALID_SHARE
    ]
    if not any(pair.mask.any() for pair in pairs):
        raise InvalidInputError("no building of the map lies on the image: check --map, --area and the image's place")
    return pairs


def _split(pairs: list[Pair], blocks: int, seed: int) -> tuple[list[Pair], list[Pair]]:
    """All blocks but one for training, that one for validation."""
    folds = geographic_folds([pair.tile for pair in pairs], min(blocks, len(pairs)), seed=seed)
    if blocks < 2:
        return pairs, []
    training = [pair for pair in pairs if folds[pair.tile] != 0]
    return training, [pair for pair in pairs if folds[pair.tile] == 0]
