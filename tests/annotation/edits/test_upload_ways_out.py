"""Uploads that can't simply go on: what the server answers wrongly, who left, what a backup forgot."""

from __future__ import annotations

import pytest

from annotation.edits.errors import ConflictingEditsError
from annotation.edits.models import Changeset, OsmAccount, Upload, UploadReceipt
from annotation.edits.services import changesets, export
from annotation.edits.services.uploads import start
from annotation.edits.services.uploads.checks import outlook
from tests.annotation.edits.uploading import (
    Case,
    again,
    lost_answer,
    ran,
    sent,
    started,
)
from tests.factories import RegionFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db(transaction=True)
CLOSED = "The changeset 1 was closed at 2026-01-01T00:00:00Z"


# what the server says of a changeset that it numbered itself


def test_a_404_while_reading_back_does_not_count_as_nothing_taken(case: Case):
    upload = lost_answer(case)
    case.server.answer("GET", "download", 404, "not found", times=2)
    case.server.answer("PUT", "close", 404, "not found")
    upload, _ = again(case, upload)
    assert (upload.state, case.mistakes(), sent(case)) == ("done", [], 1)


def test_a_changeset_that_always_counts_as_closed_ends_where_it_can_be_given_up(case: Case):
    case.server.answer("POST", "upload", 409, CLOSED, times=100)
    upload, job = ran(started(case))
    assert (upload.state, job.error_code) == ("prepared", "changeset_closed")
    start.give_up(user=case.editor, upload=upload)
    upload.refresh_from_db()
    assert upload.state == "failed"


@pytest.mark.parametrize("state", ["sent", "closing"])
@pytest.mark.parametrize("left", ["account", "user", "address", "off", "refused"])
def test_what_only_has_to_be_closed_is_done_whoever_left(case: Case, state: str, left: str, settings):
    case.server.answer("PUT", "close", 503, "no", Retry_After="4000")
    upload, _ = ran(started(case))
    assert upload.state == "closing"
    Upload.objects.filter(pk=upload.pk).update(state=state)
    if left == "account":
        OsmAccount.objects.all().delete()
    elif left == "user":
        Upload.objects.filter(pk=upload.pk).update(user=None)
    elif left == "address":
        settings.OSM_API_URL = "https://api.example.org"
    elif left == "off":
        settings.OSM_UPLOAD = False
    else:
        case.server.answer("PUT", "close", 400, "no")
    start.resume(user=UserFactory(role="admin"), upload=upload)
    upload, job = ran(upload)
    assert (upload.state, job.state, case.mistakes()) == ("done", "succeeded", [])


# rights


@pytest.mark.parametrize("right", ["role", "active", "region"])
@pytest.mark.parametrize("state", ["prepared", "open"])
def test_nothing_is_sent_for_a_person_who_may_not_edit_any_more(case: Case, right: str, state: str):
    if state == "open":
        case.server.answer("POST", "upload", 429, "too much", Retry_After="4000")
    upload = started(case)
    if state == "open":
        upload, _ = ran(upload)
        start.resume(user=case.editor, upload=upload)
    before = sent(case)
    if right == "region":
        type(case.changeset.region).objects.update(open_to_all=False)
    else:
        type(case.editor).objects.filter(pk=case.editor.pk).update(
            **({"role": "reviewer"} if right == "role" else {"is_active": False})
        )
    upload, job = ran(upload)
    assert (upload.state, job.error_code, sent(case)) == (state, "not_allowed", before)
    start.give_up(user=UserFactory(role="admin"), upload=upload)


def test_what_was_sent_is_read_back_and_closed_without_the_right_to_send(case: Case):
    upload = lost_answer(case)
    type(case.editor).objects.filter(pk=case.editor.pk).update(role="reviewer")
    upload, _ = again(case, upload)
    assert (upload.state, case.mistakes(), sent(case)) == ("done", [], 1)


# a backup that came back


@pytest.mark.parametrize(
    ("state", "turn"), [("prepared", 0), ("prepared", 1), ("opening", 1), ("open", 1), ("sending", 1)]
)
def test_what_was_uploaded_after_the_backup_is_not_sent_again(case: Case, state: str, turn: int):
    upload, _ = ran(started(case))
    assert upload.state == "done"
    number = upload.osm_changeset if state in {"open", "sending"} else None
    UploadReceipt.objects.all().delete()
    Upload.objects.update(state=state, round=turn, osm_changeset=number, done_at=None)
    upload.refresh_from_db()
    upload, _ = again(case, upload)
    assert (upload.state, case.mistakes()) == ("done", [])
    assert upload.receipts.count() == upload.elements and len(case.server.changesets()) == 1


