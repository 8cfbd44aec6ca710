"""Many rejected together: counted, chunk by chunk, each with its own verdict, and taken back as one."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from annotation.changes.models import BulkRejection
from annotation.changes.services import reject_many
from annotation.review.models import AuditEntry, QueueItem, Verdict
from annotation.review.services.claim import claim
from tests.factories import RegionFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def editor():
    return UserFactory(role="editor")


@pytest.fixture
def small(scan):
    """Five sheds, and beside them a house that no filter here is to touch."""
    made = [ChangeFactory(scan=scan, geometry=square(n / 10, 0.5, 0.02), confidence=n / 10) for n in range(1, 6)]
    ChangeFactory(scan=scan, geometry=square(0.8, 0.8, 0.3))
    return made


def begin(client, scan, expected, query="max_square_m=30", **more):
    body = {
        "query": query, "expected": expected, "reason": "temporary", "comment": "sheds",
        "idempotency_key": str(uuid.uuid4()), **more,
    }  # fmt: skip
    return client.post(f"/api/regions/{scan.region_id}/bulk-rejections/", body, format="json")


def through(client, bulk, act="next"):
    """Ask for chunk after chunk; gives what was told after each."""
    told = []
    while not told or not told[-1]["finished"]:
        told.append(client.post(f"/api/bulk-rejections/{bulk}/{act}/").json())
    return told


def test_every_one_gets_a_verdict_of_its_own_and_all_are_taken_back_as_one(client_of, scan, editor, small, monkeypatch):
    monkeypatch.setattr(reject_many, "CHUNK", 2)
    client = client_of(editor)
    begun = begin(client, scan, 5)
    assert (begun.status_code, begun.json()["total"], begun.json()["done"]) == (201, 5, 0)
    assert not Verdict.objects.exists(), "nothing is rejected before its chunk"
    told = through(client, begun.json()["id"])
    assert [one["done"] for one in told] == [2, 4, 5]
    verdicts = Verdict.objects.all()
    assert {one.item_id for one in verdicts} == {change.item_id for change in small}
    assert {(one.reviewer, one.decision, one.reason, one.comment) for one in verdicts} == {
        (editor, "reject", "temporary", "sheds")
    }
    assert AuditEntry.objects.filter(action="review.decide").count() == 5
    back = through(client, begun.json()["id"], "undo")
    assert [one["undone"] for one in back] == [2, 4, 5]
    open_ones = QueueItem.objects.filter(pk__in=[change.item_id for change in small], state="open", lease_holder=None)
    assert open_ones.count() == 5
    assert client.post(f"/api/bulk-rejections/{begun.json()['id']}/next/").json()["rejected"] == 5
    assert QueueItem.objects.filter(state="decided").count() == 0, "what was taken back is not rejected again"


def test_what_others_hold_were_given_or_decided_meanwhile_stays_and_is_named(client_of, scan, editor, small):
    ben = UserFactory()
    begun = begin(client_of(editor), scan, 5).json()
    held, given, decided, *rest = small
    claim(user=ben, stage="changes", scope_id=scan.region_id, first=[held.item_id])
    QueueItem.objects.filter(pk=given.item_id).update(assigned_to=ben)
    save_decision(UserFactory(), decided)
    (told,) = through(client_of(editor), begun["id"])
    assert told["rejected"] == len(rest)
    assert {(one["reason"], one["number"]) for one in told["left_out"]} == {("held", 1), ("flagged", 1), ("decided", 1)}
    assert set(QueueItem.objects.filter(decision="reject").values_list("pk", flat=True)) == {
        one.item_id for one in rest
    }


def test_only_the_rejection_itself_is_locked(client_of, scan, editor, small, django_assert_max_num_queries):
    begun = begin(client_of(editor), scan, 5).json()["id"]
    with django_assert_max_num_queries(1000) as asked:
        through(client_of(editor), begun)
        through(client_of(editor), begun, "undo")
    locks = [one["sql"] for one in asked.captured_queries if 'FROM "changes_bulkrejection"' in one["sql"]]
    locks = [sql for sql in locks if "FOR UPDATE" in sql]
    assert len(locks) == 2 and all(sql.endswith('FOR UPDATE OF "changes_bulkrejection"') for sql in locks)


def test_ones_own_of_the_last_day_are_listed_the_newest_first(client_of, scan, editor, small):
    client, url = client_of(editor), f"/api/regions/{scan.region_id}/bulk-rejections/"
    first, second = (begin(client, scan, 1, items=[one.item_id]).json()["id"] for one in small[:2])
    begin(client_of(UserFactory(role="editor")), scan, 1, items=[small[2].item_id])
    through(client, second)
    listed = client.get(url).json()
    assert [(one["id"], one["finished"], one["rejected"]) for one in listed] == [(second, True, 1), (first, False, 0)]
    BulkRejection.objects.filter(pk=first).update(created_at=timezone.now() - dt.timedelta(days=2))
    assert [one["id"] for one in client.get(url).json()] == [second]


def test_another_count_than_was_said_yes_to_rejects_nothing(client_of, scan, editor, small):
    reply = begin(client_of(editor), scan, 4)
    assert (reply.status_code, reply.json()["code"], reply.json()["count"]) == (409, "count_changed", 5)
    assert begin(client_of(editor), scan, 1, query="max_square_m=0.1").status_code == 409


def test_only_the_chosen_ones_are_meant_and_only_where_they_fit(client_of, scan, editor, small):
    house = QueueItem.objects.exclude(change__in=small).get()
    chosen = [small[0].item_id, small[1].item_id, house.pk]
    begun = begin(client_of(editor), scan, 2, items=chosen)
    assert begun.status_code == 201
    through(client_of(editor), begun.json()["id"])
    assert set(QueueItem.objects.filter(decision="reject").values_list("pk", flat=True)) == set(chosen[:2])


def test_a_repeated_key_begins_nothing_anew_and_stands_for_one_region(client_of, scan, editor, small):
    key = str(uuid.uuid4())
    first, again = (begin(client_of(editor), scan, 5, idempotency_key=key).json() for _ in range(2))
    assert first["id"] == again["id"]
    other = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    assert begin(client_of(editor), other, 5, idempotency_key=key).json()["code"] == "idempotency_key_reused"


def test_too_many_at_once_are_refused_with_the_remedy(client_of, scan, editor, small, monkeypatch):
    monkeypatch.setattr(reject_many, "MOST", 3)
    reply = begin(client_of(editor), scan, 5)
    assert reply.status_code == 400 and "narrow the filter" in reply.json()["detail"]


def test_only_who_began_goes_on_and_an_editor_may_take_it_back(client_of, scan, editor, small):
    begun = begin(client_of(editor), scan, 5).json()["id"]
    other = client_of(UserFactory(role="editor"))
    assert other.post(f"/api/bulk-rejections/{begun}/next/").status_code == 403
    through(client_of(editor), begun)
    assert through(other, begun, "undo")[-1]["undone"] == 5


def test_what_was_answered_anew_since_keeps_its_answer_when_the_rest_is_taken_back(client_of, scan, editor, small):
    begun = begin(client_of(editor), scan, 5).json()["id"]
    client = client_of(editor)
    through(client, begun)
    item = QueueItem.objects.get(pk=small[0].item_id)
    client.post(
        f"/api/review/items/{item.pk}/undo/",
        {"version": item.version, "idempotency_key": str(uuid.uuid4())}, format="json",
    )  # fmt: skip
    save_decision(editor, small[0], "accept", reason="as_proposed")
    (told,) = through(client, begun, "undo")
    assert [(one["reason"], one["number"]) for one in told["kept"]] == [("changed", 1)]
    assert QueueItem.objects.get(pk=item.pk).decision == "accept"


@pytest.mark.parametrize("more", [{"reason": "as_proposed"}, {"reason": ""}, {"query": "area=1,2"}, {"expected": 0}])
def test_a_rejection_without_a_reason_of_rejections_or_with_a_bad_filter_is_refused(
    client_of, scan, editor, small, more
):
    assert begin(client_of(editor), scan, **{"expected": 5, **more}).status_code == 400
