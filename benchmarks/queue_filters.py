"""Claims, lists, maps and feeds of a million candidates by every filter, in one process against the database.

    python benchmarks/queue_filters.py [--items 1000000] [--rounds 20] [--keep NAME]

Plain claims, without a filter, are made between the filters, so that what else the machine does meets both alike.

* `claim_p95_ms`: the worst p95 over filters and orders of a claim, as a page makes them one after the other: what the
  last claim named to come next is tried first, and every `REFILL`-th claim looks for what fits anew.
* `search_p95_ms`: of those that look anew alone. `list_p95_ms`: of the first pages of the list, in every order.
* `left_p95_ms`: of the counts of both lots; `none_left_p95_ms`: of the counts told where nothing is to be had.
* `map_p95_ms`: of the list's map over all the ground, nothing counted before; `feed_p95_ms`: of a feed's items.
* `plain_claim_p95_ms`: of a claim without a filter; `metrics_p95_ms`: of all figures for a monitor.
* `..._ratio`: against the plain claim's p95; `..._cpu_ms`: p95 of processor time of the process and its connection,
  which a busy machine does not stretch (parallel workers of the database are not in it).
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import review_common as common
from common import write_result
from queue_rows import FILL_VARIED, filled_once

REFILL = 10
AREA = "24.02,60.02,24.03,60.03"
LARGE_AREA = "24.0,60.0,24.06,60.06"
HALF = "24.0,60.0,24.05,60.2"


def days_ago(days: int) -> str:
    return (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days)).isoformat()


FILTERS: dict[str, dict[str, Any]] = {
    "none": {}, "kind": {"kind": ["shifted"]}, "sure": {"min_confidence": 0.95}, "unsure": {"max_confidence": 0.1},
    "near certain": {"lot": "near_certain"}, "judgement": {"lot": "judgement"},
    "one in a thousand": {"min_confidence": 0.999},
    "area": {"area": AREA}, "large area": {"area": LARGE_AREA}, "half of all": {"area": HALF},
    "large": {"min_square_m": 28}, "some larger": {"min_square_m": 37.9}, "huge": {"min_square_m": 39.3},
    "rare tag": {"tag": ["building=school"]}, "common tag": {"tag": ["building"]}, "tag of none": {"tag": ["amenity"]},
    "today": {"found_from": days_ago(0)}, "last month": {"found_from": days_ago(30)},
    "long ago": {"found_to": days_ago(690)}, "before us": {"found_to": "2020-01-01"},
    "late": {"found_from": "2020-01-01"},
    "newer image": {"captured_from": "2016-01-01"}, "older image": {"captured_to": "2016-01-01"},
    "oldest image": {"captured_to": "2012-01-01"}, "image of none": {"captured_to": "2001-01-01"},
    "large and unsure": {"min_square_m": 28, "max_confidence": 0.02},
    "tagged and of today": {"tag": ["building"], "found_from": days_ago(0)},
    "rare together": {"kind": ["shifted"], "area": LARGE_AREA, "min_square_m": 28, "tag": ["building=school"]},
}  # fmt: skip
"""Beside these one for each model: of nearly all, of a tenth and of a thousandth of all."""


SORTS = ("claim", "search", "list", "left", "none_left", "map", "feed")
Times = dict[str, list[tuple[float, float]]]
"""(milliseconds by the clock, milliseconds of the processor) by what was asked."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--keep", default="", help="a database that is there for the next run; empty: a fresh one")
    options = parser.parse_args()
    with common.own_database(options.keep or "bench_queue_filters", kept=bool(options.keep)):
        write_result("queue_filters", run(options))