def test_a_changeset_of_a_later_round_is_found_as_well(case: Case):
    case.server.answer("POST", "upload", 409, CLOSED)
    upload, _ = ran(started(case))
    assert (upload.state, upload.round) == ("done", 2)
    UploadReceipt.objects.all().delete()
    Upload.objects.update(state="opening", round=1, osm_changeset=None, abandoned=[], done_at=None)
    upload.refresh_from_db()
    upload, _ = again(case, upload)
    assert (upload.state, case.mistakes(), len(case.server.changesets())) == ("done", [], 2)


def test_all_changesets_of_a_busy_person_are_looked_through(case: Case):
    upload, _ = ran(started(case))
    person = upload.osm_id
    case.server.rows(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250) "
        "INSERT INTO changesets (user, tags, created, closes) "
        f"SELECT {person}, '{{}}', strftime('%s', 'now') + i, strftime('%s', 'now') + i + 60 FROM n RETURNING id"
    )
    UploadReceipt.objects.all().delete()
    Upload.objects.update(state="prepared", round=0, osm_changeset=None, done_at=None)
    upload.refresh_from_db()
    upload, _ = again(case, upload)
    assert (upload.state, case.mistakes()) == ("done", [])


# the same building from two regions


def with_new_building(case: Case, shape) -> Changeset:
    """Of another region, with one accepted new building and one that is nobody else's."""
    scan = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    changes = [ChangeFactory(scan=scan, geometry=shape), ChangeFactory(scan=scan, geometry=square(0.9, 0.1, 0.05))]
    for change in changes:
        save_decision(case.editor, change)
    made = changesets.create(
        user=case.editor, region=scan.region, comment="Theirs", change_ids=[one.pk for one in changes]
    )  # fmt: skip
    return made.changeset


def test_a_new_building_is_not_sent_from_two_regions(case: Case):
    other = with_new_building(case, square(0.51, 0.2, 0.1))
    assert outlook(case.editor, other).why_not == []
    upload, _ = ran(started(case))
    mine = other.items.order_by("change")[0].change_id
    (reason,) = outlook(case.editor, other).why_not
    assert reason.code == "sent_elsewhere" and str(mine) in reason.detail
    with pytest.raises(ConflictingEditsError) as told:
        start.start(user=case.editor, changeset=other)
    assert [one["change"] for one in told.value.data["items"]] == [mine]
    said = f"{told.value.detail} {told.value.data}"
    assert case.changeset.region.name not in said and upload.osm_name not in said
    changesets.drop(user=case.editor, changeset=other, change_id=mine)
    assert ran(start.start(user=case.editor, changeset=other))[0].state == "done"


def test_a_neighbour_or_what_took_no_effect_stands_against_nothing(case: Case):
    beside = with_new_building(case, square(0.57, 0.2, 0.1))
    same = with_new_building(case, square(0.5, 0.2, 0.1))
    case.server.answer("POST", "upload", 400, "no")
    assert ran(started(case))[0].state == "failed"
    assert outlook(case.editor, same).why_not == []
    ran(started(case))
    assert outlook(case.editor, beside).why_not == []


# texts, and what left as a file


def test_a_control_character_in_the_comment_does_not_stop_an_upload(case: Case):
    case.changeset.tags = {**case.changeset.tags, "comment": "\x0b" * 200 + "New\x01 houses" + "x" * 300, "a\x02": "b"}
    case.changeset.save(update_fields=["tags"])
    upload, _ = ran(started(case))
    assert upload.state == "done"
    tags = case.server.changesets()[0]["tags"]
    assert tags["comment"] == ("New houses" + "x" * 300)[:255] and tags["a"] == "b"


def test_only_what_a_person_was_given_is_warned_of(case: Case):
    case.server.answer("POST", "upload", 400, "no")
    assert ran(started(case))[0].state == "failed"
    case.changeset.refresh_from_db()
    assert outlook(case.editor, case.changeset).warnings == []
    list(export.osc(case.changeset))
    case.changeset.refresh_from_db()
    assert case.changeset.handed_out_at is not None
    assert [one.code for one in outlook(case.editor, case.changeset).warnings] == ["exported"]
