"""What a large map costs: peak memory of a process that indexes a made map of buildings, draws it and compares a place.

    python benchmarks/memory.py [--features N]

Writes benchmarks/results/memory.json: `map_features` and `peak_mb`, the largest resident memory of the process that did
the work (PyTorch and the networks are in it), `import_mb`, what that process held before it saw the map, the seconds
that indexing took, and tiles per second of drawing.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import shapely

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from benchmarks.common import write_result
from mlcore.geometry.webmercator import TILE_PX, TileAddress, tiles_covering
from mlcore.maps.features import MapFeature, NodeRef
from mlcore.maps.index import MapIndex
from mlcore.maps.render import MapRenderer

WEST, SOUTH = 85.0, 27.0
STEP = 2e-4  # degrees between buildings: about 20 m, as in a dense town
ZOOM = 19
DRAWN, COMPARED = 400, 4  # tiles; tiles per side


def main() -> int:
    """Measure in a process of its own, print and store."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=int, default=3_000_000)
    args = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=measure, args=(args.features, sender))
    child.start()
    sender.close()  # the child's end alone stays open, so that its death is heard
    figures = receiver.recv()
    child.join()
    write_result("memory", figures, seeds=[0])
    return child.exitcode or 0


def measure(count: int, sender: Any) -> None:
    """Index, draw and compare; the peak is this process's own."""
    from mlcore.region.shipped import shipped_model

    model = shipped_model()
    before = peak_mb()
    start = time.perf_counter()
    index = MapIndex(town(count))
    indexed = time.perf_counter()
    side = int(np.ceil(np.sqrt(count)))
    tiles = list(tiles_covering(shapely.box(WEST, SOUTH, WEST + STEP * side, SOUTH + STEP * side), ZOOM))
    chosen = np.random.default_rng(0).choice(len(tiles), DRAWN, replace=False)
    renderer = MapRenderer()
    for number in chosen:
        renderer.render(tiles[int(number)], index)
    drawn = time.perf_counter()
    if model is not None:
        with tempfile.TemporaryDirectory() as folder:
            compare(model, index, tiles[len(tiles) // 2], Path(folder))
    figures = {
        "map_features": len(index),
        "peak_mb": round(peak_mb(), 1),
        "import_mb": round(before, 1),
        "index_s": round(indexed - start, 1),
        "drawn_tiles_per_s": round(DRAWN / (drawn - indexed), 1),
    }
    sender.send(json.loads(json.dumps(figures)))


def town(count: int) -> Iterator[MapFeature]:
    """Buildings of four corners on a jittered grid, each with nodes, tags and version as an OSM extract has them."""
    rng = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(count)))
    for row in range(side):
        jitter = rng.uniform(0, STEP / 3, (side, 2))
        size = rng.uniform(STEP / 4, STEP / 2, (side, 2))
        for column in range(min(side, count - row * side)):
            number = row * side + column
            x, y = WEST + column * STEP + jitter[column, 0], SOUTH + row * STEP + jitter[column, 1]
            width, height = size[column]
            ring = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
            nodes = tuple(
                NodeRef(4 * number + corner % 4 + 1, 1, float(lon), float(lat), False)
                for corner, (lon, lat) in enumerate(ring)
            )
            tags = {"building": "yes", "addr:housenumber": str(number % 200)}
            yield MapFeature("building", shapely.Polygon(ring), tags, "way", number + 1, 1, None, nodes)


def compare(model: Any, index: MapIndex, corner: TileAddress, folder: Path) -> None:
    """Scan a few tiles of a made image against the map."""
    from mlcore.imagery.raster import open_image
    from mlcore.pairs.source import PairSource

    tiles = [TileAddress(corner.z, corner.x + x, corner.y + y) for y in range(COMPARED) for x in range(COMPARED)]
    source = PairSource(open_image(write_image(folder / "image.tif", corner)), index)
    model.scan(source, tiles, evidence_path=folder / "evidence.tif")


def write_image(path: Path, corner: TileAddress) -> Path:
    """Noise with georeference: what the networks say of it matters not, what they hold meanwhile does."""
    import rasterio
    from rasterio.transform import from_origin

    west, _, _, north = corner.bounds_mercator
    east, *_ = TileAddress(corner.z, corner.x + 1, corner.y).bounds_mercator
    side = COMPARED * TILE_PX
    cell = (east - west) / TILE_PX
    pixels = np.random.default_rng(0).integers(1, 255, (3, side, side), dtype=np.uint8)
    profile = {"driver": "GTiff", "width": side, "height": side, "count": 3, "dtype": "uint8", "crs": "EPSG:3857"}
    with rasterio.open(path, "w", transform=from_origin(west, north, cell, cell), **profile) as target:
        target.write(pixels)
    return path


def peak_mb() -> float:
    """Largest resident memory of this process so far (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
