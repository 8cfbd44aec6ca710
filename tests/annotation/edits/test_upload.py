"""An upload, step by step, against a server of API 0.6 in a process of its own."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from django.db import models, transaction
from django.db.models import RestrictedError

from annotation.common.errors import NotAllowedError
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.edits.errors import (
    NotUploadableError,
    SignedOutError,
    UploadedAlreadyError,
    UploadOffError,
)
from annotation.edits.models import OsmAccount, Upload
from annotation.edits.services import changesets, export
from annotation.edits.services.uploads import start
from annotation.edits.services.uploads.checks import outlook
from annotation.edits.services.uploads.sealing import SealBrokenError, seal, unseal
from annotation.sources.services.regions import delete_region
from tests.annotation.edits.uploading import TOKEN, Case, ran, recover, sign_in_at, started
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_each_change_is_in_the_map_once_with_a_receipt_for_every_element(case: Case):
    told = outlook(case.editor, case.changeset)
    assert told.why_not == [] and told.counts["create"] == 10
    upload, job = ran(started(case))
    assert (job.state, upload.state, job.result["changeset"]) == ("succeeded", "done", upload.osm_changeset)
    assert case.mistakes() == []
    assert upload.receipts.count() == upload.elements
    assert hashlib.sha256(bytes(upload.osc)).hexdigest() == upload.sha256
    (opened,) = case.server.changesets()
    assert not opened["open"] and opened["tags"]["comment"] == "Buildings from imagery"
    assert opened["tags"]["mapwright:upload"] == upload.mark
    ways = {row["id"]: row for row in case.server.present("way")}
    for receipt in upload.receipts.filter(kind="way", old_id__lt=0):
        assert ways[receipt.new_id]["version"] == receipt.new_version == 1


def test_what_is_uploaded_or_on_its_way_is_neither_changed_nor_sent_again(case: Case):
    upload = started(case)
    (change, *_) = (item.change_id for item in case.changeset.items.all())

    def all_refused() -> None:
        for act in (
            lambda: changesets.delete(user=case.editor, changeset=case.changeset),
            lambda: changesets.drop(user=case.editor, changeset=case.changeset, change_id=change),
            lambda: changesets.give_versions(user=case.editor, changeset=case.changeset, versions={"way/1000": 9}),
            lambda: export.osc(case.changeset),
            lambda: start.start(user=case.editor, changeset=case.changeset),
        ):
            with pytest.raises(UploadedAlreadyError):
                act()
        with pytest.raises(RestrictedError), transaction.atomic():
            case.changeset.delete()

    all_refused()
    ran(upload)
    all_refused()
    assert "".join(export.osc(case.changeset, as_exported=True))
    assert [one.code for one in outlook(case.editor, case.changeset).why_not] == ["uploaded_already"]
    delete_region(user=None, region=case.changeset.region)  # a region goes with all that is in it
    assert not Upload.objects.exists()


def test_a_newer_version_on_the_server_ends_it_without_effect_and_names_the_edit(case: Case):
    case.server.put(("way", case.reshaped.osm_id, 4, {"body": [1000, 1001, 1002, 1003, 1000], "tags": {"name": "x"}}))
    before = case.server.rows("SELECT * FROM elements")
    upload, job = ran(started(case))
    assert (upload.state, job.state, job.error_code) == ("conflicted", "failed", "map_conflict")
    item = case.changeset.items.get(change__kind="modify")
    assert upload.problem["change"] == item.change_id
    assert (upload.problem["key"], upload.problem["theirs"]) == (case.reshaped.key, 4)
    assert case.server.rows("SELECT * FROM elements") == before
    assert [one["open"] for one in case.server.changesets()] == [False]
    changesets.drop(user=case.editor, changeset=case.changeset, change_id=item.change_id)
    upload, job = ran(started(case))
    assert upload.state == "done"
    assert [row["version"] for row in case.server.present("way") if row["id"] == case.reshaped.osm_id] == [4]


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_server_that_is_busy_or_broken_is_asked_again(case: Case, status: int):
    for method, path in [("PUT", "create"), ("POST", "upload"), ("PUT", "close"), ("GET", "capabilities")]:
        case.server.answer(method, path, status, "no")
    upload, _ = ran(started(case))
    assert upload.state == "done" and case.mistakes() == []


def test_a_long_wait_ends_the_job_and_it_goes_on_later(case: Case):
    case.server.answer("POST", "upload", 429, "too much", Retry_After="4000")
    upload, job = ran(started(case))
    assert (upload.state, job.error_code) == ("open", "map_server_busy")
    assert "go on with the upload later" in job.error_detail
    start.resume(user=case.editor, upload=upload)
    upload, job = ran(upload)
    assert upload.state == "done" and case.mistakes() == []
    with pytest.raises(NotUploadableError):
        start.resume(user=case.editor, upload=upload)


def test_an_answer_that_was_lost_is_read_back_and_nothing_is_sent_twice(case: Case):
    rule = case.server.hold("POST", "upload", "after")
    case.server.release(rule)
    upload, _ = ran(started(case))
    assert upload.state == "done" and case.mistakes() == []
    assert sum("upload" in one for one in case.server.requests()) == 1
    assert upload.receipts.count() == upload.elements


def test_a_changeset_that_closed_by_itself_is_opened_anew(case: Case):
    case.server.answer("POST", "upload", 429, "too much", Retry_After="4000")
    upload, _ = ran(started(case))
    case.server.close(upload.osm_changeset)
    start.resume(user=case.editor, upload=upload)
    upload, _ = ran(upload)
    assert (upload.state, len(upload.abandoned), case.mistakes()) == ("done", 1, [])


def test_what_the_server_never_takes_ends_it_without_effect(case: Case):
    case.server.answer("POST", "upload", 400, "Placeholder node not found")
    upload, job = ran(started(case))
    assert (upload.state, job.error_code) == ("failed", "refused_by_server")
    assert "Placeholder node not found" in upload.problem["detail"]
    changesets.delete(user=case.editor, changeset=case.changeset)


def test_more_than_the_server_takes_is_refused_before_a_changeset_is_opened(case: Case):
    told = '<osm><api><changesets maximum_elements="5"/></api></osm>'
    case.server.answer("GET", "capabilities", 200, told)
    upload, _ = ran(started(case))
    assert upload.state == "failed" and case.server.changesets() == []


def test_who_is_signed_out_meanwhile_signs_in_again_as_the_same_account(case: Case):
    account = OsmAccount.objects.get()
    case.server.rows("DELETE FROM tokens RETURNING token")
    upload, job = ran(started(case))
    assert job.error_code == "signed_out"
    account.delete()
    other = sign_in_at(case.server, case.editor, "Bob")
    start.resume(user=case.editor, upload=upload)
    upload, job = ran(upload)
    assert "sign in as Ada" in job.error_detail
    other.delete()
    sign_in_at(case.server, case.editor, "Ada")
    start.resume(user=case.editor, upload=upload)
    upload, job = ran(upload)
    assert upload.state == "done" and case.mistakes() == []


def test_only_an_upload_that_sent_nothing_is_given_up_and_only_by_its_person(case: Case):
    case.server.answer("POST", "upload", 429, "too much", Retry_After="4000")
    upload, _ = ran(started(case))
    with pytest.raises(NotAllowedError):
        start.give_up(user=UserFactory(role="editor"), upload=upload)
    start.give_up(user=case.editor, upload=upload)
    upload.refresh_from_db()
    assert upload.state == "failed"
    again = started(case)
    Upload.objects.filter(pk=again.pk).update(state="sending", osm_changeset=1)
    with pytest.raises(UploadedAlreadyError):
        start.give_up(user=case.editor, upload=again)


def test_what_stands_against_it_is_told_before_it_is_tried(case: Case, settings):
    def codes() -> list[str]:
        return [one.code for one in outlook(case.editor, case.changeset).why_not]

    OsmAccount.objects.all().delete()
    assert codes() == ["signed_out"]
    with pytest.raises(SignedOutError):
        started(case)
    settings.OSM_UPLOAD = False
    assert codes() == ["upload_off"]
    with pytest.raises(UploadOffError):
        started(case)
    case.changeset.items.filter(change__kind="remove").update(base_version=None)
    assert codes() == ["upload_off", "unknown_versions"]


def test_uploads_are_off_and_go_to_the_development_server_unless_told_otherwise():
    from webapp.settings import base

    assert (base.OSM_UPLOAD, base.OSM_HOSTS) == (False, [])
    assert base.OSM_API_URL == base.OSM_SITE_URL == "https://master.apis.dev.openstreetmap.org"


def test_a_job_that_another_run_took_over_stores_nothing(case: Case):
    upload = started(case)
    job = Job.objects.get(pk=upload.job_id)
    rule = case.server.hold("POST", "upload", "after")
    import threading

    thread = threading.Thread(target=_execute, args=(job.pk,))
    thread.start()
    assert case.server.wait_held(rule)
    jobs.execute(recover(upload).pk)
    upload.refresh_from_db()
    assert upload.state == "done"
    case.server.release(rule)
    thread.join()
    upload.refresh_from_db()
    assert upload.state == "done" and case.mistakes() == []
    assert upload.receipts.count() == upload.elements


def _execute(job_id: Any) -> None:
    from django.db import connection

    jobs.execute(job_id)
    connection.close()


def test_a_sealed_token_opens_only_for_its_person_and_under_its_secret(settings):
    sealed = seal(TOKEN, "1 server")
    assert unseal(sealed, "1 server") == TOKEN and TOKEN not in sealed and seal(TOKEN, "1 server") != sealed
    for other, context in [(sealed, "2 server"), (sealed[:-4] + "AAA=", "1 server"), ("", "1 server"), ("é", "1")]:
        with pytest.raises(SealBrokenError):
            unseal(other, context)
    settings.SECRET_KEY = "another"
    with pytest.raises(SealBrokenError):
        unseal(sealed, "1 server")


def test_receipts_and_bytes_stay_as_they_are(case: Case):
    field = Upload._meta.get_field("changeset")
    assert field.remote_field.on_delete is models.RESTRICT
