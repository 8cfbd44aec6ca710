"""Fifty people drain ten thousand anchors through a real server process: every one decided once, none lost (C1).

Figures: decisions (verdicts in the database), double (items with more than one), lost (acknowledged, yet not in the
database), p50_ms and p95_ms of a request (claims and decisions), claim_p95_ms, decide_p95_ms, seconds, per_second.
"""

from __future__ import annotations

import argparse
import time

import review_common as common
from common import write_result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=8)
    options = parser.parse_args()
    with common.own_database("bench_review_drain") as database:
        write_result("review_drain", run(options, database))


def run(options: argparse.Namespace, database: str) -> dict[str, float]:
    """Set up, drain, and compare what was acknowledged with what is stored."""
    from django.db.models import Count
    from rest_framework.authtoken.models import Token

    from annotation.review.models import QueueItem, Verdict
    from tests.annotation.review.server import WebServer, drain
    from tests.factories import UserFactory
    from tests.factories_anchors import make_batch

    region = common.plain_region()
    common.multiply_anchors(options.items)
    batch = make_batch(region, plan="random", number=options.items)
    tokens = [Token.objects.create(user=user).key for user in UserFactory.create_batch(options.people)]
    server = WebServer({"MAPWRIGHT_DB_NAME": database}, workers=options.workers, threads=options.threads)
    with server as url:
        start = time.perf_counter()
        worked = drain(url, tokens, region=region.pk, batch=batch.pk)
        seconds = time.perf_counter() - start
    stored = set(Verdict.objects.values_list("item_id", flat=True))
    twice = QueueItem.objects.annotate(verdicts_given=Count("verdicts")).filter(verdicts_given__gt=1).count()
    requests = worked.claim_ms + worked.decide_ms
    return {
        "people": options.people,
        "items": batch.size,
        "decisions": Verdict.objects.count(),
        "double": twice + len(worked.acknowledged) - len(set(worked.acknowledged)),
        "lost": len(set(worked.acknowledged) - stored),
        "refused": worked.troubles,
        "p50_ms": common.percentile(requests, 0.5),
        "p95_ms": common.percentile(requests, 0.95),
        "claim_p95_ms": common.percentile(worked.claim_ms, 0.95),
        "decide_p95_ms": common.percentile(worked.decide_ms, 0.95),
        "seconds": round(seconds, 1),
        "per_second": round(len(worked.acknowledged) / seconds, 1),
    }


if __name__ == "__main__":
    main()
