"""`anchors`: describe every tile of a map by its semantic anchor, one JSON line each."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import shapely

from mlcore.anchors.geometric import GENERATOR, describe_tile
from mlcore.anchors.schema import SCHEMA_VERSION
from mlcore.cli.progress_bar import BarProgress
from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import MAX_ZOOM, tiles_covering
from mlcore.progress import stop_if_asked
from mlcore.tiles.coverage import read_area
from mlcore.tiles.index import MapIndex
from mlcore.tiles.osm_files import read_map

REPORT_EVERY = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--map", type=Path, required=True, help=".osm, .osm.gz, .osm.pbf or GeoJSON")
    parser.add_argument("--zoom", type=int, default=19, help="zoom of the tiles (default 19)")
    parser.add_argument(
        "--area", type=Path, help="GeoJSON polygon: only its tiles (default: where the map has features)"
    )
    parser.add_argument("--out", type=Path, required=True, help="JSON lines, one anchor per tile")


def run(args: argparse.Namespace) -> int:
    """Write {"z", "x", "y", "generator", "schema_version", "anchor"} per tile."""
    if not 0 <= args.zoom <= MAX_ZOOM:
        raise InvalidInputError(f"--zoom must lie in 0..{MAX_ZOOM}")
    features = read_map(args.map).features
    if not features:
        raise InvalidInputError(f"{args.map} holds no building, road, rail, water or green: nothing to describe")
    index = MapIndex(features)
    extent = shapely.box(*shapely.total_bounds([feature.geometry for feature in features]))
    tiles = list(tiles_covering(read_area(args.area) if args.area else extent, args.zoom))
    with BarProgress("anchors") as progress, args.out.open("w", encoding="utf-8") as file:
        for number, tile in enumerate(tiles):
            if number % REPORT_EVERY == 0:
                stop_if_asked(progress)
                progress.report(number / len(tiles))
            anchor = describe_tile(tile, index)
            head = {"z": tile.z, "x": tile.x, "y": tile.y, "generator": GENERATOR, "schema_version": SCHEMA_VERSION}
            file.write(json.dumps({**head, "anchor": anchor.to_dict()}) + "\n")
        progress.report(1.0)
    print(f"{len(tiles)} anchors in {args.out}")
    return 0
