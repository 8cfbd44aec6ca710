"""Reads for whoever watches over the installation; each costs the same at a million candidates."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from celery import current_app
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Sum
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.models import Job, JobState, Worker
from annotation.common.services.workers import queue_of
from annotation.review.models import QueueCount, Verdict

MINUTE = dt.timedelta(minutes=1)
# How many rows a table has, as the last ANALYZE knew: counting them all would take longer the more there are.
ESTIMATED_ROWS = "SELECT relname, reltuples::bigint FROM pg_class WHERE oid = ANY(%s::regclass[]) AND reltuples >= 0"
# The last number that the sequence of a table gave out; a roll-back leaves a gap.
LAST_NUMBER = "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')::regclass), 0)"
SIZE = "SELECT pg_database_size(current_database())"
ESTIMATED = ("changes_change", "review_queueitem", "review_verdict", "sources_footprint", "consistency_tilescore")


def jobs_by_state() -> dict[tuple[str, str], int]:
    """How many jobs there are of each kind in each state; jobs are few beside what they make."""
    rows = Job.objects.order_by().values_list("kind", "state").annotate(Count("pk"))
    return {(kind, state): number for kind, state, number in rows}


def dead_letters() -> int:
    """Jobs that were given up after all their tries."""
    return Job.objects.dead_letters().count()


def waiting_jobs() -> tuple[Counter[str], dict[str, float]]:
    """Jobs that wait by queue, and how many seconds the oldest of each has waited."""
    now, waiting, oldest = timezone.now(), Counter[str](dict.fromkeys(queues(), 0)), dict.fromkeys(queues(), 0.0)
    rows = Job.objects.filter(state=JobState.QUEUED).values_list("kind", "params", "created_at")
    for kind, params, created_at in rows.iterator():
        queue = queue_of(kind, params)
        waiting[queue] += 1
        oldest[queue] = max(oldest.get(queue, 0.0), (now - created_at).total_seconds())
    return waiting, oldest


def queues() -> list[str]:
    """Every queue of the broker that jobs and small tasks go through."""
    return sorted({settings.CELERY_TASK_DEFAULT_QUEUE, *settings.JOB_QUEUES.values()})


def messages_by_queue() -> dict[str, int]:
    """Messages that wait at the broker.

    Raises:
        Exception: whatever the broker's client raises where it does not answer.
    """
    with current_app.connection_for_read() as broker:
        client = broker.default_channel.client
        return {queue: int(client.llen(queue)) for queue in queues()}


def workers_by_queue() -> Counter[tuple[str, bool]]:
    """Workers alive by queue, and whether they have a GPU."""
    since = timezone.now() - dt.timedelta(seconds=settings.WORKER_GONE_SECONDS)
    found: Counter[tuple[str, bool]] = Counter()
    for worker in Worker.objects.filter(seen_at__gte=since):
        found.update((queue, worker.has_gpu) for queue in worker.queues)
    return found


def items_by_state() -> dict[tuple[str, str, str], int]:
    """Items of every stage's queue by state and decision, from the counts that the database keeps."""
    rows = QueueCount.objects.order_by().values_list("stage", "state", "decision").annotate(Sum("number"))
    return {(stage, state, decision): number for stage, state, decision, number in rows}


def decided_last_minute() -> dict[tuple[str, str], int]:
    """Verdicts of the last minute by stage and event; asked person by person, as they are indexed."""
    people = list(User.objects.filter(is_active=True).values_list("pk", flat=True))
    fresh = Verdict.objects.filter(reviewer__in=people, at__gte=timezone.now() - MINUTE)
    return {(stage, event): number for stage, event, number in _by_stage(fresh)}


def _by_stage(verdicts: Iterable[Verdict]) -> Iterable[tuple[str, str, int]]:
    return verdicts.order_by().values_list("item__stage", "event").annotate(Count("pk"))  # type: ignore[attr-defined]


def verdicts_so_far() -> int:
    """How many verdicts were ever given, as the numbers of their rows tell."""
    return _number(LAST_NUMBER, [Verdict._meta.db_table])


def database_bytes() -> int:
    """The database's size on disk."""
    return _number(SIZE, [])


def estimated_rows() -> dict[str, int]:
    """Rows of the large tables, as of their last ANALYZE."""
    with connection.cursor() as cursor:
        cursor.execute(ESTIMATED_ROWS, [list(ESTIMATED)])
        return dict(cursor.fetchall())


def last_backup() -> dt.datetime | None:
    """When the newest backup was begun, by its name."""
    names = sorted(path.parent.name for path in Path(settings.BACKUP_ROOT).glob("*T*Z*/manifest.json"))
    if not names:
        return None
    return dt.datetime.strptime(names[-1][:20], "%Y-%m-%dT%H-%M-%SZ").replace(tzinfo=dt.UTC)


def unapplied_migrations() -> int:
    """Migrations of this code that the database lacks."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _number(query: str, values: list[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        row = cursor.fetchone()
    return int(row[0]) if row else 0
