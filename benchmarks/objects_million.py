"""How the store of a region's map grows to a million buildings: made anew, met again in a newer map, asked about.

    python benchmarks/objects_million.py [--features 1000000]

A real PostGIS database of its own; the buildings are made, four corners each with node references as in an extract.

* `rows_per_s`, `again_rows_per_s`: `store_features` of a first map, and of a second whose objects are all known.
* `growth`, `again_growth`: seconds of the last tenth over those of the first: 1 is a store that does not feel its size.
* `objects`: map objects after both; as many as buildings, if each has kept its identity.
* `states_ms`: the states of 1,000 objects in the newest map (`states_in`), the median of 20 draws.
* `orphans_s`: `drop_objects_of_nothing`, which runs when a map is taken away, with nothing to drop.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import write_result
from benchmarks.review_common import own_database

SIDE, PITCH = 1e-4, 2e-4
ASKED, DRAWS = 1000, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with own_database("bench_objects"):
        figures = measured(args.features, args.seed)
    write_result("objects_million", figures, seeds=[args.seed])


def measured(count: int, seed: int) -> dict[str, float]:
    from annotation.changes.objects import states_in
    from annotation.sources.models import MapObject
    from annotation.sources.services.map_objects import drop_objects_of_nothing
    from tests.factories import RegionFactory, SnapshotFactory

    region = RegionFactory()
    figures: dict[str, float] = {"features": count}
    for name in ("", "again_"):
        snapshot = SnapshotFactory(region=region)
        seconds = stored(snapshot, count)
        figures |= {
            f"{name}rows_per_s": round(count / sum(seconds)),
            f"{name}growth": round(seconds[-1] / seconds[0], 3),
        }
        print(figures, flush=True)
    ids = list(MapObject.objects.filter(region=region).values_list("pk", flat=True))
    drawn = random.Random(seed)
    asked = [timed(lambda: states_in(snapshot, drawn.sample(ids, ASKED))) for _ in range(DRAWS)]
    return figures | {
        "objects": len(ids),
        "states_ms": round(1000 * median(asked), 1),
        "orphans_s": round(timed(lambda: drop_objects_of_nothing(region.pk)), 2),
    }


def timed(action: Any) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def stored(snapshot: Any, count: int) -> list[float]:
    """Seconds of each tenth of a store, all in one transaction as an import does it."""
    from django.db import connection, transaction

    from annotation.sources.services.store_features import store_features
    from mlcore.progress import SilentProgress

    marks: list[float] = [time.perf_counter()]
    with transaction.atomic():
        store_features(snapshot, marked(count, marks), SilentProgress())
    marks[-1] = time.perf_counter()  # the last rows are copied after the last one was made
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return [after - before for before, after in itertools.pairwise(marks)]


def marked(count: int, marks: list[float]) -> Iterator[Any]:
    """The buildings, with the time kept at every tenth."""
    for number in range(count):
        yield building(number)
        if (number + 1) % (count // 10) == 0:
            marks.append(time.perf_counter())


def building(number: int) -> Any:
    """A square of four nodes on a grid, `way/1` and on."""
    import shapely

    from mlcore.maps.features import MapFeature, NodeRef

    west, south = 24 + number % 1000 * PITCH, 60 + number // 1000 * PITCH
    square = shapely.box(west, south, west + SIDE, south + SIDE)
    corners = list(square.exterior.coords)
    nodes = tuple(NodeRef(4 * number + 1 + place % 4, 1, *corner, False) for place, corner in enumerate(corners))
    tags = {"building": "yes"}
    return MapFeature("building", square, tags, "way", number + 1, 1, None, nodes)


if __name__ == "__main__":
    main()
