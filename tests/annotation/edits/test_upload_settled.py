"""Uploads whose answer was lost and whose person can't go on: an admin settles them by what the map shows everybody."""

from __future__ import annotations

import pytest

from annotation.common.errors import NotAllowedError
from annotation.edits.errors import NotUploadableError, UnsettledError, UploadedAlreadyError
from annotation.edits.models import Delivery, OsmAccount, Upload
from annotation.edits.services import changesets
from annotation.edits.services.uploads import start
from annotation.edits.services.uploads.settle import settle
from annotation.edits.services.webhooks.register import register
from annotation.review.models import AuditEntry
from tests.annotation.edits.uploading import (
    Case,
    again,
    lost_answer,
    ran,
    started,
)
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def admin():
    return UserFactory(role="admin")


def test_an_admin_settles_what_is_in_the_map_without_the_persons_account(case: Case, admin):
    upload = lost_answer(case)
    told = {"secret": "sixteen letters at least", "events": ["uploaded"]}
    register(user=admin, region=None, url="https://example.org/hook", **told)
    OsmAccount.objects.all().delete()
    with pytest.raises(NotAllowedError):
        settle(user=case.editor, upload=upload)
    with pytest.raises(UnsettledError, match="still open"):
        settle(user=admin, upload=upload, outcome="failed")
    case.server.close(upload.osm_changeset)
    settle(user=admin, upload=upload, outcome="failed")  # what is there exactly as it was sent is not talked away
    upload.refresh_from_db()
    assert (upload.state, upload.receipts.count()) == ("done", upload.elements)
    entry = AuditEntry.objects.get(action="edits.upload_settled")
    assert (entry.actor, entry.data["outcome"]) == (admin, "done")
    assert [one.event for one in Delivery.objects.all()] == ["uploaded"]
    with pytest.raises(NotUploadableError):
        settle(user=admin, upload=upload)


def test_an_admin_settles_an_empty_changeset_as_without_effect(case: Case, admin):
    upload = started(case)
    case.server.answer("POST", "upload", 500, "no")
    case.server.answer("GET", "download", 503, "no", Retry_After="4000")
    upload, _ = ran(upload)
    assert upload.state == "sending"
    case.server.close(upload.osm_changeset)
    settle(user=admin, upload=upload)
    upload.refresh_from_db()
    assert (upload.state, upload.problem["code"]) == ("failed", "settled")
    changesets.delete(user=case.editor, changeset=case.changeset)


@pytest.mark.parametrize("outcome", ["done", "failed"])
@pytest.mark.parametrize("found", ["other", "unknown"])
def test_where_reading_does_not_tell_an_admin_says_which_it_is(case: Case, admin, outcome: str, found: str):
    upload = lost_answer(case)
    number = upload.osm_changeset
    if found == "other":
        case.server.rows(f"DELETE FROM elements WHERE changeset = {number} AND kind = 'way' RETURNING id")
        case.server.close(number)
        _, job = again(case, upload)
        assert "something else than what was sent" in job.error_detail
    else:
        case.server.rows(f"DELETE FROM changesets WHERE id = {number} RETURNING id")
    with pytest.raises(UnsettledError) as told:
        settle(user=admin, upload=Upload.objects.get(pk=upload.pk))
    assert told.value.data["choose"] is True
    settle(user=admin, upload=Upload.objects.get(pk=upload.pk), outcome=outcome)
    upload.refresh_from_db()
    assert (upload.state, upload.done_at is not None) == (outcome, outcome == "done")


def test_an_upload_whose_job_is_at_work_is_not_settled(case: Case, admin):
    upload = lost_answer(case)
    case.server.close(upload.osm_changeset)
    start.resume(user=case.editor, upload=upload)
    with pytest.raises(UploadedAlreadyError):
        settle(user=admin, upload=upload)


def test_only_admins_settle_over_http(case: Case, admin, client_of):
    upload = lost_answer(case)
    url = f"/api/uploads/{upload.pk}/settle/"
    assert client_of(case.editor).post(url).status_code == 403
    still_open = client_of(admin).post(url)
    assert (still_open.status_code, still_open.json()["code"]) == (409, "unsettled")
    assert client_of(admin).post(url, {"outcome": "maybe"}, format="json").status_code == 400
    case.server.close(upload.osm_changeset)
    assert client_of(admin).post(url).json()["state"] == "done"
