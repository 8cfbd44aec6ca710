"""`build`: sets to learn from and to measure on; `build pairs` is hybrid ground truth out of a large image and map."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from mlcore.cli.progress_bar import BarProgress
from mlcore.correspondences.hybrid.builder import build_pairs
from mlcore.correspondences.hybrid.config import HybridConfig
from mlcore.correspondences.hybrid.sources import NOT_STATED, Sources, side_of
from mlcore.correspondences.hybrid.views import FREE_SPAN, SMALLEST, Matchers
from mlcore.digests import sha256_of
from mlcore.errors import StoppedError
from mlcore.weights import MATCHER_FILE

_OWNERS = ("licence", "attribution")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    sets = parser.add_subparsers(dest="set", required=True, metavar="set")
    pairs = sets.add_parser("pairs", help="512 px windows of image and map with homographies, in MapData's layout")
    default = HybridConfig()
    pairs.add_argument("--image", type=Path, required=True, help="a GeoTIFF, PNG or JPEG, up to 65,536 px a side")
    pairs.add_argument(
        "--map", type=Path, required=True, help="a picture of a map, placed or not, or vectors (OSM file, GeoJSON)"
    )
    pairs.add_argument("--out", type=Path, required=True, help="folder of the set; the same command goes on in it")
    pairs.add_argument(
        "--points", type=Path, help="QGIS .points that place the map, where it is not placed and not found"
    )
    pairs.add_argument("--weights", type=Path, help="of a structure matcher (default: those that ship)")
    pairs.add_argument(
        "--side", type=int, help="of a window in pixels of the image (default: of 0.3 m per pixel kept, or 512)"
    )
    pairs.add_argument(
        "--ratio",
        type=float,
        help="pixels of the image per pixel of an unplaced map (default: both show the same)",
    )
    for name, kind, text in (
        ("windows", int, "sampling points at most"),
        ("stride", float, "distance of sampling points, in sides"),
        ("block", int, "side of the blocks that the set is split by, in strides"),
        ("tries", int, "views that are matched at most to find an unplaced map"),
        ("seed", int, "of the sampling points and of the split"),
    ):
        pairs.add_argument(f"--{name}", type=kind, default=getattr(default, name), help=f"{text} (%(default)s)")
    pairs.add_argument(
        "--gate", type=float, metavar="LOG10_NFA", help="mark as verified what chance explains no oftener (none is)"
    )
    for which in ("image", "map"):
        pairs.add_argument(f"--{which}-licence", default=NOT_STATED)
        pairs.add_argument(f"--{which}-attribution", default=NOT_STATED)


def run(args: argparse.Namespace) -> int:
    """Build the set, going on where a run before was stopped, and tell what came out."""
    settings = {name: getattr(args, name) for name in ("ratio", "windows", "stride", "block", "tries", "seed")}
    config = HybridConfig(side=args.side or side_of(args.image), gate_log10_nfa=args.gate, **settings)
    told = {f"{which}_{what}": getattr(args, f"{which}_{what}") for which in ("image", "map") for what in _OWNERS}
    sources = Sources(args.image, args.map, args.points, **told)
    try:
        with BarProgress("build pairs") as progress:
            made = build_pairs(sources, args.out, matchers_of(args.weights or MATCHER_FILE), config, progress)
    except StoppedError:
        print(f"stopped; the same command goes on in {args.out}")
        return 130
    print(_words(made, args.out))
    return 0


def matchers_of(weights: Path) -> Matchers:
    """The structure matcher, once for any angle and once for what is nearly placed."""
    from mlcore.correspondences.matcher import StructureMatcher
    from mlcore.correspondences.search import NEARLY_PLACED, SearchRange

    free = StructureMatcher.load(weights, SearchRange(180.0, (SMALLEST, FREE_SPAN)))
    near = StructureMatcher(free.model, NEARLY_PLACED)
    return Matchers(free, near, StructureMatcher.name, sha256_of(weights))


def _words(made: dict[str, Any], out: Path) -> str:
    coarse = made["coarse"]
    off = "" if coarse["rmse_px"] is None else f", {coarse['rmse_px']:.1f} px of the image off"
    lines = [f"coarse by {coarse['found_by']}: {coarse['agreeing']} of {coarse['windows']} windows agree{off}"]
    left = ", ".join(f"{count} {rule.replace('_', ' ')}" for rule, count in made["left_out"].items() if count)
    lines.append(f"{made['pairs']} pairs of {made['sampling_points']} sampling points; left out: {left or 'none'}")
    parts = ", ".join(f"{count} {part}" for part, count in made["parts"].items())
    return "\n".join([*lines, f"{out}: {parts}"])
