"""Files of a million candidates: how long each takes, and what the process that writes it holds at most.

    python benchmarks/queue_exports.py [--items 1000000] [--keep NAME]

Each form is written by a process of its own, as the server streams it.

* `csv_s`, `coco_s`, `gpkg_s`, `geojson_s`: seconds of the processor that writing took in that process, and in `_wall_s`
  by the clock; `_mb` is what came out.
* `csv_first_row_s` and the like: by the clock, until the first rows are there, `_first_row_cpu_ms` of the processor,
  that of the connection among it; a GeoPackage is complete before that, as its format has it.
* `csv_peak_mb` and the like: the most memory that process held, and `_start_mb` what it held before the first row.
* `coco_ratio_to_csv`, ...: processor time against that of CSV in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import review_common as common
from common import write_result
from queue_filters import processor_ms
from queue_rows import FILL_VARIED, filled_once

FORMS = ("csv", "coco", "gpkg", "geojson")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--keep", default="", help="a database that is there for the next run; empty: a fresh one")
    parser.add_argument("--form", choices=FORMS, help="only write this one, and tell of it")
    options = parser.parse_args()
    with common.own_database(options.keep or "bench_queue_exports", kept=bool(options.keep or options.form)) as name:
        if options.form:
            print(json.dumps(written(options.form)))
            return
        filled_once(options.items, FILL_VARIED)
        figures: dict[str, float] = {"items": options.items}
        for form in FORMS:
            told = in_a_process(form, options.keep or "bench_queue_exports", name)
            figures |= {f"{form}_{what}": value for what, value in told.items()}
            print(form, told, flush=True)
        figures |= {f"{form}_ratio_to_csv": round(figures[f"{form}_s"] / figures["csv_s"], 2) for form in FORMS[1:]}
    write_result("queue_exports", figures)


def in_a_process(form: str, keep: str, name: str) -> dict[str, float]:
    command = [sys.executable, __file__, "--form", form, "--keep", keep]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def written(form: str) -> dict[str, float]:
    """Write a form to nowhere."""
    from annotation.changes import selectors
    from annotation.changes.facets import Wanted
    from annotation.changes.services import exports  # noqa: F401  (as the server has it loaded before it is asked)
    from annotation.sources.models import Region

    region = Region.objects.get()
    changes = selectors.plain_changes(region, Wanted())
    before, cpu, start, size = peak_mb(), time.process_time(), time.perf_counter(), 0
    first, first_cpu, began = 0.0, 0.0, processor_ms()
    for number, part in enumerate(parts_of(form, region, changes)):
        size += len(part)
        if number == 1:  # the first part may be what stands before the rows
            first, first_cpu = time.perf_counter() - start, processor_ms() - began
    return {
        "first_row_s": round(first, 3), "first_row_cpu_ms": round(first_cpu, 1),
        "s": round(time.process_time() - cpu, 1), "wall_s": round(time.perf_counter() - start, 1),
        "mb": round(size / 1e6, 1), "peak_mb": round(peak_mb(), 1), "start_mb": round(before, 1),
    }  # fmt: skip


def parts_of(form: str, region: Any, changes: Any) -> Iterator[str | bytes]:
    from annotation.changes.services import exports

    if form == "geojson":
        return exports.as_geojson(changes)
    if form == "gpkg":
        file = exports.as_geopackage(region, changes)
        return iter(lambda: file.read(1 << 20), b"")
    return {"csv": exports.as_csv, "coco": exports.as_coco}[form](region, changes)


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
