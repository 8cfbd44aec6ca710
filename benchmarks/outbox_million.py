"""What is kept beside the queue, at a million rows of each: deliveries, uploads, acts, items given to people.

    python benchmarks/outbox_million.py [--rows 1000000] [--rounds 20] [--keep NAME]

A million deliveries of ten webhooks (a third of which wait at one slow server), a million changesets with an upload and
two receipts each, a million acts, a million open items that were each given to somebody with a comment. Every page and
beat that reads them is asked as the server asks it, in one process against a database of its own.

* `NAME_pages`: blocks of 8 KiB that the statements of one call touch, by `EXPLAIN (ANALYZE, BUFFERS)`, the most of
  three calls: what does not depend on how busy the machine is.
* `NAME_cpu_ms`: p95 of processor time of the process and its connection; `NAME_p95_ms`: of the clock.
* `most_pages`, `most_p95_ms`: the most of all but `statistics`, which reads every answer of a region by its nature.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import review_common as common
from common import write_result
from outbox_rows import SERVER, Filled, filled
from queue_filters import p95, timed

BY_NATURE = ("statistics",)
ASKS = ("SELECT", "WITH", "UPDATE", "DELETE", "INSERT")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--keep", default="", help="a database that is there for the next run; empty: a fresh one")
    options = parser.parse_args()
    with common.own_database(options.keep or "bench_outbox", kept=bool(options.keep)):
        write_result("outbox_million", measured(options.rows, options.rounds))


def measured(rows: int, rounds: int) -> dict[str, float]:
    from django.test import override_settings

    there = filled(rows)
    figures: dict[str, float] = {"rows": rows}
    there_is = {
        "OSM_UPLOAD": True, "OSM_API_URL": SERVER, "OSM_SITE_URL": SERVER, "OSM_CLIENT_ID": "client",
        "OSM_CLIENT_SECRET": "secret", "OSM_HOSTS": ["map.example"],
        "ALLOWED_HOSTS": ["testserver"],
    }  # fmt: skip
    with override_settings(**there_is):
        for name, act in acts(there).items():
            pages = max(pages_of(act) for _ in range(3))
            wall, cpu = p95([timed(act)[1] for _ in range(rounds)])
            figures |= {f"{name}_pages": pages, f"{name}_cpu_ms": cpu, f"{name}_p95_ms": wall}
            print(f"{name}: {pages} pages, {cpu} ms of the processor, {wall} ms", flush=True)
    for what in ("pages", "p95_ms"):
        found = (value for name, value in figures.items() if name.endswith(what) and not name.startswith(BY_NATURE))
        figures[f"most_{what}"] = max(found)
    return figures


def acts(there: Filled) -> dict[str, Callable[[], Any]]:
    """What pages and beats ask, by name."""
    from annotation.edits.services.uploads import watch
    from annotation.edits.services.webhooks import deliver
    from annotation.review.selectors import flagged_to, queue_counts
    from annotation.review.services import assign
    from annotation.review.services.claim import claim

    region = there.region.pk
    audit, deliveries = f"/api/review/changes/audit/?region={region}", "/api/webhooks/{}/deliveries/{}"
    pages = {
        "webhooks": "/api/webhooks/",
        "deliveries": deliveries.format(there.busy_hook, ""),
        "deliveries_dead": deliveries.format(there.busy_hook, "?state=dead"),
        "deliveries_slow": deliveries.format(there.slow_hook, "?state=waiting"),
        "deliveries_rare": deliveries.format(there.rare_hook, ""),
        "deliveries_none": deliveries.format(there.rare_hook, "?state=dead"),
        "uploads": f"/api/regions/{region}/uploads/",
        "changesets": f"/api/regions/{region}/changesets/",
        "audit": audit,
        "audit_of_a_person": f"{audit}&actor={there.rare_user.username}",
        "audit_of_an_action": f"{audit}&action=review.close_batch",
        "audit_of_both": f"{audit}&actor={there.rare_user.username}&action=review.close_batch",
        "audit_long_ago": f"{audit}&until=2000-01-01T00:00:00Z",
        "statistics": f"/api/review/changes/statistics/?region={region}",
    }
    asked = {name: page(there.admin, path) for name, path in pages.items()}
    return asked | {
        "run_without_time": lambda: deliver.deliver(seconds=0),
        "claim_delivery": lambda: deliver._claim(there.slow_hook),
        "forget": deliver._forget,
        "watch_due": watch.start_due,
        "claim_given": lambda: claim(user=there.user, stage="changes", scope_id=region),
        "counts": lambda: queue_counts(there.admin, "changes", region),
        "given_to_me": lambda: flagged_to(there.user, region),
        "put_back": assign.put_back_what_ended,
    }


def page(user: Any, path: str) -> Callable[[], Any]:
    """Asks for it as a browser does."""
    from rest_framework.test import APIClient

    client = APIClient()
    client.force_authenticate(user)

    def ask() -> None:
        reply = client.get(path)
        if reply.status_code != 200:
            raise RuntimeError(f"{path}: {reply.status_code} {reply.content[:300]!r}")

    return ask


def pages_of(act: Callable[[], Any]) -> int:
    """Blocks that its statements take, each explained before it is run."""
    with explained() as found:
        act()
    return sum(found)


@contextmanager
def explained() -> Iterator[list[int]]:
    from django.db import connection

    found: list[int] = []

    def run(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """Explained in a part of a transaction that is taken back, then run."""
        if not many and sql.lstrip().upper().startswith(ASKS) and "advisory" not in sql:
            inside = connection.in_atomic_block
            execute("SAVEPOINT explained" if inside else "BEGIN", None, False, context)
            execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params, False, context)
            (told,) = context["cursor"].fetchone()
            execute("ROLLBACK TO SAVEPOINT explained" if inside else "ROLLBACK", None, False, context)
            plan = (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
            found.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(run):
        yield found


if __name__ == "__main__":
    main()
