"""Image tiles: reading them beside rio-tiler, and how long a kept one takes over HTTP.

    python benchmarks/tile_speed.py --rio-tiler PYTHON      # an interpreter with rio-tiler, by itself in an environment

Tiles of Banepa in an order drawn by the seed, at four zooms and two sizes; magnified ones are bilinear on both sides
(rio-tiler's own default there is the nearest pixel). Processor time of one process counts, the best of the passes, each
with a freshly opened file.

* `ratio_to_rio_tiler`: rio-tiler's time over ours, the geometric mean of all cases; `zZ_SIZE/ratio` of one case,
  `zZ_SIZE/ms` ours, `least_ratio` the lowest.
* `cached_p50_ms`, `cached_p95_ms`: a tile that the cache holds, asked of the web server by one signed-in client after
  another, by the clock; `first_p50_ms`: the same tile before it was kept.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import review_common as common
from common import data_folder, write_result

CASES = tuple((zoom, size) for zoom in (16, 18, 19, 20) for size in (256, 512))
COLUMNS, ROWS = range(386684, 386704), range(220235, 220250)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rio-tiler", required=True, metavar="PYTHON", help="interpreter that has rio-tiler")
    parser.add_argument("--tiles", type=int, default=120, help="tiles of each case, at most")
    parser.add_argument("--passes", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    figures: dict[str, float] = {}
    for zoom, size in CASES:
        figures |= measure(zoom, size, args)
    ratios = [value for key, value in figures.items() if key.endswith("/ratio")]
    product = 1.0
    for ratio in ratios:
        product *= ratio
    figures |= {"ratio_to_rio_tiler": product ** (1 / len(ratios)), "least_ratio": min(ratios)}
    with common.own_database("bench_tile_speed") as database, tempfile.TemporaryDirectory() as folder:
        figures |= over_http(database, Path(folder))
    write_result(
        "tile_speed",
        {key: round(value, 3) for key, value in figures.items()},
        seeds=[args.seed],
        command="python benchmarks/tile_speed.py --rio-tiler PYTHON",
    )


def measure(zoom: int, size: int, args: argparse.Namespace) -> dict[str, float]:
    """Both sides on the same tiles."""
    from mlcore.geometry.webmercator import TileAddress
    from mlcore.imagery.raster import ImageReader

    path = data_folder() / "banepa" / "banepa.tif"
    step = 2.0 ** (zoom - 19)
    every = sorted({(zoom, int(x * step), int(y * step)) for x in COLUMNS for y in ROWS})
    tiles = random.Random(args.seed).sample(every, min(args.tiles, len(every)))
    best = float("inf")
    for _ in range(args.passes):
        reader = ImageReader(path)
        begun = time.process_time()
        for address in tiles:
            reader.read_tile(TileAddress(*address), size)
        best = min(best, time.process_time() - begun)
    job = {"path": str(path), "tiles": tiles, "size_px": size, "passes": args.passes}
    peer = [args.rio_tiler, str(Path(__file__).with_name("tile_speed_rio.py"))]
    done = subprocess.run(peer, input=json.dumps(job), capture_output=True, text=True, check=True)
    theirs, ours = json.loads(done.stdout)["ms_per_tile"], best * 1000 / len(tiles)
    print(f"z{zoom} {size} px: {ours:.2f} ms, rio-tiler {theirs:.2f} ms", flush=True)
    return {f"z{zoom}_{size}/ms": ours, f"z{zoom}_{size}/ratio": theirs / ours}


def over_http(database: str, folder: Path) -> dict[str, float]:
    """The tiles of a made town from a web server of its own."""
    import httpx
    from django.conf import settings

    from annotation.sources.models import Imagery
    from annotation.tiles.models import Tile
    from mlcore.synthetic.town import TownConfig, generate_town
    from mlcore.synthetic.town_files import write_town
    from tests.annotation.review.server import WebServer
    from tests.browser.stock import build_region

    settings.MEDIA_ROOT = folder / "media"
    town = generate_town(TownConfig(seed=11, columns=8, rows=8))
    build_region(town, write_town(town, folder / "town"), candidates=0)
    imagery = Imagery.objects.get()
    environment = {
        "MAPWRIGHT_DB_NAME": database, "MAPWRIGHT_VAR": str(folder / "var"), "MAPWRIGHT_RUN_DIR": str(settings.RUN_DIR),
        "MAPWRIGHT_MEDIA": str(settings.MEDIA_ROOT),
    }  # fmt: skip
    _, session = common.administrator()
    paths = [f"/tiles/image/{imagery.pk}/{t.z}/{t.x}/{t.y}.webp" for t in Tile.objects.all()]
    first, kept = [], []
    with WebServer(environment) as url, httpx.Client(base_url=url, cookies={"sessionid": session}) as client:
        client.get("/health/")
        for times in (first, kept, kept, kept, kept):
            for path in paths:
                begun = time.perf_counter()
                client.get(path).raise_for_status()
                times.append((time.perf_counter() - begun) * 1000)
    return {
        "cached_p50_ms": common.percentile(kept, 0.5),
        "cached_p95_ms": common.percentile(kept, 0.95),
        "first_p50_ms": common.percentile(first, 0.5),
        "cached_count": len(kept),
    }


if __name__ == "__main__":
    main()
