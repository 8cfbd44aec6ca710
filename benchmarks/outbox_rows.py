"""Long tables of what is kept beside the queue: deliveries, uploads, acts, items that were given to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

SERVER = "https://map.example"
RARE = 20
"""Deliveries of a webhook that nearly nothing is told to, the oldest of all."""
DELIVERIES = """
INSERT INTO edits_delivery (created_at, webhook_id, event, event_id, body, state, attempts, since, due_at, last_status,
    problem, delivered_at)
SELECT at, CASE WHEN n <= %(rare)s THEN %(rare_hook)s
                WHEN state = 'waiting' THEN %(slow_hook)s ELSE (%(hooks)s::int[])[1 + n %% %(others)s] END,
       'decided', gen_random_uuid(), '{"event":"decided","data":{"change":' || n || '}}', state,
       CASE state WHEN 'waiting' THEN 0 WHEN 'dead' THEN 8 ELSE 1 END, at, at,
       CASE state WHEN 'delivered' THEN 200 WHEN 'dead' THEN 500 END,
       CASE state WHEN 'dead' THEN 'the server answers 500' ELSE '' END, CASE state WHEN 'delivered' THEN at END
FROM (SELECT n, now() - interval '8 days' * (1 - n / %(rows)s::float) AS at,
             (ARRAY['delivered', 'delivered', 'delivered', 'delivered', 'delivered', 'delivered', 'waiting', 'waiting',
                    'waiting', 'dead'])[1 + n %% 10] AS state
      FROM generate_series(1, %(rows)s) AS n) AS made
"""
"""Over eight days: an eighth of what was taken is to be forgotten; three tenths wait at one server, a tenth is dead."""
UPLOADS = """
WITH sets AS (
    INSERT INTO edits_changeset (created_at, region_id, snapshot_id, comment, source, tags, created_by_id, state,
        exported_at, last_ids)
    SELECT now() - n * interval '1 minute', %(region)s, %(snapshot)s, 'Buildings from imagery', 'imagery', '{}',
           %(user)s, 'exported', now(), '{}'
    FROM generate_series(1, %(rows)s) AS n RETURNING id, created_at
), sent AS (
    INSERT INTO edits_upload (created_at, region_id, changeset_id, user_id, server, site, osm_id, osm_name, tags, token,
        osc, sha256, elements, state, round, osm_changeset, abandoned, problem, done_at, asked_at, comments)
    SELECT created_at, %(region)s, id, %(user)s, %(server)s, %(server)s, 1, 'Ada', '{}', 't' || id, '', '', 1, 'done',
           1, id, '[]', '{}', created_at, CASE WHEN id %% 50 > 0 THEN now() - interval '1 minute' END, '[]'
    FROM sets RETURNING id
)
INSERT INTO edits_uploadreceipt (upload_id, kind, old_id, new_id, new_version, fate, their_user)
SELECT id, 'way', -n, id * 10 + n, 1, (ARRAY['as_sent', 'edited'])[1 + id %% 2], ''
FROM sent CROSS JOIN generate_series(1, 2) AS n
"""
"""One each minute, two receipts each; of the last 90 days a fiftieth is due to be watched."""
AUDIT = """
INSERT INTO review_auditentry (actor_id, action, object_kind, object_id, scope_id, data, at)
SELECT CASE WHEN n %% 100000 = 7 THEN %(rare_user)s ELSE %(user)s END,
       CASE WHEN n %% 100000 = 9 THEN 'review.close_batch' ELSE 'review.decide' END, 'changes_item', n::text,
       CASE WHEN n %% 2 = 0 THEN %(other_region)s ELSE %(region)s END, '{"version": 1}',
       now() - (%(rows)s - n) * interval '1 second'
FROM generate_series(1, %(rows)s) AS n
"""
"""Every other one of another region; one in a hundred thousand by a person, or of a sort, that is rare."""
GIVEN = """
WITH items AS (
    INSERT INTO review_queueitem (created_at, stage, scope_id, kind, priority, state, decision, version, lease_token,
        assigned_to_id, assigned_until)
    SELECT now(), 'changes', %(region)s, 'add', (n * 7919::bigint %% 100003) / 100003.0, 'open', '', 1, 0,
           CASE WHEN n %% 2 = 0 THEN %(user)s ELSE %(rare_user)s END, now() + (n %% 90 + 1) * interval '1 day'
    FROM generate_series(1, %(rows)s) AS n RETURNING id
)
INSERT INTO review_verdict (item_id, reviewer_id, event, decision, reason, comment, payload, item_version,
    idempotency_key, at)
SELECT id, %(user)s, 'reassign', '', '', 'please look at this one', '{}', 1, gen_random_uuid(), now() FROM items
"""
"""Open items of which every one was given to one of two people for some days, with a comment."""


@dataclass(frozen=True)
class Filled:
    """Whose rows they are."""

    region: Any
    admin: Any
    user: Any
    rare_user: Any
    busy_hook: int
    slow_hook: int
    rare_hook: int


def filled(rows: int) -> Filled:
    """Tables of `rows` rows each; those that are there already, where the database was kept."""
    from django.db import connection

    from annotation.edits.models import Delivery, Webhook
    from annotation.sources.models import Region
    from tests.factories import RegionFactory, SnapshotFactory, UserFactory

    if not Delivery.objects.exists():
        region, other = RegionFactory(open_to_all=True), RegionFactory(open_to_all=True)
        for name, role in (("admin", "admin"), ("busy", "reviewer"), ("rare", "reviewer")):
            UserFactory(username=name, role=role)
        for _ in range(10):
            Webhook.objects.create(url="https://example.org/hook", events=["decided"], sealed_secret="")
        hooks = list(Webhook.objects.order_by("pk").values_list("pk", flat=True))
        said = {
            "rows": rows, "rare": RARE, "slow_hook": hooks[0], "rare_hook": hooks[-1], "hooks": hooks[1:-1],
            "others": len(hooks) - 2, "region": region.pk, "other_region": other.pk, "server": SERVER,
            "snapshot": SnapshotFactory(region=region).pk, "user": _user("busy").pk, "rare_user": _user("rare").pk,
        }  # fmt: skip
        with connection.cursor() as cursor:
            for statement in (DELIVERIES, UPLOADS, AUDIT, GIVEN):
                cursor.execute(statement, said)
            cursor.execute("VACUUM ANALYZE")
    hooks = list(Webhook.objects.order_by("pk").values_list("pk", flat=True))
    first = Region.objects.order_by("pk")[0]
    return Filled(first, _user("admin"), _user("busy"), _user("rare"), hooks[1], hooks[0], hooks[-1])


def _user(name: str) -> Any:
    from annotation.accounts.models import User

    return User.objects.get(username=name)
