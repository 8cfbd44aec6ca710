"""`train matcher`: the structure matcher, or the graph matcher, on places, maps and images alone."""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from mlcore.cli.pretrain import read_pictures
from mlcore.cli.progress_bar import BarProgress
from mlcore.correspondences.config import StructureConfig
from mlcore.correspondences.graph.config import PRESETS
from mlcore.correspondences.grounds import DrawnGround, Ground, MappedGround, PhotoGround
from mlcore.correspondences.registered import registered_map
from mlcore.correspondences.search import NEARLY_PLACED
from mlcore.errors import InvalidInputError, StoppedError
from mlcore.geometry.webmercator import TileAddress, tile_at, zoom_for_resolution
from mlcore.imagery.raster import open_image
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress
from mlcore.weights import MATCHER_FILE, TRUNK_FILE

if TYPE_CHECKING:
    from mlcore.correspondences.graph.model import GraphModel
    from mlcore.correspondences.structure import StructureModel

DESIGNS = ("structure", "graph")
FINEST_ZOOM = 19
LEAST_VALID = 0.5
SHARES = {"places": 0.55, "towns": 0.2, "maps": 0.1, "photos": 0.15}
"""How often a training pair is drawn from each kind of ground, of those that are given."""
FIRST_TOWN = 101


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--place", nargs=2, type=Path, action="append", default=[], metavar=("IMAGERY", "MAP"),
        help="learn from this COG and its map, complete wherever the image has data; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--exact-place", nargs=2, type=Path, action="append", default=[], metavar=("IMAGERY", "MAP"),
        help="the same where the map is drawn to a pixel or two: its patches are learnt as well; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--registered-place", nargs=2, type=Path, action="append", default=[], metavar=("IMAGERY", "MAP"),
        help="a place whose map is first moved tile by tile to where the structure matcher of --start, or the one that "
        "ships, finds it; its patches are learnt as well; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--map", type=Path, action="append", default=[], help="learn styles from this map alone; may be repeated"
    )
    parser.add_argument(
        "--photos", type=Path, action="append", default=[], metavar="FOLDER", help="images without a map"
    )
    parser.add_argument("--photos-each", type=int, default=25, help="images taken of each such folder (25)")
    parser.add_argument("--towns", type=int, default=3, help="made towns of 16 tiles to learn from as well (3)")
    parser.add_argument(
        "--design", choices=DESIGNS, default="structure", help="the product's (structure), or the published one (graph)"
    )
    parser.add_argument("--preset", choices=tuple(PRESETS), default="compact", help="sizes of the graph (compact)")
    parser.add_argument(
        "--keep-trunk", action="store_true", help="of the graph: teach what stands on the trunk alone, in half the time"
    )
    parser.add_argument("--steps", type=int, help="of the optimiser (those of the design)")
    parser.add_argument("--batch", type=int, help="pairs a step (those of the design)")
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--start", type=Path,
        help="a matcher to go on from, with a schedule of its own; of a structure matcher the graph takes the trunk",
    )  # fmt: skip
    start.add_argument("--scratch", action="store_true", help="start from nothing, not from the trunk that ships")
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints; the same one goes on")
    parser.add_argument("--out", type=Path, required=True, help="the matcher (.safetensors)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, ...")


def run(args: argparse.Namespace) -> int:
    """Train, going on where `--run` stands, and write the matcher."""
    try:
        with BarProgress("train matcher") as progress:
            model = _trained(args, progress)
    except StoppedError:
        print(f"stopped; the same command goes on from the last checkpoint in {args.run}")
        return 130
    print(f"{args.out}  sha256 {model.save(args.out, {'seed': args.seed})}")
    return 0


def _trained(args: argparse.Namespace, progress: Progress) -> StructureModel | GraphModel:
    """The model of the design that was asked for.

    Raises:
        InvalidInputError: a preset of the graph with the other design, or a place can't be used.
    """
    from mlcore.correspondences.graph.training import train_graph
    from mlcore.correspondences.training import train_structure

    asked = {name: value for name in ("steps", "batch") if (value := getattr(args, name)) is not None}
    initial = None if args.scratch else _start(args.start)
    if args.design == "graph":
        graph = replace(PRESETS[args.preset], keep_trunk=args.keep_trunk, **asked)
        if initial is not None and args.start is None and graph.widths != StructureConfig().widths:
            initial = None  # the published sizes start from nothing: no trunk of theirs ships
        return train_graph(
            grounds_of(args), graph, run_dir=args.run, initial=initial, seed=args.seed, device=args.device,
            progress=progress,
        )  # fmt: skip
    if args.keep_trunk:
        raise InvalidInputError("--keep-trunk is for the graph: add --design graph, or leave it out")
    if args.preset != "compact":
        raise InvalidInputError(f"the preset {args.preset} is one of the graph: add --design graph, or leave it out")
    return train_structure(
        grounds_of(args), replace(StructureConfig(), **asked), run_dir=args.run, initial=initial, seed=args.seed,
        device=args.device, progress=progress,
    )  # fmt: skip


