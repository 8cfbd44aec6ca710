"""An import that is cancelled while its rows are copied: the cancel waits for nothing, and no row is left."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from django.db import connection, transaction

from annotation.common.models import JobState
from annotation.common.services import jobs
from annotation.sources.ingestion import read_features
from annotation.sources.models import Footprint, MapFeature, MapObject, SourceState
from annotation.sources.services import store_features as storing
from annotation.sources.services.add_sources import add_snapshot
from annotation.sources.services.files import Upload
from annotation.sources.services.store_features import store_features
from mlcore.errors import StoppedError
from mlcore.ingestion.ingest import ingest_map
from tests import factories
from tests.annotation.common.worker import wait_until
from tests.files import write_osm

PATIENCE_S = 60


def a_copy_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'COPY%%' AND wait_event_type = 'Lock'"
        )
        return bool(cursor.fetchone()[0])


class InThread:
    """Work on a connection of its own; what it raised is raised by `join`."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,))
        self._thread.start()

    def _run(self, work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            self._error = error
        finally:
            connection.close()

    def join(self) -> None:
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()
        if self._error:
            raise self._error


def hold_the_building(snapshot, held: threading.Event, release: threading.Event) -> None:
    """Insert the extract's building and keep it uncommitted, so that a COPY of it waits."""
    known = MapObject.objects.create(region=snapshot.region, osm_type="way", osm_id=10)
    with transaction.atomic():
        shape = factories.square()
        Footprint.objects.create(snapshot=snapshot, object=known, osm_type="way", osm_id=10, geometry=shape)
        held.set()
        release.wait(PATIENCE_S)
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_cancelling_does_not_wait_for_the_copy_and_leaves_no_rows(client_of, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path / "media"
    admin, region = factories.UserFactory(role="admin"), factories.RegionFactory()
    file = Upload.from_path(write_osm(tmp_path / "map.osm"))
    snapshot = add_snapshot(user=None, region=region, file=file, licence="x", attribution="x", wake=False).source
    held, release = threading.Event(), threading.Event()
    holder = InThread(lambda: hold_the_building(snapshot, held, release))
    assert held.wait(PATIENCE_S)
    worker = InThread(lambda: jobs.execute(snapshot.job_id))
    try:
        wait_until(a_copy_waits, what="the copy to wait")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'")
        answer = client_of(admin).post(f"/api/jobs/{snapshot.job_id}/cancel/")
        assert answer.status_code == 200 and answer.json()["cancel_requested"]
        assert a_copy_waits()
    finally:
        release.set()
        holder.join()
        worker.join()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    snapshot.refresh_from_db()
    assert snapshot.job.state == JobState.CANCELLED
    assert snapshot.state != SourceState.READY
    assert not Footprint.objects.exists() and not MapFeature.objects.exists()


class StopAfter:
    """A progress that asks to stop once `features` have been read."""

    def __init__(self, features: int) -> None:
        self.features, self.read = features, 0

    def counted(self, features: Iterator) -> Iterator:
        for feature in features:
            self.read += 1
            yield feature

    def report(self, fraction, message="", figures=None) -> None:
        return None

    def should_stop(self) -> bool:
        return self.read >= self.features


@pytest.mark.django_db
@pytest.mark.parametrize("after", [100, 1000])
def test_a_copy_ends_between_two_batches_and_is_taken_back(tmp_path, monkeypatch, after):
    monkeypatch.setattr(storing, "BATCH", 100)
    ingest_map(write_osm(tmp_path / "map.osm"), tmp_path / "map.jsonl")
    building = next(one for one in read_features(tmp_path / "map.jsonl") if one.kind == "building")
    snapshot, stop = factories.SnapshotFactory(), StopAfter(after)
    many = stop.counted(replace(building, osm_id=number) for number in range(1000))
    with pytest.raises(StoppedError), transaction.atomic():
        store_features(snapshot, many, stop)
    assert stop.read <= after + 100
    assert not Footprint.objects.exists()