def run(options: argparse.Namespace) -> dict[str, float]:
    from annotation.changes.selectors import models_behind
    from annotation.operation.report import text
    from annotation.review.models import QueueItem

    region = filled_once(options.items, FILL_VARIED)
    gc.collect()
    gc.freeze()  # as the server does (webapp/wsgi.py)
    filters = FILTERS | {f"model {number}": {"model": pk} for number, pk in enumerate(models_behind(region), start=1)}
    times: Times = {}
    for name, query in filters.items():
        for order in ("value", "near"):
            people_at_work(region, query, order, options.rounds, times, f"{name}/{order}")
        looked_at(region, query, max(2, options.rounds // 5), times, name)
        plain(region, options.rounds // 2, times)
        print({key: p95(found) for key, found in times.items() if f"/{name}" in f"/{key}"}, flush=True)
    metrics = [timed(text)[1] for _ in range(options.rounds)]
    QueueItem.objects.filter(lease_holder__isnull=False).update(lease_holder=None, lease_expires_at=None)
    (base, base_cpu) = p95(times.pop("plain"))
    figures: dict[str, float] = {"items": options.items, "plain_claim_p95_ms": base, "plain_claim_cpu_ms": base_cpu}
    figures |= dict(zip(("metrics_p95_ms", "metrics_cpu_ms"), p95(metrics), strict=True))
    for sort in SORTS:
        mine = {name: p95(found) for name, found in times.items() if name.startswith(f"{sort}/")}
        figures[f"{sort}_p95_ms"] = max(wall for wall, _ in mine.values())
        figures[f"{sort}_cpu_ms"] = max(cpu for _, cpu in mine.values())
        for name, (wall, cpu) in mine.items():
            figures |= {f"{name}_p95_ms": wall, f"{name}_ratio": round(wall / base, 2), f"{name}_cpu_ms": cpu}
    return figures


def somebody() -> Any:
    """A new person, in a kept database as well."""
    from tests.factories import UserFactory

    return UserFactory(username=f"person-{uuid.uuid4().hex}")


def p95(found: list[tuple[float, float]]) -> tuple[float, float]:
    wall, cpu = zip(*found, strict=True)
    return common.percentile(list(wall), 0.95), common.percentile(list(cpu), 0.95)


def people_at_work(region: int, query: dict[str, Any], order: str, rounds: int, times: Times, name: str) -> None:
    """One person after the other claims, gives back nothing, and goes on from where the last one stood."""
    from annotation.changes.models import Change
    from annotation.review.services.claim import claim

    user, near, first = somebody(), Change.objects.order_by("pk").values_list("pk", flat=True)[0], []
    held: list[int] = []
    for turn in range(rounds):
        anew = order == "near" or turn % REFILL == 0
        wanted = {**query, "order": order, "near": near}
        asked = {"user": user, "stage": "changes", "scope_id": region, "skip": held, "wanted": wanted}
        given, took = timed(lambda asked=asked, anew=anew, first=first: claim(**asked, first=[] if anew else first))
        times.setdefault(f"claim/{name}", []).append(took)
        if anew:
            times.setdefault(f"search/{name}", []).append(took)
        if given.item is None:
            continue
        held.append(given.item.pk)
        near, first = Change.objects.get(item=given.item).pk, list(given.next)


def plain(region: int, rounds: int, times: Times) -> None:
    from annotation.review.services.claim import claim

    user, held = somebody(), []
    for _ in range(rounds):
        asked = {"user": user, "stage": "changes", "scope_id": region, "skip": held}
        given, took = timed(lambda asked=asked: claim(**asked))
        held.append(given.item.pk)
        times.setdefault("plain", []).append(took)


def looked_at(region_id: int, query: dict[str, Any], rounds: int, times: Times, name: str) -> None:
    """What the pages of the list and of the queue ask beside claims."""
    from django.core.cache import cache

    from annotation.changes.asked import StatedQuery, wanted_of
    from annotation.changes.cells import _key, shown_on_map
    from annotation.changes.lots import FittingChanges, left
    from annotation.changes.models import SavedFilter
    from annotation.changes.selectors import page_of_changes
    from annotation.changes.services.feeds import newest_items
    from annotation.review.lists import ORDERS
    from annotation.sources.models import Region

    region, user = Region.objects.get(pk=region_id), somebody()
    checked = StatedQuery(data=query)
    checked.is_valid(raise_exception=True)
    kept = SavedFilter(region=region, owner=user, query=urlencode(query, doseq=True))
    whole = wanted_of(checked.validated_data)
    acts: dict[str, Callable[[], Any]] = {
        "left": lambda: left(user, region_id, whole),
        "none_left": lambda: FittingChanges().counts(user, region_id, query),
        "feed": lambda: newest_items(kept),
    }
    for _ in range(rounds):
        for ordering in ORDERS:
            wanted = replace(whole, ordering=ordering)
            took = timed(lambda wanted=wanted: page_of_changes(region, wanted, None, 60))[1]
            times.setdefault(f"list/{name}", []).append(took)
        for sort, act in acts.items():
            times.setdefault(f"{sort}/{name}", []).append(timed(act)[1])
    for _ in range(2):
        cache.delete(_key(region, whole))
        times.setdefault(f"map/{name}", []).append(timed(lambda: shown_on_map(region, whole, 12, 1500))[1])


def timed(act: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    start, cpu = time.perf_counter(), processor_ms()
    found = act()
    return found, ((time.perf_counter() - start) * 1000, processor_ms() - cpu)


def processor_ms() -> float:
    """Processor time of this process, and of its connection where the system tells it."""
    from django.db import connection

    try:
        backend = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat").read_text(encoding="ascii")
    except (AttributeError, OSError):
        return time.process_time() * 1000
    return time.process_time() * 1000 + int(backend.split()[0]) / 1e6


if __name__ == "__main__":
    main()
