"""What a monitor reads: figures of this installation in Prometheus' text format."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator

from django.conf import settings
from django.db import DatabaseError
from prometheus_client import REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from annotation.operation import selectors

__all__ = ["CONTENT_TYPE", "REQUESTS", "text"]
logger = logging.getLogger(__name__)
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
REQUESTS = Histogram(
    "mapwright_http_request_seconds",
    "Time to answer a request, by the view's name, never by an address with ids",
    ["view", "method", "status"],
    buckets=BUCKETS,
)


def text() -> bytes:
    """All figures. What can't be had now is left out and counted in `mapwright_scrape_failures`."""
    registry = CollectorRegistry()
    registry.register(Installation())
    return generate_latest(_requests_of_all_processes()) + generate_latest(registry)


def _requests_of_all_processes() -> CollectorRegistry:
    """The histogram of this process, or of all server processes where they share a folder."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)
    return together


class Installation(Collector):
    """Figures of the database, the broker and the disk, asked anew at each scrape."""

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        started, failed = time.perf_counter(), 0
        for ask in PARTS:
            try:
                yield from list(ask())
            except DatabaseError:
                failed += 1
                logger.warning("no figures of %s: the database does not answer", ask.__name__, exc_info=True)
            except Exception:
                failed += 1
                logger.warning("no figures of %s", ask.__name__, exc_info=True)
        yield GaugeMetricFamily("mapwright_scrape_failures", "Groups of figures that could not be had", failed)
        took = time.perf_counter() - started
        yield GaugeMetricFamily("mapwright_scrape_seconds", "Time that these figures took", took)


def _jobs() -> Iterator[Metric]:
    jobs = GaugeMetricFamily("mapwright_jobs", "Jobs by kind and state", labels=["kind", "state"])
    for labels, number in sorted(selectors.jobs_by_state().items()):
        jobs.add_metric(labels, number)
    yield jobs
    dead = selectors.dead_letters()
    yield GaugeMetricFamily("mapwright_jobs_dead_letters", "Jobs that were given up after all their tries", dead)
    waiting, oldest = selectors.waiting_jobs()
    yield _by("mapwright_jobs_waiting", "Jobs that wait, by the queue they wait for", "queue", waiting)
    yield _by("mapwright_job_oldest_wait_seconds", "How long the oldest waiting job has waited", "queue", oldest)


def _workers() -> Iterator[Metric]:
    alive = GaugeMetricFamily("mapwright_workers", "Workers that gave a sign of life", labels=["queue", "gpu"])
    found = selectors.workers_by_queue()
    for queue in selectors.queues():
        alive.add_metric([queue, "no"], found[queue, False])
        alive.add_metric([queue, "yes"], found[queue, True])
    yield alive


def _broker() -> Iterator[Metric]:
    messages = selectors.messages_by_queue()
    yield _by("mapwright_queue_messages", "Messages that wait at the broker", "queue", messages)


def _review() -> Iterator[Metric]:
    items = GaugeMetricFamily(
        "mapwright_review_items", "Items of the review queues", labels=["stage", "state", "decision"]
    )
    for labels, number in sorted(selectors.items_by_state().items()):
        items.add_metric(labels, number)
    yield items
    fresh = GaugeMetricFamily(
        "mapwright_verdicts_last_minute", "Verdicts of the last minute", labels=["stage", "event"]
    )
    for (stage, event), number in sorted(selectors.decided_last_minute().items()):
        fresh.add_metric([stage, event], number)
    yield fresh
    yield CounterMetricFamily("mapwright_verdicts", "Verdicts ever given", selectors.verdicts_so_far())


def _storage() -> Iterator[Metric]:
    yield GaugeMetricFamily("mapwright_database_bytes", "Size of the database on disk", selectors.database_bytes())
    rows = selectors.estimated_rows()
    yield _by("mapwright_table_rows", "Rows of large tables, as last analysed", "table", rows)


def _disk() -> Iterator[Metric]:
    if settings.MEDIA_ROOT.is_dir():
        free = shutil.disk_usage(settings.MEDIA_ROOT).free
        yield GaugeMetricFamily("mapwright_media_free_bytes", "Free space where the media files are", free)
    last = selectors.last_backup()
    if last is not None:
        told = "When the newest backup was begun"
        yield GaugeMetricFamily("mapwright_last_backup_timestamp_seconds", told, last.timestamp())


PARTS: tuple[Callable[[], Iterator[Metric]], ...] = (_jobs, _workers, _broker, _review, _storage, _disk)


def _by(name: str, told: str, label: str, numbers: dict[str, float] | dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, told, labels=[label])
    for one, number in sorted(numbers.items()):
        family.add_metric([one], number)
    return family
