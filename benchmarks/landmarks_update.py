"""What it costs to bring the search up to 1,000 tiles that are new among a million: against the same among 20,000.

    python benchmarks/landmarks_update.py [--count 1000000] [--short 20000] [--new 1000]

In a database and a media folder of its own. Tiles and pairs of one region are made inside the database, their vectors
are random (what they are like is told by `landmarks_scale.py`), and the index is whole. Then `--new` tiles come, and
`annotation.landmarks.services.update_index.read_region` is timed: what is to be done is found in the database,
pictures are read and embedded by the tiny model that tests use (so that its time is small beside the rest), vectors are
added, the index of vectors and the region's columns are brought up to date.

Figures, in processor seconds of one thread: update_s_LONG and update_s_SHORT; of these rows_s_LONG to read the region's
rows, columns_s_LONG to write its columns anew, index_s_LONG to bring the index of the vectors up to date (and the same
of SHORT); nothing_new_s_LONG of an update that finds nothing to do; `us_per_row`, microseconds by which an update grows
with each tile that was there; peak_mb. Below about 10,000 vectors there is no index, and one is made as they pass that:
the short one lies well above.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy is loaded

import numpy as np  # noqa: E402
import review_common as common  # noqa: E402
from common import write_result  # noqa: E402

BLOCK = 50_000
SIDE = 1024
"""Tiles in a row."""
FILL = """
WITH made AS (
    INSERT INTO tiles_tile (region_id, z, x, y, geometry)
    SELECT %(region)s, %(z)s, %(x)s + n %% %(side)s, %(y)s + n / %(side)s, ST_SetSRID(ST_MakeEnvelope(
        n %% %(side)s / 1e4, n / %(side)s / 1e4, n %% %(side)s / 1e4 + 1e-4, n / %(side)s / 1e4 + 1e-4), 4326)
    FROM generate_series(%(first)s, %(last)s) AS n RETURNING id)
INSERT INTO tiles_tilepair (tile_id, imagery_id, snapshot_id, valid_share, mapped, buildings)
SELECT id, %(imagery)s, %(snapshot)s, 1, true, 3 FROM made
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--short", type=int, default=20_000)
    parser.add_argument("--new", type=int, default=1_000)
    options = parser.parse_args()
    figures: dict[str, float] = {"count": options.count, "short": options.short, "new": options.new}
    with common.own_database("bench_landmarks_update"), tempfile.TemporaryDirectory() as media:
        from django.conf import settings

        settings.MEDIA_ROOT = media
        for count in (options.short, options.count):
            told = measured(count, options.new, Path(media))
            print({count: told}, flush=True)
            figures |= {f"{key}_{count}": round(value, 4) for key, value in told.items()}
    grown = figures[f"update_s_{options.count}"] - figures[f"update_s_{options.short}"]
    figures["us_per_row"] = round(1e6 * grown / (options.count - options.short), 3)
    figures["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    figures["load_average"] = round(os.getloadavg()[0], 1)
    write_result("landmarks_update", figures, seeds=[0])


def measured(count: int, new: int, media: Path) -> dict[str, float]:
    """Processor seconds of an update with `new` tiles among `count`, of its parts, and of one with nothing to do."""
    from annotation.landmarks import engine
    from annotation.landmarks.engine import reading
    from annotation.landmarks.services import keep_up
    from annotation.landmarks.services.update_index import read_region
    from annotation.tiles.models import Tile
    from mlcore.progress import SilentProgress
    from mlcore.vectors import VectorStore
    from tests.factories_landmarks import search_weights

    os.environ["MAPWRIGHT_LANDMARKS_WEIGHTS"] = ""
    region, fill = region_with_room(media / f"region-{count}")
    fill(0, count - 1)
    model = engine.loaded(weights := of_file(search_weights(media / f"weights-{count}.safetensors", seed=count)))
    index = engine.index_folder(keep_up.row_of(weights))
    store = index.begin(engine.TILES, model.dimension)
    ids = np.sort(np.fromiter(Tile.objects.filter(region=region).values_list("pk", flat=True), np.int64))
    rng = np.random.default_rng(0)
    for start in range(0, count, BLOCK):
        vectors = rng.standard_normal((min(BLOCK, count - start), model.dimension), dtype=np.float32)
        store.add(ids[start : start + BLOCK], vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    store.update_index()
    read_region(index, model, region, SilentProgress())  # nothing is missing: its columns are written
    fill(count, count + new - 1)
    parts: dict[str, float] = {}
    # the parts are the update's own functions, timed where it calls them
    timed(parts, "rows_s", engine, "region_tiles")
    timed(parts, "rows_s", engine, "known_tiles")
    timed(parts, "columns_s", reading, "write_columns")
    timed(parts, "index_s", VectorStore, "update_index")
    start = time.process_time()
    assert read_region(index, model, region, SilentProgress()) == new
    told = {"update_s": time.process_time() - start, **parts}
    start = time.process_time()
    assert read_region(index, model, region, SilentProgress()) == 0
    return {**told, "nothing_new_s": time.process_time() - start}


def of_file(path: Path) -> Any:
    """The weights of a file."""
    from annotation.learning.engine.weights import Weights
    from mlcore.digests import sha256_of

    return Weights(path, sha256_of(path))


def region_with_room(folder: Path) -> tuple[Any, Callable[[int, int], None]]:
    """A region with a small real image; what makes tiles of these numbers."""
    from django.db import connection

    from tests.factories import ORIGIN, RegionFactory, SnapshotFactory
    from tests.files import ready_imagery

    folder.mkdir()
    region = RegionFactory()
    imagery, snapshot = ready_imagery(region, folder), SnapshotFactory(region=region)

    def fill(first: int, last: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(FILL, {
                "region": region.pk, "z": ORIGIN.z, "x": ORIGIN.x, "y": ORIGIN.y, "side": SIDE, "first": first,
                "last": last, "imagery": imagery.pk, "snapshot": snapshot.pk,
            })  # fmt: skip
            cursor.execute("ANALYZE tiles_tile, tiles_tilepair")

    return region, fill


def timed(parts: dict[str, float], name: str, owner: Any, function: str) -> None:
    """Have every call of a function add its processor seconds to `name`."""
    plain = getattr(owner, function)
    inner = getattr(plain, "plain", plain)
    parts.setdefault(name, 0.0)

    def call(*args: Any, **options: Any) -> Any:
        start = time.process_time()
        try:
            return inner(*args, **options)
        finally:
            parts[name] += time.process_time() - start

    call.plain = inner  # type: ignore[attr-defined]
    setattr(owner, function, call)


if __name__ == "__main__":
    sys.exit(main())
