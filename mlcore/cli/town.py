"""`python -m mlcore town`: write a synthetic town - image, map and what the map misses."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path

from mlcore.cli.progress_bar import BarProgress
from mlcore.progress import SpanProgress
from mlcore.synthetic.town import TownConfig, generate_town
from mlcore.synthetic.town_files import write_town


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, help="folder for the image, map, area and true changes")
    parser.add_argument("--seed", type=int, default=7, help="another seed is another place (default 7)")
    parser.add_argument("--columns", type=int, default=15, help="tiles from west to east (default 15)")
    parser.add_argument("--rows", type=int, default=15, help="tiles from north to south (default 15)")
    parser.add_argument("--zoom", type=int, default=19, help="zoom of the grid (default 19)")
    parser.add_argument("--changed-share", type=float, default=0.06, help="share of buildings that change")
    parser.add_argument("--both-dates", action="store_true", help="also write imagery_before.tif")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(args: argparse.Namespace) -> int:
    config = TownConfig(args.seed, args.columns, args.rows, args.zoom, changed_share=args.changed_share)
    with BarProgress("town", quiet=args.quiet) as progress:
        start = time.perf_counter()
        town = generate_town(config, SpanProgress(progress, 0.0, 0.7))
        rate = len(town.tiles) / (time.perf_counter() - start)
        write_town(town, args.out, both_dates=args.both_dates, progress=SpanProgress(progress, 0.7, 1.0))
    kinds = Counter(change.kind for change in town.changes)
    told = ", ".join(f"{kinds[kind]} {kind}" for kind in ("add", "remove", "modify"))
    print(f"{args.out}: {len(town.tiles)} tiles ({rate:.0f} tiles/s), {len(town.features)} features, to find: {told}")
    return 0
