"""The review of a million proposals of correspondences beside that of a thousand, through a real server.

    python benchmarks/correspondences_million.py [--proposals 1000000] [--people 20] [--seconds 15]

In one database of its own, one server after the other, the same people and requests for a short and a long queue, each
in one region of as many tiles (`correspondences_rows.py` says which of them are answered, in a batch, or neither):

* `claim_p95_ms`, `decide_p95_ms`: of people who look at each proposal for a second and accept it, at the long queue.
* `list_p95_ms`: the worst p95 of the list's pages and states there, for one person after that.
* `ratio_to_thousand`: the worst of these p95s against the same at the short queue.
* `batch_s`: drawing a batch of 500, at random, of the most uncertain, of one matcher: the slowest of the medians. The
  short queue would soon be empty: there it is a batch of 10.
* `overview_ms`: all that the overview asks for, the page and four requests, one after the other; the median.
* `report_ms`, `ahead_ms`: medians of the report of 500 answered proposals, and of what the training page counts.
* `all_s`: a batch of all that wait, which is a row for each of `all_drawn`.
* `double`, `lost`: items with two verdicts; acknowledged decisions that are not stored.

Each beside the same at the short queue, `..._thousand`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import review_common as common
from common import write_result
from correspondences_rows import Filled, filled
from httpx import Client
from queue_people import Stage, Work, client_of

STATES = {
    "newest": {}, "waiting": {"state": "proposed"}, "verified": {"state": "verified"},
    "corrected": {"state": "corrected", "page_size": 20}, "rejected": {"state": "rejected", "page_size": 20},
    "large page": {"page_size": 500},
}  # fmt: skip
"""What the list may be narrowed to; each holds more than a page in a queue of a thousand as well."""
DRAWS: dict[str, dict[str, Any]] = {
    "random": {"plan": "random"}, "uncertain": {"plan": "uncertain"},
    "uncertain of any": {"plan": "uncertain", "no_match": True}, "random of one": {"plan": "random", "matcher": "sift"},
}  # fmt: skip
DRAWN = 500
DRAWN_SHORT = 10
"""Of a thousand, so many at a time: each plan still finds enough."""
TIMES = 3
LOOKS = 15


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proposals", type=int, default=1_000_000)
    parser.add_argument("--short", type=int, default=1_000)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long people work at each queue")
    options = parser.parse_args()
    with common.own_database("bench_correspondences_million") as database:
        short, seen_short = measured(options, database, options.short)
        long, seen = measured(options, database, options.proposals)
    worked = [name for name in long if name in {"claim_p95_ms", "decide_p95_ms"} or name.startswith("list/")]
    ratios = {name: round(long[name] / short[name], 2) for name in worked}
    lists = [name for name in worked if name.startswith("list/")]
    figures: dict[str, float] = {"proposals": options.proposals, "people": options.people}
    figures |= {name: value for name, value in long.items() if name not in lists}
    figures |= {"list_p95_ms": max(long[name] for name in lists), "ratio_to_thousand": max(ratios.values())}
    figures |= {name: seen[name] + seen_short[name] for name in seen}
    figures |= {name: long[name] for name in lists}
    figures |= {f"{name}_thousand": value for name, value in short.items()}
    figures |= {f"{name}_ratio": value for name, value in ratios.items()}
    write_result("correspondences_million", figures)


def measured(options: argparse.Namespace, database: str, proposals: int) -> tuple[dict[str, float], dict[str, int]]:
    """Figures of a queue of so many proposals, and what became of the decisions."""
    from tests.annotation.review.server import WebServer

    start = time.perf_counter()
    made = filled(proposals)
    print(f"{proposals} proposals made in {time.perf_counter() - start:.0f} s", flush=True)
    tokens = common.tokens_of(options.people)
    stage = Stage("correspondences", STATES, {"decision": "accept"}, made.batch)
    work = Work(made.region, options.seconds, stage)
    with WebServer({"MAPWRIGHT_DB_NAME": database}, workers=2, threads=8) as url:
        work.warm(url, tokens[0])
        work.look_and_decide(url, tokens)
        work.leaf(url, tokens[0])
        token, session = common.administrator()
        with client_of(url, token) as client:
            client.cookies.set("sessionid", session)
            looked = looks(client, made)
            drawn = draws(client, made, DRAWN if proposals > 100 * DRAWN else DRAWN_SHORT)
    found = {f"{name}_p95_ms": common.percentile(times, 0.95) for name, times in work.times.items()}
    found |= looked | drawn
    print(f"{proposals} proposals: {found}", flush=True)
    return found, common.became_of(made.region, work.acknowledged)


def looks(client: Client, made: Filled) -> dict[str, float]:
    """Milliseconds of what an administrator looks at: the overview, a report, and what the training page counts."""
    region = f"/api/regions/{made.region}"
    overview = [
        f"/regions/{made.region}/correspondences/", f"{region}/matchers/", f"{region}/correspondences/",
        f"{region}/correspondence-batches/?page_size=6", f"{region}/correspondence-batches/?page_size=50",
    ]  # fmt: skip
    pages = {
        "overview_ms": overview, "report_ms": [f"/api/correspondence-batches/{made.reported}/report/"],
        "ahead_ms": ["/api/training-data/"],
    }  # fmt: skip

    def look(paths: list[str]) -> None:
        for path in paths:
            client.get(path).raise_for_status()

    return {name: middle(partial(look, paths), LOOKS, 1000) for name, paths in pages.items()}


def draws(client: Client, made: Filled, number: int) -> dict[str, float]:
    """Seconds of drawing batches, the batch of all that wait last."""
    path = f"/api/regions/{made.region}/correspondence-batches/"
    found: dict[str, float] = {}

    def draw(**plan: Any) -> int:
        reply = client.post(path, json={"name": "Drawn", "number": number, "second_share": 0.1, **plan})
        reply.raise_for_status()
        return int(reply.json()["size"])

    for name, plan in DRAWS.items():
        found[f"draw/{name}_s"] = middle(partial(draw, **plan), TIMES, 1)
    start = time.perf_counter()
    size = draw(plan="all")
    all_s = round(time.perf_counter() - start, 2)
    return {"batch_s": max(found.values()), **found, "all_s": all_s, "all_drawn": size}


def middle(act: Callable[[], object], times: int, unit: float) -> float:
    """The median of how long it takes, in parts of a second as `unit` says."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - start)
    return round(median(seconds) * unit, 3 if unit == 1 else 1)


if __name__ == "__main__":
    main()
