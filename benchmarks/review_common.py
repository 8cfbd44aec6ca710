"""What the benchmarks of the review share: a database of their own, many anchors, people with tokens and sessions."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
  AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
MULTIPLY = """
INSERT INTO anchors_anchor
    (created_at, pair_id, generator, model, model_digest, prompt_version, prompt_digest, schema_version, attributes,
     summary, state, final_attributes, final_summary, tokens_in, tokens_out, job_id)
SELECT now(), pair_id, generator, 'copy ' || copy, model_digest, prompt_version, prompt_digest, schema_version,
       attributes, summary, 'proposed', NULL, '', NULL, NULL, NULL
FROM anchors_anchor AS one CROSS JOIN generate_series(1, %(copies)s) AS copy
WHERE one.model = ''
"""


@contextmanager
def own_database(name: str, *, kept: bool = False) -> Iterator[str]:
    """A database with every migration; gives its name.

    Args:
        kept: the one there is, and there for the next run; else a fresh one, dropped afterwards.
    """
    os.environ["DJANGO_SETTINGS_MODULE"] = "webapp.settings.test"
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    os.environ["MAPWRIGHT_DB_NAME"] = name
    import django
    from django.db import connection

    django.setup()
    made = connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False, keepdb=kept)
    try:
        yield made
    finally:
        if kept:
            connection.close()
        else:
            _dropped(connection, name)


def _dropped(connection: Any, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(END_OTHERS)
    connection.close()
    connection.creation.destroy_test_db(name, verbosity=0)


def multiply_anchors(total: int) -> None:
    """Copy the anchors there are, as if further models had written them, until there are at least `total`."""
    from django.db import connection

    from annotation.anchors.models import Anchor

    there = Anchor.objects.count()
    with connection.cursor() as cursor:
        cursor.execute(MULTIPLY, {"copies": max(0, -(-(total - there) // there))})
        cursor.execute("ANALYZE")


def plain_region(pairs: int = 64) -> Any:
    """A region with pairs and anchors, without files."""
    from tests.factories import ImageryFactory, PairFactory, RegionFactory, SnapshotFactory
    from tests.factories_anchors import AnchorFactory

    region = RegionFactory(open_to_all=True)
    imagery, snapshot = ImageryFactory(region=region), SnapshotFactory(region=region)
    for _ in range(pairs):
        AnchorFactory(pair=PairFactory(region=region, imagery=imagery, snapshot=snapshot))
    return region


def tokens_of(people: int) -> list[str]:
    """Tokens of so many new reviewers."""
    from rest_framework.authtoken.models import Token

    from tests.factories import UserFactory

    return [Token.objects.create(user=user).key for user in UserFactory.create_batch(people)]


def administrator() -> tuple[str, str]:
    """Token of a new administrator, and the key of a session that a `WebServer` knows."""
    from django.test import Client, override_settings
    from rest_framework.authtoken.models import Token

    from tests.annotation.review.server import SECRET
    from tests.factories import UserFactory

    user, client = UserFactory(role="admin"), Client()
    with override_settings(SECRET_KEY=SECRET):
        client.force_login(user)
    return Token.objects.create(user=user).key, client.cookies["sessionid"].value


def became_of(region: int, acknowledged: list[int]) -> dict[str, int]:
    """What became of acknowledged decisions: items with two verdicts, those that are not stored, how many there are."""
    from django.db.models import Count

    from annotation.review.models import QueueItem, Verdict

    stored = set(Verdict.objects.filter(item__scope_id=region).values_list("item_id", flat=True))
    twice = QueueItem.objects.filter(scope_id=region).annotate(given=Count("verdicts")).filter(given__gt=1).count()
    double = twice + len(acknowledged) - len(set(acknowledged))
    return {"double": double, "lost": len(set(acknowledged) - stored), "decisions": len(acknowledged)}


def collect_static(var: Path) -> None:
    """Static files where the server of this run finds them."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "webapp.settings.dev", "MAPWRIGHT_VAR": str(var)}
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "-v", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def percentile(values: list[float], share: float) -> float:
    """The value below which `share` of them lie."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)
