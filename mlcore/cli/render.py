"""`python -m mlcore render MAP Z/X/Y... --out FOLDER`: draw map tiles as PNG."""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2

from mlcore.errors import InvalidInputError
from mlcore.geometry.webmercator import TILE_PX, TileAddress, tiles_covering
from mlcore.maps.coverage import read_area
from mlcore.maps.features import MapFeature, feature_from_json
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.maps.render import MapRenderer
from mlcore.maps.style import STYLE_FILE, load_style


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("map", type=Path, help=".osm, .osm.gz, .osm.pbf, GeoJSON, or .jsonl of `ingest map`")
    parser.add_argument("tiles", nargs="*", help="tiles as Z/X/Y")
    parser.add_argument("--area", type=Path, help="GeoJSON area: draw every tile in it at --zoom")
    parser.add_argument("--zoom", type=int, default=18)
    parser.add_argument("--size", type=int, default=TILE_PX, help="pixels a side")
    parser.add_argument("--style", type=Path, default=STYLE_FILE)
    parser.add_argument("--mask", action="store_true", help="draw the mask of buildings instead")
    parser.add_argument("--out", type=Path, required=True, help="folder for Z/X/Y.png")


def run(args: argparse.Namespace) -> int:
    features = read_features(args.map)
    index, renderer = MapIndex(features), MapRenderer(load_style(args.style))
    tiles = [_parse_tile(text) for text in args.tiles]
    if args.area:
        tiles += tiles_covering(read_area(args.area), args.zoom)
    if not tiles:
        raise InvalidInputError("no tile was asked for: name tiles as Z/X/Y, or give --area and --zoom")
    for tile in tiles:
        if args.mask:
            picture = renderer.building_mask(tile, index, args.size)
        else:
            picture = cv2.cvtColor(renderer.render(tile, index, args.size), cv2.COLOR_RGB2BGR)
        path = args.out / str(tile.z) / str(tile.x) / f"{tile.y}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), picture)
    print(f"{len(tiles)} tiles of {len(features)} features under {args.out}")
    return 0


def read_features(path: Path) -> list[MapFeature]:
    """Features of a map file of any format, or of the lines that ingestion wrote."""
    if path.suffix != ".jsonl":
        return read_map(path).features
    if not path.is_file():
        raise InvalidInputError(f"there is no map file {path.name!r}: check the path")
    with path.open(encoding="utf-8") as file:
        return [feature_from_json(line) for line in file if line.strip()]


def _parse_tile(text: str) -> TileAddress:
    try:
        z, x, y = (int(part) for part in text.split("/"))
    except ValueError as error:
        raise InvalidInputError(f"{text!r} is not a tile: write it as Z/X/Y") from error
    return TileAddress(z, x, y)