def grounds_of(args: argparse.Namespace) -> list[tuple[Ground, float]]:
    """Everything that was named, with the weight by which it is drawn.

    Raises:
        InvalidInputError: a file can't be used, or shows nothing.
    """
    from mlcore.consistency.pretraining import synthetic_place

    args.run.mkdir(parents=True, exist_ok=True)
    towns = [synthetic_place(FIRST_TOWN + number, args.run) for number in range(args.towns)]
    pictures = [picture for folder in args.photos for picture in read_pictures(folder, args.photos_each)]
    kinds: dict[str, list[Ground]] = {
        "places": [
            *(_mapped(*files, exact=False) for files in args.place),
            *(_mapped(*files, exact=True) for files in args.exact_place),
            *(_registered(*files, matcher=_registrar(args.start)) for files in args.registered_place),
        ],
        "towns": [MappedGround(town.source, town.tiles, exact=True) for town in towns],
        "maps": [_drawn(path) for path in args.map],
        "photos": [PhotoGround(pictures)] if pictures else [],
    }
    return [(ground, SHARES[kind] / len(several)) for kind, several in kinds.items() for ground in several]


@cache
def _index(path: Path) -> MapIndex:
    return MapIndex(read_map(path).features)


def _mapped(image: Path, map_: Path, *, exact: bool) -> MappedGround:
    source, tiles = _place(image, map_)
    return MappedGround(source, tiles, exact=exact)


def _registered(image: Path, map_: Path, *, matcher: Path) -> MappedGround:
    from mlcore.correspondences.matcher import StructureMatcher

    source, tiles = _place(image, map_)
    index, found = registered_map(StructureMatcher.load(matcher, NEARLY_PLACED), source, tiles)
    if not found:
        raise InvalidInputError(f"the map of {image.name} is found on no tile: name it with --place")
    return MappedGround(source.with_index(index), found, exact=True)


def _place(image: Path, map_: Path) -> tuple[PairSource, list[TileAddress]]:
    source = PairSource(open_image(image), _index(map_))
    lat = float(source.reader.footprint_lonlat.centroid.y)
    zoom = min(FINEST_ZOOM, zoom_for_resolution(source.reader.resolution_m, lat) + 1)
    tiles = [tile for tile in source.tiles(zoom) if source.reader.read_tile(tile, 64).valid.mean() >= LEAST_VALID]
    if not tiles:
        raise InvalidInputError(f"{image.name} shows too little of any tile of zoom {zoom}: choose a larger image")
    return source, tiles


def _drawn(path: Path) -> DrawnGround:
    index = _index(path)
    places = [feature.geometry.representative_point() for feature in index.buildings]
    return DrawnGround(index, sorted({tile_at(place.x, place.y, FINEST_ZOOM) for place in places}))


def _is_graph(matcher: Path) -> bool:
    from mlcore.correspondences.graph.model import MODEL_KIND
    from mlcore.learning.checkpoints import read_tensors

    return bool(read_tensors(matcher)[1].get("kind") == MODEL_KIND)


def _registrar(start: Path | None) -> Path:
    """The structure matcher that moves maps: the one to go on from, else the one that ships."""
    return MATCHER_FILE if start is None or _is_graph(start) else start


def _start(matcher: Path | None) -> dict[str, Tensor] | None:
    """The weights of a matcher, else the trunk that ships, which learnt building evidence."""
    from mlcore.correspondences.graph.model import GraphModel
    from mlcore.correspondences.structure import StructureModel
    from mlcore.learning.checkpoints import read_tensors

    if matcher is not None:
        return (GraphModel if _is_graph(matcher) else StructureModel).load(matcher).state_dict()
    return read_tensors(TRUNK_FILE)[0] if TRUNK_FILE.is_file() else None
