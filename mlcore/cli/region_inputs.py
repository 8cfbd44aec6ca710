"""Arguments and inputs that the commands about regions share."""

from __future__ import annotations

import argparse
from pathlib import Path

from mlcore.geometry.webmercator import TileAddress, zoom_for_resolution
from mlcore.imagery.raster import open_image
from mlcore.maps.coverage import read_area
from mlcore.maps.index import MapIndex
from mlcore.maps.osm_files import read_map
from mlcore.pairs.source import PairSource

LARGEST_ZOOM = 19


def add_input_arguments(parser: argparse.ArgumentParser) -> None:
    """--imagery, --map, --area and --zoom."""
    parser.add_argument("--imagery", type=Path, required=True, help="an ingested COG in EPSG:3857")
    parser.add_argument("--map", type=Path, required=True, help=".osm, .osm.gz, .osm.pbf or GeoJSON")
    parser.add_argument("--area", type=Path, help="GeoJSON polygon where the map is complete (default: everywhere)")
    parser.add_argument("--zoom", type=int, help="zoom of the tiles (default: the nearest to the image, at most 19)")


def read_source(args: argparse.Namespace) -> PairSource:
    """The pair source of the arguments."""
    return PairSource(
        open_image(args.imagery), MapIndex(read_map(args.map).features), read_area(args.area) if args.area else None
    )


def region_tiles(source: PairSource, zoom: int | None) -> list[TileAddress]:
    """The region's tiles at the given zoom, or at the zoom nearest to the image."""
    _, south, _, north = source.reader.bounds_lonlat
    nearest = zoom_for_resolution(source.reader.resolution_m, (south + north) / 2)
    return source.tiles(min(nearest, LARGEST_ZOOM) if zoom is None else zoom)
