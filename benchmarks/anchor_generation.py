"""How long anchors take: geometry for a whole place, a tiny Qwen2.5-VL here and behind `transformers serve`.

    python benchmarks/anchor_generation.py [--tiles 24]

* geometric_seconds: all tiles of Banepa's image at zoom 19 (geometric_tiles; 48 of them are mapped) described from the
  map's vectors.
* local_tiles_per_s: `transformers` on the CPU, batches of 8, decoded under the schema's grammar.
* http_tiles_per_s: `http` against a real `transformers serve` process on loopback, 4 requests at once.

The tiny model has the real classes, processor and files of Qwen2.5-VL and 0.2 million weights, random for the local
path. That server constrains nothing, so the model it serves knows one valid answer by heart (2 tokens), where the
random one writes some 125 tokens: the two rates say what each path costs around the model, not how they compare.
`local_valid` and `http_valid` are the shares of tiles that came out with a valid anchor.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.common import data_folder, write_result  # noqa: E402
from mlcore.anchors.generators.base import Generator  # noqa: E402
from mlcore.anchors.generators.by_geometry import GeometricGenerator  # noqa: E402
from mlcore.anchors.generators.endpoint import Endpoint  # noqa: E402
from mlcore.anchors.generators.local import TransformersGenerator  # noqa: E402
from mlcore.anchors.generators.served import HttpGenerator  # noqa: E402
from mlcore.geometry.webmercator import TileAddress  # noqa: E402
from mlcore.imagery.raster import open_image  # noqa: E402
from mlcore.ingestion.ingest import ingest_raster  # noqa: E402
from mlcore.maps.coverage import read_area  # noqa: E402
from mlcore.maps.index import MapIndex  # noqa: E402
from mlcore.maps.osm_files import read_map  # noqa: E402
from mlcore.pairs.source import PairSource  # noqa: E402
from tests.tiny_mllm import make_tiny_qwen  # noqa: E402

START_S = 240


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tiles", type=int, default=24, help="tiles for the model (default 24)")
    args = parser.parse_args()
    folder = data_folder() / "banepa"
    with tempfile.TemporaryDirectory() as work:
        image = Path(work) / "image.tif"
        ingest_raster(folder / "banepa.tif", image)
        coverage = read_area(folder / "mapped_area.geojson")
        source = PairSource(open_image(image), MapIndex(read_map(folder / "buildings.geojson").features), coverage)
        tiles = source.tiles(19)
        seconds, valid = timed(GeometricGenerator(), tiles, source)
        figures = {"geometric_tiles": len(tiles), "geometric_seconds": seconds, "geometric_valid": valid}
        some = tiles[:: max(len(tiles) // args.tiles, 1)][: args.tiles]
        figures["model_tiles"] = len(some)
        local = TransformersGenerator(str(make_tiny_qwen(Path(work) / "random")), batch=8, side_px=56)
        seconds, figures["local_valid"] = timed(local, some, source)
        figures["local_tiles_per_s"] = len(some) / seconds
        seconds, figures["http_valid"] = through_a_server(
            make_tiny_qwen(Path(work) / "sure", learnt=True), some, source
        )
        figures["http_tiles_per_s"] = len(some) / seconds
    write_result("anchor_generation", figures, seeds=[0])


def timed(generator: Generator, tiles: Sequence[TileAddress], source: PairSource) -> tuple[float, float]:
    """Seconds for the tiles, and the share that came out with an anchor."""
    start = time.perf_counter()
    found = list(generator.describe(tiles, source, lambda: False))
    return time.perf_counter() - start, sum(one.anchor is not None for one in found) / len(tiles)


def through_a_server(model: Path, tiles: Sequence[TileAddress], source: PairSource) -> tuple[float, float]:
    """The same through `transformers serve` on a free port; its start and the first request are not counted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "tests/transformers_serve.py", str(model), "--device", "cpu", "--host", "127.0.0.1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*words, "--port", str(port)], cwd=ROOT, env=environment, **quiet)
    try:
        deadline = time.monotonic() + START_S
        while not up(f"http://127.0.0.1:{port}/health"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("transformers serve did not start: pip install -e '.[dev]'")
            time.sleep(0.2)
        asked = Endpoint(f"http://127.0.0.1:{port}/v1", str(model), side_px=56, concurrency=4)
        generator = HttpGenerator(asked, allowed_hosts=["127.0.0.1"])
        timed(generator, tiles[:1], source)
        return timed(generator, tiles, source)
    finally:
        process.terminate()
        process.wait(30)


def up(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
