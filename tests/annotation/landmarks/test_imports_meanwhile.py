"""Imports of landmarks beside people who change the same ones, and of maps that name more than is taken in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection, transaction

from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.landmarks.models import Landmark
from annotation.landmarks.services import from_map, import_csv, landmarks
from annotation.sources.services.files import Upload
from mlcore.landmarks.readers import apart
from tests.annotation.landmarks.test_landmarks import bring_map
from tests.annotation.landmarks.test_landmarks import from_map as taken_from_map
from tests.factories import RegionFactory, UserFactory
from tests.factories_landmarks import LandmarkFactory
from tests.waiting import SECONDS, until_somebody_waits

TABLE = "name,lat,lon,id\n{},27,85,t1\n"


def read_table(user, region, path: Path) -> None:
    try:
        import_csv.import_csv(user=user, region=region, file=Upload.from_path(path))
    finally:
        connection.close()


@pytest.mark.django_db
def test_what_a_person_changes_while_the_map_is_read_stays(tmp_path):
    editor = UserFactory(role="editor")
    region = RegionFactory(members=[editor])
    bring_map(region, tmp_path)
    assert jobs.run_now(from_map.start(user=editor, region=region, wake=False)).state == JobState.SUCCEEDED
    bring_map(region, tmp_path, name="Of the map")
    gate = Landmark.objects.get(key="node/1")

    def change_it(fraction: float, message: str) -> None:
        if message == "the map is read":
            landmarks.update(user=editor, landmark=gate, said={"name": "Of a person"})

    done = jobs.run_now(from_map.start(user=editor, region=region, wake=False), change_it)
    assert done.state == JobState.SUCCEEDED and done.result["changed"] == 0
    gate.refresh_from_db()
    assert gate.name == "Of a person" and gate.edited


@pytest.mark.django_db(transaction=True)
def test_what_a_person_changes_while_a_table_comes_in_stays(tmp_path):
    editor = UserFactory(role="editor")
    region = RegionFactory(members=[editor])
    first, later = tmp_path / "first.csv", tmp_path / "later.csv"
    first.write_text(TABLE.format("Temple"))
    later.write_text(TABLE.format("Of the table"))
    import_csv.import_csv(user=editor, region=region, file=Upload.from_path(first))
    row = Landmark.objects.get(key="t1")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            landmarks.update(user=editor, landmark=row, said={"name": "Of a person"})
            reading = pool.submit(read_table, editor, region, later)
            until_somebody_waits()
        reading.result(timeout=SECONDS)
    row.refresh_from_db()
    assert row.name == "Of a person" and row.edited


@pytest.mark.django_db
def test_a_map_with_more_places_than_are_taken_removes_none_and_says_so(client_of, tmp_path, monkeypatch, caplog):
    editor = UserFactory(role="editor")
    region = RegionFactory(members=[editor])
    bring_map(region, tmp_path)
    kept = LandmarkFactory(region=region, source="map", key="node/99")
    monkeypatch.setattr(apart, "MOST", 2)
    done = taken_from_map(client_of(editor), region)
    assert (done["added"], done["removed"], done["left_out"]) == (2, 0, 1)
    assert Landmark.objects.filter(pk=kept.pk).exists()
    message = Job.objects.filter(kind=from_map.KIND).latest("created_at").message
    assert "of 3 places" in message and "none was removed" in message
    assert "1 more places" in caplog.text
