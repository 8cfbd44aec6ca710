"""Two that store suggestions of one region take turns, on real connections: neither undoes what the other does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager

import pytest
from django.db import connection

from annotation.changes.models import Change
from annotation.changes.services import turns
from annotation.changes.services.find import find_changes
from annotation.common.errors import InvalidError
from annotation.consistency.engine import candidates_file
from annotation.review.models import QueueItem
from annotation.sources.engine import to_shapely
from mlcore.progress import SilentProgress, StoppedError
from mlcore.region.candidate_files import write_candidates
from tests.annotation.changes.suggestions import again, candidate
from tests.annotation.review.test_queue_concurrency import in_threads
from tests.factories import RegionFactory, square
from tests.factories_changes import ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 30.0


class Waits(SilentProgress):
    """Tells when it has to wait for its turn, and may be asked to stop."""

    def __init__(self, told: Callable[[], object], stops: bool = False) -> None:
        self.told, self.stops, self.waited = told, stops, 0

    def report(self, fraction, message="", figures=None):
        if "waits" in message:
            self.waited += 1
            self.told()

    def should_stop(self) -> bool:
        return self.stops


@contextmanager
def somebody_elses_turn(region_id: int):
    """A turn on another connection; yields what ends it."""
    taken, over = threading.Event(), threading.Event()

    def hold():
        try:
            with turns.turn(region_id, SilentProgress()):
                taken.set()
                over.wait(SECONDS)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(SECONDS)
    try:
        yield lambda: (over.set(), thread.join(SECONDS))
    finally:
        over.set()
        thread.join(SECONDS)


@pytest.fixture
def scan(settings, tmp_path):
    """A finished scan that suggests a hundred buildings."""
    settings.MEDIA_ROOT = tmp_path
    scan = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    found = [candidate(scan, shape=to_shapely(square(n % 10 / 10, n // 10 / 10))) for n in range(100)]
    candidates_file(scan).parent.mkdir(parents=True)
    write_candidates(candidates_file(scan), found)
    return scan


@pytest.fixture(autouse=True)
def ask_often(monkeypatch):
    monkeypatch.setattr(turns, "ASK_AGAIN_MS", 50)


def test_two_that_find_suggestions_of_one_scan_at_once_store_each_once(scan):
    both = in_threads(lambda _: find_changes(scan=scan, progress=SilentProgress()), [1, 2])
    assert sorted((counts.made, counts.kept) for counts in both) == [(0, 100), (100, 0)]
    assert Change.objects.count() == QueueItem.objects.count() == 100


def test_finding_waits_for_who_stores_suggestions_of_the_region_and_reads_the_list_as_that_one_leaves_it(scan):
    with somebody_elses_turn(scan.region_id) as end:

        def renew():
            assert not Change.objects.exists()
            write_candidates(candidates_file(scan), [candidate(scan, confidence=0.3)])
            end()

        counts = find_changes(scan=scan, progress=Waits(renew))
    assert (counts.made, Change.objects.get().confidence) == (1, 0.3)


def test_another_region_does_not_wait(scan):
    with somebody_elses_turn(scan.region_id + 1):
        progress = Waits(lambda: None)
        assert find_changes(scan=scan, progress=progress).made == 100
    assert progress.waited == 0


def test_who_waits_can_be_stopped_and_stores_nothing(scan):
    with somebody_elses_turn(scan.region_id), pytest.raises(StoppedError):
        find_changes(scan=scan, progress=Waits(lambda: None, stops=True))
    assert not Change.objects.exists()


def test_a_turn_ends_with_the_connection_of_who_had_it(scan):
    with somebody_elses_turn(scan.region_id):

        def kill():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s "
                    "AND granted AND pid <> pg_backend_pid() "
                    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                    [turns.LOCK_SPACE],
                )

        assert find_changes(scan=scan, progress=Waits(kill)).made == 100


def test_a_turn_that_ends_in_an_error_is_over(scan):
    with pytest.raises(ZeroDivisionError), turns.turn(scan.region_id, SilentProgress()):
        raise ZeroDivisionError
    (found,) = in_threads(lambda _: find_changes(scan=scan, progress=Waits(pytest.fail)), [1])
    assert found.made == 100


def test_an_older_scan_stores_nothing_once_a_newer_one_is_finished(scan):
    again(scan)
    with pytest.raises(InvalidError, match="newer scan"):
        find_changes(scan=scan, progress=SilentProgress())
    assert not Change.objects.exists()
