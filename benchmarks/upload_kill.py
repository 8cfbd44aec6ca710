"""What an upload leaves in the map when its worker is killed: at every step, again and again.

    python benchmarks/upload_kill.py [--times 20] [--lanes 2]

Against the server of OSM's API 0.6 that the tests use (`tests/osm_server`), a process with its state in a file, of its
own in every turn. Turns run side by side in lanes, each with a database of its own, copied from one: a turn mostly
waits for processes that wait for each other. A changeset of four edits (two new buildings, one of another shape, one
demolished) is uploaded by a worker process that is killed with SIGKILL at one of the points of
`tests/annotation/edits/killing.py`: the request never came, took effect with its answer lost, takes effect late while
the next worker is at work, or was answered and not stored yet; also while recovering from a kill before. Other workers
go on, as the sweeper has them, until the upload is done. Then the server's map is held against all edits of the turn so
far. All points have `--times` turns, each in an order drawn by the seed and its number; the result is written after
each turn.

Figures: `points`, `times`, `kills`; `duplicates`, new buildings that the map has more often than once; `lost`, edits
that it lacks; `other`, uploads with anything else wrong (nodes that no building uses, receipts that are missing or name
what the map does not have, an open changeset with edits); `abandoned_per_upload`, changesets that were closed empty.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import review_common as common
from common import write_result

SEED = 17


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--lanes", type=int, default=2, help="turns at once")
    options = parser.parse_args()
    with common.own_database("bench_upload_kill"), copies(options.lanes) as names:
        for figures in measured(options.times, names):
            write_result("upload_kill", figures, seeds=[SEED])


@contextmanager
def copies(number: int) -> Iterator[list[str]]:
    """So many copies of the database, by name; dropped afterwards."""
    from django.db import connection

    creation, lanes = connection.creation, [str(lane) for lane in range(1, number + 1)]
    connection.close()
    try:
        for lane in lanes:
            creation.clone_test_db(suffix=lane, verbosity=0, autoclobber=True)
        yield [str(creation.get_test_db_clone_settings(lane)["NAME"]) for lane in lanes]
    finally:
        connection.close()
        for lane in lanes:
            creation.destroy_test_db(suffix=lane, verbosity=0, keepdb=False)


def measured(times: int, names: list[str]) -> Iterator[dict[str, float]]:
    """What went wrong so far, each time that all points had another turn."""
    from tests.annotation.edits.killing import POINTS

    fork, found = multiprocessing.get_context("fork"), Counter[str]()
    free = fork.SimpleQueue()
    for name in names:
        free.put(name)
    with ProcessPoolExecutor(len(names), mp_context=fork, initializer=use_database, initargs=(free,)) as pool:
        turns = [pool.submit(one_turn, turn) for turn in range(times)]
        for done, turn in enumerate(as_completed(turns), start=1):
            found.update(turn.result())
            yield {
                "points": len(POINTS),
                "times": done,
                "kills": found["kills"],
                "duplicates": found["duplicates"],
                "lost": found["lost"],
                "other": found["other"],
                "abandoned_per_upload": round(found["abandoned"] / (done * len(POINTS)), 3),
            }


def use_database(free: Any) -> None:
    """Of a lane's process: from now on it works in a database that no other one has."""
    from django.db import connection

    connection.settings_dict["NAME"] = free.get()


def one_turn(turn: int) -> Counter[str]:
    """Every point once, in an order of the turn's own; what went wrong."""
    from django.test import override_settings

    from tests.annotation.edits.killing import POINTS
    from tests.annotation.edits.uploading import upload_settings, workers
    from tests.osm_server import osm_server

    found, points = Counter[str](), random.Random(f"{SEED} {turn}").sample(POINTS, len(POINTS))
    with (
        tempfile.TemporaryDirectory() as folder,
        osm_server(Path(folder) / "osm.sqlite") as server,
        workers(server) as crew,
        override_settings(**upload_settings(server)),
    ):
        for place, point in enumerate(points, start=turn * len(POINTS)):
            found.update(one_upload(point, server, crew, place))
    return found


def one_upload(point: Any, server: Any, crew: Any, place: int) -> dict[str, int]:
    """One changeset at a place of its own, killed there and gone on with; what is wrong of it."""
    from django.db import transaction

    from annotation.edits.models import Upload
    from annotation.edits.services.uploads import start
    from tests.annotation.edits.killing import killed_at
    from tests.annotation.edits.uploading import make_case, sign_in_at

    with transaction.atomic():
        case = make_case(server, first=1000 + 100 * place, east=2 * place)
        sign_in_at(server, case.editor)
    upload = start.start(user=case.editor, changeset=case.changeset)
    told = killed_at(point, case, upload, crew)
    upload = Upload.objects.get(pk=upload.pk)
    ways = {row["id"]: row for row in server.present("way")}
    new = case.count["new"]
    there = sum(row["version"] == 1 for row in ways.values())
    receipts = list(upload.receipts.filter(kind="way"))
    named = all(one.new_id is None or ways.get(one.new_id, {}).get("version") == one.new_version for one in receipts)
    still_open = any(one["open"] and one["changes"] for one in server.changesets())
    lost = max(0, new - there) + (case.removed.osm_id in ways)
    lost += ways[case.reshaped.osm_id]["version"] == case.reshaped.version
    duplicates = max(0, there - new)
    other = bool(told) and not lost and not duplicates
    complete = named and upload.receipts.count() == upload.elements
    if told or not complete or still_open:
        print(f"{point}: {told}, receipts {complete}, open {still_open}", flush=True)
    return {
        "kills": 2 if point.first else 1,
        "duplicates": duplicates,
        "lost": lost,
        "other": int(other or not complete or still_open),
        "abandoned": len(upload.abandoned),
    }


if __name__ == "__main__":
    main()
