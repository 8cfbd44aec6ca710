"""Makes small rasters, maps and features for the tests of tiles."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from rasterio.crs import CRS
from rasterio.transform import from_origin

from mlcore.geometry.webmercator import WORLD_M, TileAddress, xy_to_lonlat
from mlcore.maps.features import MapFeature

TILE = TileAddress(19, 386690, 220240)
DATA = Path(os.environ.get("MAPWRIGHT_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def real_data(name: str) -> Path:
    """A real file; skips the test where it is absent."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"real data {name} is absent: set MAPWRIGHT_DATA to the folder that has it")
    return path


def box_px(x0: float, y0: float, x1: float, y1: float, tile: TileAddress = TILE) -> shapely.Polygon:
    """A rectangle in pixels of a 256 px tile, as degrees."""
    return shapely.Polygon(xy_to_lonlat(np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]]), tile))


def building(geometry: shapely.Polygon, osm_id: int = 1, **tags: str) -> MapFeature:
    return MapFeature("building", geometry, {"building": "yes", **tags}, "way", osm_id, 1)


def write_tiff(path: Path, values: np.ndarray, crs: str, west: float, north: float, cell: float, **profile) -> Path:
    """A GeoTIFF of (bands, H, W) values whose north-west corner and cell are in units of `crs`."""
    mask = profile.pop("mask", None)
    height, width = values.shape[1:]
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            path, "w", driver="GTiff", width=width, height=height, count=len(values), dtype=values.dtype,
            crs=CRS.from_string(crs), transform=from_origin(west, north, cell, cell), **profile,
        ) as data,
    ):  # fmt: skip
        data.write(values)
        if mask is not None:
            data.write_mask(mask)
    return path


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth uint8 (3, H, W) values, so that JPEG and warping change them little."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 6, 3)
    rows, columns = np.mgrid[0:height, 0:width] / 40.0
    waves = [np.sin(rows + p) + np.cos(columns * (1 + 0.3 * i) + p) for i, p in enumerate(phase)]
    return np.rint(127 + 50 * np.stack(waves)).astype(np.uint8)


def grid_tiff(path: Path, tiles: int = 2, zoom: int = 20, **profile) -> Path:
    """A GeoTIFF on the XYZ grid, `tiles` x `tiles` tiles of zoom 20 from TILE's first child."""
    cell = WORLD_M / 2**zoom / 256
    west, _, _, north = TILE.bounds_mercator
    return write_tiff(path, photo(256 * tiles, 256 * tiles), "EPSG:3857", west, north, cell, **profile)


OSM_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6" generator="test">\n'


def osm_xml(*elements: str) -> str:
    return OSM_HEAD + "\n".join(elements) + "\n</osm>\n"


def osm_node(node_id: int, lon: float, lat: float, version: int | None = 1, tags: str = "") -> str:
    meta = f' version="{version}" timestamp="2024-05-0{version}T10:00:00Z"' if version else ""
    return f'<node id="{node_id}" lon="{lon}" lat="{lat}"{meta}>{tags}</node>'


def osm_way(way_id: int, refs: list[int], version: int | None = 1, **tags: str) -> str:
    meta = f' version="{version}" timestamp="2024-05-0{version}T10:00:00Z"' if version else ""
    nodes = "".join(f'<nd ref="{ref}"/>' for ref in refs)
    return f'<way id="{way_id}"{meta}>{nodes}{osm_tags(**tags)}</way>'


def osm_relation(relation_id: int, members: list[tuple[str, int, str]], version: int = 1, **tags: str) -> str:
    inner = "".join(f'<member type="{t}" ref="{ref}" role="{role}"/>' for t, ref, role in members)
    meta = f'version="{version}" timestamp="2024-05-01T10:00:00Z"'
    return f'<relation id="{relation_id}" {meta}>{inner}{osm_tags(**tags)}</relation>'


def osm_tags(**tags: str) -> str:
    return "".join(f'<tag k="{key.replace("__", ":")}" v="{value}"/>' for key, value in tags.items())


def square_nodes(first: int, lon: float, lat: float, side: float) -> list[str]:
    """Four nodes first..first+3 around (lon, lat), `side` degrees wide."""
    corners = [(0, 0), (side, 0), (side, side), (0, side)]
    return [osm_node(first + i, lon + dx, lat + dy) for i, (dx, dy) in enumerate(corners)]


MEASURED_INGEST = """
import resource, sys
from mlcore.errors import InvalidInputError
from mlcore.ingestion.sandbox import run_ingest
try:
    run_ingest(sys.argv[1], sys.argv[2], sys.argv[3])
except InvalidInputError as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def refusal_and_memory_kb(kind: str, source: Path, target: Path) -> tuple[str, int]:
    """How an ingestion was refused, and the most memory its child took, measured in a process of its own."""
    command = [sys.executable, "-c", MEASURED_INGEST, kind, str(source), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *refusal, peak = done.stdout.strip().splitlines()
    return " ".join(refusal), int(peak)
