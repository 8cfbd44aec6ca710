"""What became of an upload: against a server of API 0.6 where others edit, delete, revert and comment."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.edits.errors import NotUploadableError, UploadOffError
from annotation.edits.models import Changeset, Upload, UploadReceipt
from annotation.edits.services.uploads import start, watch
from tests.annotation.edits.uploading import Case
from tests.osm_server import OsmServer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def upload(case: Case) -> Upload:
    made = start.start(user=case.editor, changeset=case.changeset)
    jobs.execute(Upload.objects.get(pk=made.pk).job_id)
    made.refresh_from_db()
    assert made.state == "done"
    return made


def asked(case: Case, upload: Upload) -> Job:
    job = watch.start(user=case.editor, upload=upload)
    jobs.execute(job.pk)
    job.refresh_from_db()
    upload.refresh_from_db()
    return job


def fates(upload: Upload) -> dict[str, int]:
    rows = list(upload.receipts.values_list("fate", flat=True))
    return {fate: rows.count(fate) for fate in set(rows)}


def former(server: OsmServer, kind: str, number: int, version: int) -> dict:
    (row,) = server.rows(f"SELECT * FROM elements WHERE kind='{kind}' AND id={number} AND version={version}")
    return {"lon": row["lon"], "lat": row["lat"], "tags": json.loads(row["tags"]), "body": json.loads(row["body"])}


def test_what_nobody_touched_stands_as_it_was_sent(case: Case, upload: Upload):
    job = asked(case, upload)
    assert job.state == "succeeded", job.error_detail
    assert fates(upload) == {"as_sent": upload.elements}
    assert upload.watched_at is not None and upload.comments == []


def test_edited_deleted_and_reverted_are_told_apart_with_version_and_person(case: Case, upload: Upload):
    new = list(upload.receipts.filter(kind="way", old_id__lt=0).order_by("pk"))
    ways = {row["id"]: row for row in case.server.present("way")}
    first = ways[new[0].new_id]
    case.server.put(
        ("way", new[0].new_id, 2, {"body": first["body"], "tags": {"building": "house"}}),
        ("way", new[1].new_id, 2, None),
        ("way", case.reshaped.osm_id, 5, former(case.server, "way", case.reshaped.osm_id, 3)),
        ("way", case.removed.osm_id, 5, {"body": [], "tags": {"building": "yes"}}),
    )
    asked(case, upload)
    told = {(one.kind, one.new_id or one.old_id): one for one in upload.receipts.all()}
    assert told["way", new[0].new_id].fate == "edited"
    assert told["way", new[1].new_id].fate == "deleted"
    assert told["way", case.reshaped.osm_id].fate == "reverted"
    assert told["way", case.removed.osm_id].fate == "reverted"
    edited = told["way", new[0].new_id]
    assert (edited.their_version, edited.their_user, edited.their_changeset) == (2, "mapper", 0)
    case.server.put(("way", case.reshaped.osm_id, 6, {"body": first["body"], "tags": {"building": "yes"}}))
    asked(case, upload)
    assert upload.receipts.get(kind="way", old_id=case.reshaped.osm_id).fate == "edited"


def test_a_node_that_was_moved_back_is_reverted(case: Case, upload: Upload):
    moved = upload.receipts.filter(kind="node", old_id__gt=0, new_version=2).first()
    assert moved is not None
    case.server.put(("node", moved.new_id, 3, former(case.server, "node", moved.new_id, 1)))
    asked(case, upload)
    moved.refresh_from_db()
    assert (moved.fate, moved.their_version) == ("reverted", 3)


def test_comments_come_with_who_said_them(case: Case, upload: Upload):
    case.server.comment(upload.osm_changeset, "Grace", "Was <this> surveyed?\nIt looks & is new.")
    asked(case, upload)
    (comment,) = upload.comments
    assert (comment["user"], comment["text"]) == ("Grace", "Was <this> surveyed?\nIt looks & is new.")


def test_elements_are_asked_for_many_at_once_and_outside_any_transaction(case: Case, upload: Upload, monkeypatch):
    from annotation.edits.engine import client

    open_ones = []
    real = client.send

    def send(*args, **more):
        open_ones.append(connection.in_atomic_block)
        return real(*args, **more)

    monkeypatch.setattr(client, "send", send)
    before = len(case.server.requests())
    asked(case, upload)
    assert open_ones and not any(open_ones)
    assert len(case.server.requests()) - before == 3  # nodes, ways, the changeset


def test_every_hour_at_most_and_only_while_uploads_are_on(case: Case, upload: Upload, settings):
    assert watch.start_due() == 1
    jobs.execute(Job.objects.get(kind="edits.watch").pk)
    assert watch.start_due() == 0
    Upload.objects.update(asked_at=timezone.now() - timedelta(minutes=61))
    settings.OSM_UPLOAD = False
    assert watch.start_due() == 0
    with pytest.raises(UploadOffError):
        watch.start(user=case.editor, upload=upload)
    settings.OSM_UPLOAD = True
    assert watch.start_due() == 1
    Upload.objects.update(done_at=timezone.now() - timedelta(days=3), asked_at=timezone.now() - timedelta(hours=23))
    assert watch.start_due() == 0  # it is no longer new
    Upload.objects.update(asked_at=timezone.now() - timedelta(hours=25))
    assert watch.start_due() == 1
    Upload.objects.update(done_at=timezone.now() - timedelta(days=91), asked_at=None)
    assert watch.start_due() == 0


def test_uploads_that_the_map_does_not_answer_for_take_no_turn_from_others(case: Case, upload: Upload, monkeypatch):
    monkeypatch.setattr(watch, "STARTED_AT_ONCE", 1)
    same = {field.attname: getattr(upload, field.attname) for field in Upload._meta.fields if not field.primary_key}
    held = Changeset.objects.create(region=upload.region, snapshot=upload.changeset.snapshot, comment="another")
    other = Upload.objects.create(**same | {"token": "2" * 32, "changeset_id": held.pk})
    UploadReceipt.objects.create(upload=other, kind="node", old_id=1, new_id=1, new_version=2)
    case.server.answer("GET", r"/api/0\.6/nodes", 404, "")
    asked_about = []
    for _ in range(2):
        assert watch.start_due() == 1
        job = Job.objects.filter(kind="edits.watch").latest("created_at")
        jobs.execute(job.pk)
        asked_about.append(job.params["upload"])
    assert sorted(asked_about) == [upload.pk, other.pk] and watch.start_due() == 0


def test_a_copy_of_the_map_that_is_behind_tells_nothing(case: Case, upload: Upload):
    number = case.removed.osm_id
    case.server.rows(f"DELETE FROM elements WHERE kind='way' AND id={number} AND version=4 RETURNING id")
    moved = upload.receipts.get(kind="way", old_id=case.reshaped.osm_id)
    case.server.rows(f"DELETE FROM elements WHERE kind='way' AND id={moved.new_id} AND version=4 RETURNING id")
    asked(case, upload)
    told = {one.old_id: (one.fate, one.their_version) for one in upload.receipts.filter(kind="way", old_id__gt=0)}
    assert told[number] == told[case.reshaped.osm_id] == ("", None)


def test_what_is_not_in_the_map_is_not_watched(case: Case):
    unfinished = start.start(user=case.editor, changeset=case.changeset)
    with pytest.raises(NotUploadableError):
        watch.start(user=case.editor, upload=unfinished)


def test_a_server_that_does_not_answer_leaves_what_is_known(case: Case, upload: Upload):
    asked(case, upload)
    seen = upload.watched_at
    case.server.answer("GET", r"/api/0\.6/nodes", 503)
    assert asked(case, upload).state == "failed"
    assert upload.watched_at == seen and fates(upload) == {"as_sent": upload.elements}


def test_the_list_counts_fates_and_names_what_changed(case: Case, upload: Upload, client_of):
    new = upload.receipts.filter(kind="way", old_id__lt=0).first()
    case.server.put(("way", new.new_id, 2, None))
    client = client_of(case.editor)
    reply = client.post(f"/api/uploads/{upload.pk}/watch/")
    assert reply.status_code == 202
    jobs.execute(reply.json()["job_id"])
    (told,) = client.get(f"/api/regions/{upload.region_id}/uploads/").json()["results"]
    assert (told["deleted"], told["as_sent"], told["edited"]) == (1, upload.elements - 1, 0)
    (row,) = client.get(f"/api/uploads/{upload.pk}/receipts/?fate=deleted&fate=edited").json()["results"]
    assert (row["new_id"], row["fate"], row["their_user"]) == (new.new_id, "deleted", "mapper")
