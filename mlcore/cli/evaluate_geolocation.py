"""`evaluate geolocation`: the locator and its baselines on one seeded protocol, on real places or on a set on disk."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import InvalidInputError

if TYPE_CHECKING:
    from mlcore.evaluation.geolocation.placers import Placer
    from mlcore.progress import Progress
    from mlcore.suites.geolocation import Suite

DATA_VARIABLE = "MAPWRIGHT_DATA"
METHODS = ("locator", "sift", "colour")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--data", type=Path, help=f"folder of the shared real places (default: ${DATA_VARIABLE})")
    where.add_argument("--places", type=Path, nargs="+", help="in their place: folders of georeferenced *.tif")
    where.add_argument("--tzc", type=Path, help="in their place: a folder of base maps, as TZC's")
    where.add_argument("--mtgl", type=Path, help="in their place: scenes of several dates, as MTGL40-5's")
    parser.add_argument("--foreign", type=Path, nargs="*", default=[], help="with --places: folders that are no bases")
    parser.add_argument("--resolution", type=float, help="of --tzc or --mtgl, metres per pixel (1.0, 0.5)")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--weights", type=Path, help="of a locator (default: the one that ships)")
    parser.add_argument("--queries", type=int, default=40, help="of held-out places, and as many foreign ones (40)")
    parser.add_argument("--sift-queries", type=int, help="SIFT gets only so many of each (default: all)")
    parser.add_argument("--distractors", type=int, default=1000, help="of --data: pictures among the bases (1000)")
    parser.add_argument("--towns", type=int, default=8, help="of --data: made towns among the bases (8)")
    parser.add_argument("--side", type=int, default=2048, help="of a base, pixels (2048)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ablations", action="store_true", help="train and measure the variants of Tables 3 and 4")
    parser.add_argument("--variants", nargs="+", help="with --ablations: only these")
    parser.add_argument("--steps", type=int, default=300, help="with --ablations: steps of each variant (300)")
    parser.add_argument("--preset", default="compact", help="with --ablations: compact (default), paper or tiny")
    parser.add_argument("--encoder-weights", metavar="FILE", help="with --ablations: as of train locator")
    parser.add_argument("--device", default="cpu", help="with --ablations: cpu (default), cuda, ...")
    parser.add_argument("--out", type=Path, required=True, help="folder of features and outcomes; the same goes on")


def run(args: argparse.Namespace) -> int:
    """Measure what `--out` does not hold yet, and write geolocation.json and geolocation.md."""
    from mlcore.suites.geolocation_run import markdown, run_placers, told, write_tables

    if min(args.queries, args.sift_queries or 1, args.steps) < 1 or min(args.distractors, args.towns, args.seed) < 0:
        raise InvalidInputError("--queries, --sift-queries and --steps must be 1 or more, the others 0 or more")
    args.out.mkdir(parents=True, exist_ok=True)
    with BarProgress("geolocation") as progress:
        suite = suite_of(args, progress)
        if args.ablations:
            return run_ablations(args, suite, progress)
        placers = placers_of(args, suite, progress)
        most = {"sift": args.sift_queries} if args.sift_queries else {}
        table = told(suite, run_placers(suite, placers, args.out, most=most, progress=progress))
    write_tables(suite, table, args.out)
    print(markdown(suite, table))
    return 0


def suite_of(args: argparse.Namespace, progress: Progress) -> Suite:
    """What was asked for as bases and queries."""
    from mlcore.suites.geolocation import folders_suite, standard_suite
    from mlcore.suites.geolocation_sets import set_suite

    if args.places:
        return folders_suite(args.places, args.foreign, queries=args.queries, seed=args.seed, side_px=args.side)
    if args.tzc or args.mtgl:
        return set_suite(
            args.tzc or args.mtgl, "tzc" if args.tzc else "mtgl", queries=args.queries, seed=args.seed,
            resolution_m=args.resolution,
        )  # fmt: skip
    data = args.data or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if data is None:
        raise InvalidInputError(f"say where the images lie: --data (or ${DATA_VARIABLE}), --places, --tzc or --mtgl")
    return standard_suite(
        data, args.out, queries=args.queries, seed=args.seed, distractors=args.distractors, made_towns=args.towns,
        side_px=args.side, progress=progress,
    )  # fmt: skip


def placers_of(args: argparse.Namespace, suite: Suite, progress: Progress) -> list[Placer]:
    """The methods by name, each with its features of all bases."""
    from mlcore.evaluation.geolocation.descriptors import DescriptorPlacer, colour_and_texture
    from mlcore.evaluation.geolocation.sift import SiftPlacer

    placers: list[Placer] = []
    if "locator" in args.methods:
        from mlcore.evaluation.geolocation.locators import load_locator, locator_placers

        placers += locator_placers(load_locator(args.weights), suite.reference, args.out / "features", progress)
    if "sift" in args.methods:
        placers.append(SiftPlacer.of(suite.reference, progress))
    if "colour" in args.methods:
        placers.append(DescriptorPlacer.of("colour", suite.reference, colour_and_texture, progress))
    return placers


def run_ablations(args: argparse.Namespace, suite: Suite, progress: Progress) -> int:
    """The variants, each trained and measured where `--out` does not hold it yet."""
    from mlcore.suites.geolocation_ablations import learnt_grounds, run_variants, variants_table
    from mlcore.suites.geolocation_run import told, write_tables

    data = args.data or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if data is None:
        raise InvalidInputError(f"variants are taught on the shared real places: say where with ${DATA_VARIABLE}")
    outcomes = run_variants(
        suite, learnt_grounds(data), args.out, preset=args.preset, steps=args.steps, names=args.variants,
        encoder_weights=args.encoder_weights, seed=args.seed, device=args.device, progress=progress,
    )  # fmt: skip
    table = told(suite, outcomes)
    write_tables(suite, table, args.out)
    print(variants_table(table))
    return 0
