"""`python -m mlcore edits`: put seeded errors into a real map and keep the truth."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from mlcore.cli.progress_bar import BarProgress
from mlcore.geometry.webmercator import tiles_covering
from mlcore.maps.coverage import read_area
from mlcore.maps.osm_files import read_map
from mlcore.synthetic.edit_files import save_edits, write_map_geojson, write_truth_geojson
from mlcore.synthetic.edits import EditCounts, simulate_edits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("map", type=Path, help="the true map: .osm, .osm.gz, .osm.pbf or GeoJSON")
    parser.add_argument("--out", type=Path, required=True, help="folder for map.geojson, edits.json and truth.geojson")
    parser.add_argument("--remove", type=int, default=20, help="invented buildings, which an editor would remove (20)")
    parser.add_argument("--add", type=int, default=20, help="deleted buildings, which an editor would add (20)")
    parser.add_argument("--modify", type=int, default=20, help="buildings reshaped and shifted, half each (20)")
    parser.add_argument("--split-merge", type=int, default=0, help="buildings split or merged, in turn (0)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other edits (0)")
    parser.add_argument("--area", type=Path, help="GeoJSON area; edits lie wholly inside it")
    parser.add_argument("--cluster", type=float, default=1.0, help="share of the area's tiles that receive edits (1.0)")
    parser.add_argument("--zoom", type=int, default=19, help="zoom of those tiles (19)")
    parser.add_argument("--quiet", action="store_true", help="no progress")


def run(args: argparse.Namespace) -> int:
    features = read_map(args.map).features
    area = read_area(args.area) if args.area else None
    tiles = list(tiles_covering(area, args.zoom)) if area is not None else None
    counts = EditCounts(args.remove, args.add, args.modify - args.modify // 2, args.modify // 2, args.split_merge)
    with BarProgress("edits", quiet=args.quiet) as progress:
        edited = simulate_edits(
            features, counts=counts, area=area, tiles=tiles, seed=args.seed, cluster=args.cluster, progress=progress
        )
    args.out.mkdir(parents=True, exist_ok=True)
    write_map_geojson(args.out / "map.geojson", edited.features)
    save_edits(args.out / "edits.json", edited, features)
    write_truth_geojson(args.out / "truth.geojson", edited)
    told = ", ".join(f"{n} {method}" for method, n in sorted(Counter(e.method for e in edited.edits).items()))
    print(f"{args.out}: {len(edited.features)} features, {len(edited.edits)} edits ({told})")
    return 0
