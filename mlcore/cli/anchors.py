"""`anchors`: describe every tile of a map by its semantic anchor, one JSON line each; or show the prompt."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import shapely

from mlcore.anchors.generators.base import Generator, Outcome
from mlcore.anchors.generators.by_geometry import GeometricGenerator
from mlcore.anchors.generators.endpoint import Endpoint
from mlcore.anchors.prompt import PROMPT_VERSION, load_prompt
from mlcore.anchors.schema import SCHEMA_VERSION
from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import MAX_ZOOM, TileAddress, tiles_covering
from mlcore.imagery.raster import open_image
from mlcore.maps.coverage import read_area
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.pairs.source import PairSource, TileView
from mlcore.progress import stop_if_asked

REPORT_EVERY = 50


class MapOnly:
    """A source without an image, for the geometric generator."""

    def __init__(self, index: MapIndex) -> None:
        self.index = index

    def view(self, tile: TileAddress) -> TileView:
        raise InvalidInputError("this generator looks at the image too: name it with --image")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action",
        nargs="?",
        choices=["describe", "prompt"],
        default="describe",
        help="prompt: what a model is told",
    )
    parser.add_argument("--map", type=Path, help=".osm, .osm.gz, .osm.pbf or GeoJSON")
    parser.add_argument("--image", type=Path, help="GeoTIFF that was ingested; for transformers and http")
    parser.add_argument("--zoom", type=int, default=19, help="zoom of the tiles (default 19)")
    parser.add_argument(
        "--area", type=Path, help="GeoJSON polygon: only its tiles (default: where the map has features)"
    )
    parser.add_argument("--out", type=Path, help="JSON lines, one anchor per tile")
    parser.add_argument("--generator", choices=["geometric", "transformers", "http"], default="geometric")
    parser.add_argument("--model", default="", help="transformers: folder or hub name; http: the name it is served by")
    parser.add_argument("--device", default="cpu", help="transformers: a torch device (default cpu)")
    parser.add_argument("--batch", type=int, default=4, help="transformers: tiles at once (default 4)")
    parser.add_argument("--url", default="", help="http: base address of the endpoint, ends in /v1")
    parser.add_argument("--key-env", default="", help="http: environment variable that holds the API key")
    parser.add_argument("--concurrency", type=int, default=4, help="http: requests at once (default 4)")
    parser.add_argument("--allow-host", action="append", default=[], help="http: a host to ask though it is not public")
    parser.add_argument("--prompt-version", default=PROMPT_VERSION, help=f"default {PROMPT_VERSION}")


def run(args: argparse.Namespace) -> int:
    """Write {"z", "x", "y", "generator", "model", ..., "anchor"} per tile that could be described."""
    if args.action == "prompt":
        prompt = load_prompt(args.prompt_version)
        print(f"# prompt {prompt.version}, sha256 {prompt.digest}\n\n{prompt.system}\n\n{prompt.user}")
        return 0
    if args.map is None or args.out is None:
        raise InvalidInputError("describing tiles needs --map and --out")
    if not 0 <= args.zoom <= MAX_ZOOM:
        raise InvalidInputError(f"--zoom must lie in 0..{MAX_ZOOM}")
    features = read_map(args.map).features
    if not features:
        raise InvalidInputError(f"{args.map} holds no building, road, rail, water or green: nothing to describe")
    index = MapIndex(features)
    extent = shapely.box(*shapely.total_bounds([feature.geometry for feature in features]))
    tiles = list(tiles_covering(read_area(args.area) if args.area else extent, args.zoom))
    generator = _generator(args)
    with ExitStack() as stack:
        stack.callback(generator.close)
        source: Any = PairSource(open_image(args.image), index) if args.image else MapOnly(index)
        missing = _write(generator, tiles, source, args.out)
    print(f"{len(tiles) - len(missing)} anchors in {args.out}")
    for outcome in missing[:20]:
        print(f"missing {outcome.tile.z}/{outcome.tile.x}/{outcome.tile.y}: {outcome.reason}: {outcome.detail}")
    return 1 if missing else 0


def _generator(args: argparse.Namespace) -> Generator:
    if args.generator == "geometric":
        return GeometricGenerator()
    if args.generator == "transformers":
        from mlcore.anchors.generators.local import TransformersGenerator

        if not args.model:
            raise InvalidInputError("--generator transformers needs --model: a folder or a hub name")
        return TransformersGenerator(
            args.model, device=args.device, batch=args.batch, prompt_version=args.prompt_version
        )
    from mlcore.anchors.generators.served import HttpGenerator

    endpoint = Endpoint(args.url, args.model, key_env=args.key_env, concurrency=args.concurrency)
    return HttpGenerator(endpoint, allowed_hosts=args.allow_host, prompt_version=args.prompt_version)


def _write(generator: Generator, tiles: list[TileAddress], source: Any, out: Path) -> list[Outcome]:
    """Describe the tiles into the file; the outcomes without an anchor."""
    origin, missing = generator.origin, []
    head = {"generator": origin.generator, "schema_version": SCHEMA_VERSION}
    if origin.model:
        head |= {"model": origin.model, "model_digest": origin.model_digest, "prompt_version": origin.prompt_version}
    with BarProgress("anchors") as progress, out.open("w", encoding="utf-8") as file:
        for number, outcome in enumerate(generator.describe(tiles, source, progress.should_stop)):
            if number % REPORT_EVERY == 0:
                progress.report(number / len(tiles))
            if outcome.anchor is None:
                missing.append(outcome)
                continue
            address = {"z": outcome.tile.z, "x": outcome.tile.x, "y": outcome.tile.y}
            file.write(json.dumps({**address, **head, "anchor": outcome.anchor.to_dict()}) + "\n")
        stop_if_asked(progress)
        progress.report(1.0)
    return missing
