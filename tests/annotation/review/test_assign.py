"""Work that is given to a person: it comes first there, nobody else gets it, and after some days everybody does."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.utils import timezone

from annotation.changes.lots import FittingChanges
from annotation.review.models import AuditEntry, QueueItem, Verdict
from annotation.review.selectors import queue_counts
from annotation.review.services.assign import put_back_what_ended
from annotation.review.services.claim import claim
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


def give(client, scan, items, to, **more):
    body = {
        "region": scan.region_id, "items": items, "to": to.pk, "days": 3, "comment": "your street",
        "idempotency_key": str(uuid.uuid4()), **more,
    }  # fmt: skip
    return client.post("/api/review/changes/assign/", body, format="json")


def next_of(user, scan, **more):
    return claim(user=user, stage="changes", scope_id=scan.region_id, **more).item


def test_given_items_come_first_to_their_person_and_to_nobody_else_until_their_days_are_over(client_of, scan):
    editor, ben, cleo = UserFactory(role="editor"), UserFactory(), UserFactory()
    sure, given = ChangeFactory(scan=scan, confidence=0.9), ChangeFactory(scan=scan, confidence=0.2)
    key = str(uuid.uuid4())
    assert give(client_of(editor), scan, [given.item_id], ben, idempotency_key=key).json() == {"given": 1}
    assert give(client_of(editor), scan, [given.item_id], ben, idempotency_key=key).json() == {"given": 0}
    assert Verdict.objects.get().payload["to"] == ben.username
    assert next_of(cleo, scan).pk == sure.item_id and next_of(cleo, scan, skip=[sure.item_id]) is None
    assert next_of(ben, scan).pk == given.item_id
    QueueItem.objects.filter(pk=given.item_id).update(assigned_until=timezone.now() - dt.timedelta(hours=1))
    assert put_back_what_ended() == 0, "ben looks at it right now"
    QueueItem.objects.filter(pk=given.item_id).update(lease_holder=None, lease_expires_at=None)
    assert put_back_what_ended() == 1
    assert AuditEntry.objects.filter(action="review.assignment_ended", object_id=str(given.item_id)).count() == 1
    assert next_of(cleo, scan, skip=[sure.item_id]).pk == given.item_id


def test_what_somebody_holds_decided_or_was_given_is_not_given(client_of, scan):
    editor, ben, cleo = UserFactory(role="editor"), UserFactory(), UserFactory()
    held, decided, theirs, free = (ChangeFactory(scan=scan) for _ in range(4))
    next_of(cleo, scan, first=[held.item_id])
    save_decision(editor, decided)
    QueueItem.objects.filter(pk=theirs.item_id).update(assigned_to=cleo)
    items = [change.item_id for change in (held, decided, theirs, free)]
    assert give(client_of(editor), scan, items, ben).json() == {"given": 1}
    assert QueueItem.objects.get(assigned_to=ben).pk == free.item_id


def test_reviewers_give_nothing_and_nobody_gives_to_strangers(client_of, scan):
    item = ChangeFactory(scan=scan).item_id
    assert give(client_of(UserFactory()), scan, [item], UserFactory()).status_code == 403
    scan.region.open_to_all = False
    scan.region.save()
    assert give(client_of(UserFactory(role="admin")), scan, [item], UserFactory()).status_code == 400


def test_counts_tell_what_is_given_to_others_from_what_they_look_at(scan):
    ana, ben = UserFactory(), UserFactory()
    given, looked_at, mine, free = (ChangeFactory(scan=scan) for _ in range(4))
    for change, person in ((given, ben), (looked_at, ben), (mine, ana)):
        QueueItem.objects.filter(pk=change.item_id).update(assigned_to=person)
    assert next_of(ben, scan, skip=[given.item_id]).pk == looked_at.item_id
    for person, leased, blocked in ((ana, 1, 1), (ben, 0, 1)):
        counts = queue_counts(person, "changes", scan.region_id)
        assert (counts.open, counts.leased, counts.blocked) == (4, leased, blocked)
    QueueItem.objects.filter(pk=free.item_id).update(not_for=ana)
    assert queue_counts(ana, "changes", scan.region_id).blocked == 2


def test_acts_are_listed_newest_first_page_by_page_and_by_person(client_of, scan):
    admin, ben = UserFactory(role="admin"), UserFactory()
    for number in range(5):
        AuditEntry.objects.create(
            actor=ben if number == 1 else admin, action="review.decide", object_kind="changes_item",
            object_id=str(number), scope_id=scan.region_id, at=timezone.now() + dt.timedelta(seconds=number // 2),
        )  # fmt: skip
    client, found = client_of(admin), []
    url = f"/api/review/changes/audit/?region={scan.region_id}&page_size=2"
    while url:
        page = client.get(url).json()
        found, url = [*found, *(one["object_id"] for one in page["results"])], page["next"]
    assert found == ["4", "3", "2", "1", "0"]
    for name, those in ((ben.username, ["1"]), ("nobody", [])):
        told = client.get(f"/api/review/changes/audit/?region={scan.region_id}&actor={name}").json()["results"]
        assert [one["object_id"] for one in told] == those


def test_an_act_leads_to_the_change_that_it_is_about_and_one_on_what_is_gone_nowhere(
    client_of, scan, django_assert_max_num_queries
):
    changes = ChangeFactory.create_batch(3, scan=scan)
    for number in (*(change.item_id for change in changes), 10**9):
        AuditEntry.objects.create(
            action="review.decide", object_kind="changes_item", object_id=str(number), scope_id=scan.region_id
        )
    client = client_of(UserFactory(role="admin"))
    with django_assert_max_num_queries(8):
        told = client.get(f"/api/review/changes/audit/?region={scan.region_id}").json()["results"]
    pages = {one["object_id"]: one["page_url"] for one in told}
    assert pages.pop(str(10**9)) == ""
    assert pages == {str(one.item_id): f"/regions/{scan.region_id}/changes/{one.pk}/" for one in changes}
    assert client.get(pages[str(changes[0].item_id)]).status_code == 200


@pytest.mark.parametrize("most", [2, 1000])
def test_what_others_hold_and_what_is_theirs_alone_is_counted_so_far_and_no_item_twice(
    monkeypatch, client_of, scan, most
):
    monkeypatch.setattr("annotation.review.selectors.TOLD", most)
    monkeypatch.setattr("annotation.changes.lots.TOLD", most)
    editor, ben, cleo = UserFactory(role="editor"), UserFactory(), UserFactory()
    made = ChangeFactory.create_batch(7, scan=scan)
    give(client_of(editor), scan, [one.item_id for one in made], ben)
    QueueItem.objects.filter(pk__in=[one.item_id for one in made[:3]]).update(
        lease_holder=ben, lease_expires_at=timezone.now() + dt.timedelta(minutes=5)
    )
    told = queue_counts(cleo, "changes", scan.region_id)
    assert (told.open, told.leased, told.blocked) == (7, min(3, most), min(4, most))
    assert FittingChanges().counts(cleo, scan.region_id, {"kind": ["add"]}) == (
        min(7, most),
        min(3, most),
        min(4, most),
    )
