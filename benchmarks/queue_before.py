"""Decisions a second of an earlier checkout at a long queue: run by queue_million.py with that checkout's code.

python queue_before.py CHECKOUT --items N --people N --seconds S
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--items", type=int, required=True)
    parser.add_argument("--people", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    sys.path[:] = [str(options.checkout), str(options.checkout / "benchmarks"), *sys.path]
    import review_common as common

    if not Path(common.__file__).is_relative_to(options.checkout):
        raise RuntimeError("the earlier checkout's own code was not found first")
    from queue_people import Work
    from queue_rows import FILL_CHANGES_BEFORE, filled

    with common.own_database("bench_queue_before") as database:
        from rest_framework.authtoken.models import Token

        from tests.annotation.review.server import WebServer
        from tests.factories import UserFactory

        region = filled(options.items, FILL_CHANGES_BEFORE)
        tokens = [Token.objects.create(user=user).key for user in UserFactory.create_batch(options.people)]
        work = Work(region, 0.0)
        with WebServer({"MAPWRIGHT_DB_NAME": database}, workers=2, threads=8) as url:
            work.warm(url, tokens[0])
            start = time.perf_counter()
            work.drain(url, tokens, options.seconds)
            print(round(len(work.acknowledged) / (time.perf_counter() - start), 2))


if __name__ == "__main__":
    main()
