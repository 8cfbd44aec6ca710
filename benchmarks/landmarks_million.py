"""The search of landmarks by name and by words among a million of them.

    python benchmarks/landmarks_million.py [--landmarks 1000000]

A real PostGIS database of its own; landmarks of REGIONS regions, of which the person may see half. Their names hold one
of a few common words and a number.

* `name_ms`: the landmarks whose name holds a word (`selectors.named_like`), the slowest of a common word, a rare one,
  one that nobody has, two letters and a whole name, each the median of DRAWS.
* `seen_ms`: what of the texts may be compared (`engine.owned`), with an area, so that nothing is kept from before;
  `kept_ms`: again without one.
* `all_ids_ms`: all that the person may see asked of the database, as the search did before; `ratio`: to `seen_ms`.
* `write_s`: the file of whose they are, written anew by each update of the index.

What PostgreSQL does for each of the names is printed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import write_result
from benchmarks.review_common import own_database

REGIONS, DRAWS = 40, 9
FILL = """
INSERT INTO landmarks_landmark (created_at, name, description, point, source, key, tags, edited, region_id)
SELECT now(), (ARRAY['Temple', 'School', 'Stone bridge', 'Market', 'Old mill'])[1 + n %% 5] || ' ' || n, 'a red roof',
       ST_SetSRID(ST_MakePoint(80 + n %% 1000 / 1e3, 20 + n / 1000 / 1e3), 4326), 'map', 'node/' || n, '{}', false,
       (%(regions)s::bigint[])[1 + n %% cardinality(%(regions)s::bigint[])]
FROM generate_series(1, %(count)s) AS n
"""
ASKED = {"common": "temple", "rare": "bridge 99999", "absent": "lighthouse", "short": "te", "whole": "old mill 4444"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--landmarks", type=int, default=1_000_000)
    args = parser.parse_args()
    with own_database("bench_landmarks"):
        figures = measured(args.landmarks)
    write_result("landmarks_million", figures)


def measured(count: int) -> dict[str, float]:
    from django.db import connection

    from annotation.landmarks import engine, selectors
    from annotation.landmarks.engine.stores import IndexFolder
    from tests.factories import RegionFactory, UserFactory

    person = UserFactory()
    regions = [RegionFactory(members=[person] if number % 2 else []).pk for number in range(REGIONS)]
    seen = regions[1::2]
    with connection.cursor() as cursor:
        cursor.execute(FILL, {"regions": regions, "count": count})
        cursor.execute("VACUUM ANALYZE landmarks_landmark")
    rows = selectors.landmarks_in(seen)
    names = {}
    for kind, text in ASKED.items():
        names[kind] = timed(lambda text=text: selectors.named_like(rows, text))
        print(kind, f"{names[kind]:.1f} ms", selectors.name_holds(rows, text).order_by("pk")[:10].explain(), sep="\n")
    with tempfile.TemporaryDirectory() as folder:
        index = IndexFolder(Path(folder), "model")
        started = time.perf_counter()
        engine.write_owners(index, engine.TEXTS, selectors.owners_of_texts())
        write_s = time.perf_counter() - started
        area = (80.0, 20.0, 81.0, 21.0)
        narrowed = timed(lambda: engine.owned(index, engine.TEXTS, seen, area))
        kept = timed(lambda: engine.owned(index, engine.TEXTS, seen))
    before = selectors.landmarks_of(person).order_by().values_list("pk", flat=True)
    every = timed(lambda: list(before.all()), 3)
    return {
        "landmarks": count,
        "name_ms": round(max(names.values()), 1),
        **{f"name_{kind}_ms": round(value, 1) for kind, value in names.items()},
        "seen_ms": round(narrowed, 1),
        "kept_ms": round(kept, 2),
        "all_ids_ms": round(every, 1),
        "ratio": round(every / narrowed, 1),
        "write_s": round(write_s, 1),
    }


def timed(action: Callable[[], Any], draws: int = DRAWS) -> float:
    """Median milliseconds."""
    taken = []
    for _ in range(draws):
        started = time.perf_counter()
        action()
        taken.append(1000 * (time.perf_counter() - started))
    return median(taken)


if __name__ == "__main__":
    main()
