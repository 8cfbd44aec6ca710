"""A queue of a million candidates against one of a thousand, through a real server, people looking at what they decide.

    python benchmarks/queue_million.py [--items 1000000] [--people 50] [--seconds 60] [--before COMMIT]

In one database of its own, one server after the other, the same people and requests for a short and a long queue:

* `claim_p95_ms`, `decide_p95_ms`: of people who look at each item for a second, at the long queue.
* `list_p95_ms`: the worst p95 of the list's pages, filters and orders there, for one person after that; rare ones too.
* `ratio_to_thousand`: the worst of these p95s against the same at the short queue, of lists that hold a page there.
* `double`, `lost`: items with two verdicts; acknowledged decisions that are not stored.
* `store_ratio_to_copy`: rows a second of storing a scan's candidates, against a bare COPY of the same rows into the
  same two tables.
* `drain_ratio_to_main_before`: decisions a second without looking, against the code of `--before` at the same queue.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import review_common as common
from common import ROOT, write_result
from queue_people import RARE, Work
from queue_rows import FILL_CHANGES, filled

BEFORE = "31fbb49"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--short", type=int, default=1_000)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long people work at each queue")
    parser.add_argument("--drain", type=float, default=30.0, help="seconds of deciding without looking, each code")
    parser.add_argument("--before", default=BEFORE, help="the commit that is drained side by side; empty for none")
    options = parser.parse_args()
    with common.own_database("bench_queue_million") as database:
        figures = run(options, database)
    if options.before:
        figures["drain_per_second_before"] = drain_before(options)
        figures["drain_ratio_to_main_before"] = round(
            figures["drain_per_second"] / figures["drain_per_second_before"], 2
        )
    write_result("queue_million", figures)


def run(options: argparse.Namespace, database: str) -> dict[str, float]:
    figures: dict[str, float] = {"items": options.items, "people": options.people}
    short, seen_short = measured(options, database, options.short)
    long, seen = measured(options, database, options.items, drain=options.drain)
    alone = {"drain", *(f"list/{name}" for name in RARE)}
    ratios = {name: long[name] / short[name] for name in long if name in short and name not in alone}
    lists = [name for name in long if name.startswith("list/")]
    figures |= {
        "claim_p95_ms": long["claim"], "decide_p95_ms": long["decide"],
        "list_p95_ms": max(long[name] for name in lists),
        "ratio_to_thousand": round(max(ratios.values()), 2),
        "double": seen["double"] + seen_short["double"], "lost": seen["lost"] + seen_short["lost"],
        "decisions": seen["decisions"], "drain_per_second": long["drain"],
    }  # fmt: skip
    figures |= {f"{name}_p95_ms_thousand": value for name, value in short.items()}
    figures |= {f"{name}_p95_ms": long[name] for name in lists}
    figures |= {f"{name}_ratio": round(value, 2) for name, value in ratios.items()}
    return figures | store_speed(options.items)


def measured(
    options: argparse.Namespace, database: str, items: int, drain: float = 0.0
) -> tuple[dict[str, float], dict[str, int]]:
    """p95 by sort of request at a queue of `items`, and what became of the decisions."""
    from tests.annotation.review.server import WebServer

    region = filled(items, FILL_CHANGES)
    tokens = common.tokens_of(options.people)
    work = Work(region, options.seconds)
    with WebServer({"MAPWRIGHT_DB_NAME": database}, workers=2, threads=8) as url:
        work.warm(url, tokens[0])
        work.look_and_decide(url, tokens)
        work.leaf(url, tokens[0])
        found = {name: common.percentile(times, 0.95) for name, times in work.times.items()}
        if drain:
            start, before = time.perf_counter(), len(work.acknowledged)
            work.drain(url, tokens, drain)
            found["drain"] = round((len(work.acknowledged) - before) / (time.perf_counter() - start), 1)
    print(f"{items} items: {found}", flush=True)
    return found, common.became_of(region, work.acknowledged)


def store_speed(items: int) -> dict[str, float]:
    """Rows a second of storing candidates, and of a bare COPY of the very rows that came out."""
    from django.db import connection

    from annotation.changes.services.find import keep_candidates
    from mlcore.progress import SilentProgress
    from tests.factories import RegionFactory
    from tests.factories_changes import ModelVersionFactory, ScanFactory

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE changes_change, review_queueitem, review_queuecount CASCADE")
    scan = ScanFactory(model=ModelVersionFactory(region=RegionFactory()))
    tile = scan.imagery.pairs.get(snapshot=scan.snapshot).tile
    start = time.perf_counter()
    counts = keep_candidates(scan=scan, found=made(items, tile), progress=SilentProgress())
    ours = time.perf_counter() - start - making(items, tile)
    with tempfile.TemporaryDirectory() as folder:
        tables = ("review_queueitem", "changes_change")
        files = [Path(folder) / table for table in tables]
        for table, file in zip(tables, files, strict=True):
            copied_out(table, file)
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE changes_change, review_queueitem, review_queuecount CASCADE")
        start = time.perf_counter()
        for table, file in zip(tables, files, strict=True):
            copied_in(table, file)
        bare = time.perf_counter() - start
    assert counts.made == items, counts
    return {
        "store_rows_per_s": round(items / ours), "copy_rows_per_s": round(items / bare),
        "store_ratio_to_copy": round(bare / ours, 3),
    }  # fmt: skip


def copied_out(table: str, file: Path) -> None:
    from django.db import connection

    statement = f"COPY {table} TO STDOUT"
    with connection.cursor() as cursor, file.open("wb") as target, cursor.cursor.copy(statement) as pieces:
        for piece in pieces:
            target.write(piece)


def copied_in(table: str, file: Path) -> None:
    from django.db import connection

    statement = f"COPY {table} FROM STDIN"
    with connection.cursor() as cursor, file.open("rb") as source, cursor.cursor.copy(statement) as pieces:
        while piece := source.read(1 << 20):
            pieces.write(piece)


def made(items: int, tile: Any) -> Iterator[Any]:
    """Candidates of new buildings on a grid, none like another."""
    import shapely

    from mlcore.changes.candidate import Candidate
    from mlcore.geometry.webmercator import TileAddress

    address = TileAddress(tile.z, tile.x, tile.y)
    for number in range(items):
        x, y = 24 + number % 1000 * 1e-4, 60 + number // 1000 * 1e-4
        shape = shapely.box(x, y, x + 5e-5, y + 5e-5)
        figures = {"area_m2": 60.0 + number % 40, "mean_evidence": 0.8, "iou_with_map": 0.0}
        yield Candidate("add", shape, None, None, address, 0.9 - number * 0.8 / items, figures)


def making(items: int, tile: Any) -> float:
    """Seconds that making the candidates takes, which is not storing them."""
    start = time.perf_counter()
    for _ in made(items, tile):
        pass
    return time.perf_counter() - start


def drain_before(options: argparse.Namespace) -> float:
    """Decisions a second of the earlier code at a queue of the same length, by its own server and migrations."""
    folder = Path(tempfile.mkdtemp(prefix="queue-before-"))
    code = folder / "code"
    subprocess.run(["git", "worktree", "add", "-q", "--detach", str(code), options.before], cwd=ROOT, check=True)
    try:
        command = [sys.executable, str(Path(__file__).with_name("queue_before.py")), str(code)]
        command += [f"--items={options.items}", f"--people={options.people}", f"--seconds={options.drain}"]
        environment = {**os.environ, "PYTHONPATH": str(code), "MAPWRIGHT_RUN_DIR": str(run_folder())}
        done = subprocess.run(command, cwd=code, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return float(done.stdout.strip().splitlines()[-1])
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", str(code)], cwd=ROOT, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def run_folder() -> Path:
    """Where PostgreSQL and Redis of this checkout listen."""
    from django.conf import settings

    return Path(settings.RUN_DIR)


if __name__ == "__main__":
    main()
