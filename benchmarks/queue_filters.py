"""Claims and lists of a million candidates by every filter, in both orders, in one process against the database.

    python benchmarks/queue_filters.py [--items 1000000] [--rounds 40]

* `claim_p95_ms`: the worst p95 over filters and orders of a claim, as a page makes them one after the other: what the
  last claim named to come next is tried first, and every `REFILL`-th claim looks for what fits anew.
* `search_p95_ms`: of those that look anew alone.
* `list_p95_ms`: the worst p95 of the first page of the list; `left_p95_ms`: of the counts of both lots.
* `plain_claim_p95_ms`: of a claim without a filter, in the same run.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import time
from collections.abc import Callable
from typing import Any

import review_common as common
from common import write_result
from queue_rows import FILL_CHANGES, filled

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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    with common.own_database("bench_queue_filters"):
        write_result("queue_filters", run(options))


def run(options: argparse.Namespace) -> dict[str, float]:
    region = filled(options.items, FILL_CHANGES)
    times: dict[str, list[float]] = {}
    for name, query in FILTERS.items():
        for order in ("value", "near"):
            people_at_work(region, query, order, options.rounds, times, f"{name}/{order}")
        listed(region, query, options.rounds // 4, times, name)
        print({key: p95(found) for key, found in times.items() if f"/{name}" in f"/{key}"}, flush=True)
    plain(region, options.rounds, times)
    figures: dict[str, float] = {"items": options.items}
    for sort in ("claim", "search", "list", "left"):
        mine = {name: p95(found) for name, found in times.items() if name.startswith(f"{sort}/")}
        figures[f"{sort}_p95_ms"] = max(mine.values())
        figures |= {f"{name}_p95_ms": value for name, value in mine.items()}
    return figures | {"plain_claim_p95_ms": p95(times["plain"])}


def p95(found: list[float]) -> float:
    return round(common.percentile(found, 0.95), 1)


def people_at_work(
    region: int, query: dict[str, Any], order: str, rounds: int, times: dict[str, list[float]], name: str
) -> None:
    """One person after the other claims, gives back nothing, and goes on from where the last one stood."""
    from annotation.changes.models import Change
    from annotation.review.services.claim import claim
    from tests.factories import UserFactory

    user, near, first = UserFactory(), Change.objects.order_by("pk").values_list("pk", flat=True)[0], []
    held: list[int] = []
    for turn in range(rounds):
        anew = order == "near" or turn % REFILL == 0
        wanted = {**query, "order": order, "near": near}
        asked = {"user": user, "stage": "changes", "scope_id": region, "skip": held, "wanted": wanted}
        given, ms = timed(lambda asked=asked, anew=anew, first=first: claim(**asked, first=[] if anew else first))
        times.setdefault(f"claim/{name}", []).append(ms)
        if anew:
            times.setdefault(f"search/{name}", []).append(ms)
        if given.item is None:
            continue
        held.append(given.item.pk)
        near, first = Change.objects.get(item=given.item).pk, list(given.next)


def plain(region: int, rounds: int, times: dict[str, list[float]]) -> None:
    from annotation.review.services.claim import claim
    from tests.factories import UserFactory

    user, held = UserFactory(), []
    for _ in range(rounds):
        asked = {"user": user, "stage": "changes", "scope_id": region, "skip": held}
        given, ms = timed(lambda asked=asked: claim(**asked))
        held.append(given.item.pk)
        times.setdefault("plain", []).append(ms)


def listed(region_id: int, query: dict[str, Any], rounds: int, times: dict[str, list[float]], name: str) -> None:
    from annotation.changes.asked import StatedQuery, wanted_of
    from annotation.changes.facets import Wanted
    from annotation.changes.lots import left
    from annotation.changes.selectors import page_of_changes
    from annotation.sources.models import Region

    region = Region.objects.get(pk=region_id)
    checked = StatedQuery(data=query)
    checked.is_valid(raise_exception=True)
    for _ in range(rounds):
        ordering = random.Random(1).choice(["confidence", "newest", "oldest"])
        wanted: Wanted = wanted_of({**checked.validated_data, "ordering": ordering})
        times.setdefault(f"list/{name}", []).append(
            timed(lambda wanted=wanted: page_of_changes(region, wanted, None, 60))[1]
        )
        times.setdefault(f"left/{name}", []).append(timed(lambda wanted=wanted: left(region_id, wanted))[1])


def timed(act: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    found = act()
    return found, (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    main()
