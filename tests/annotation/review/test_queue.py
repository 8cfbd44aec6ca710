"""One person at the queue: claim, save, lose the lease, undo, and what the answers say."""

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.review.models import AuditEntry, ItemState, QueueItem, Verdict
from tests.annotation.review.claims import claim
from tests.factories import UserFactory
from tests.factories_changes import ChangeFactory

pytestmark = pytest.mark.django_db


def decision(item, **extra):
    return {
        "lease_token": item["lease_token"],
        "version": item["version"],
        "decision": "accept",
        "seconds": 2.5,
        "idempotency_key": str(uuid.uuid4()),
        **extra,
    }


def save(client, item, **extra):
    return client.post(f"/api/review/items/{item['id']}/decide/", decision(item, **extra), format="json")


def undo(client, item_id, version, key=None):
    body = {"version": version, "idempotency_key": str(key or uuid.uuid4())}
    return client.post(f"/api/review/items/{item_id}/undo/", body, format="json")


def expire(item_id):
    QueueItem.objects.filter(pk=item_id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def test_the_most_confident_item_comes_first_with_its_subject(ana, region, scan):
    ChangeFactory(scan=scan, confidence=0.3)
    best = ChangeFactory(scan=scan, confidence=0.9)
    got = claim(ana, region)
    assert got["item"]["id"] == best.item_id
    assert got["subject"]["id"] == best.pk
    assert got["subject"]["kind"] == "add"


def test_a_second_claim_gets_the_own_live_lease_again_and_skip_prefetches_the_next(ana, region, scan):
    first, second = ChangeFactory(scan=scan, confidence=0.9), ChangeFactory(scan=scan, confidence=0.8)
    assert claim(ana, region)["item"]["id"] == first.item_id
    assert claim(ana, region)["item"]["id"] == first.item_id
    assert claim(ana, region, skip=[first.item_id])["item"]["id"] == second.item_id


def test_another_person_gets_another_item_and_then_hears_that_all_are_taken(ana, client_of, region, scan):
    ChangeFactory.create_batch(2, scan=scan)
    ben = client_of(UserFactory())
    mine = claim(ana, region)["item"]["id"]
    his = claim(ben, region)["item"]["id"]
    assert mine != his
    third = claim(client_of(UserFactory()), region)
    assert (third["item"], third["open"], third["leased"]) == (None, 2, 2)


def test_an_empty_queue_says_so(ana, region, scan):
    got = claim(ana, region)
    assert (got["item"], got["open"], got["leased"]) == (None, 0, 0)


def test_a_decision_is_an_event_with_an_audit_entry(ana, region, scan):
    change = ChangeFactory(scan=scan)
    reply = save(ana, claim(ana, region)["item"], decision="reject", reason="not_a_building", comment="a tree")
    assert reply.status_code == 200
    assert reply.json()["item"] == {
        "id": change.item_id, "version": 1, "state": "decided", "decision": "reject",
        "lease_token": None, "lease_expires_at": None,
    }  # fmt: skip
    verdict = Verdict.objects.get()
    assert (verdict.decision, verdict.reason, verdict.comment, verdict.seconds) == (
        "reject", "not_a_building", "a tree", 2.5,
    )  # fmt: skip
    assert AuditEntry.objects.get().action == "review.decide"


def test_the_lease_of_a_reviewer_who_vanished_is_claimable_once_it_expired(ana, client_of, region, scan):
    """C5."""
    change = ChangeFactory(scan=scan)
    item = claim(ana, region)["item"]
    expire(item["id"])
    assert claim(client_of(UserFactory()), region)["item"]["id"] == change.item_id


def test_a_late_save_is_refused_says_that_the_item_is_free_and_saves_after_a_reclaim(ana, region, scan):
    """C4."""
    ChangeFactory(scan=scan)
    item = claim(ana, region)["item"]
    expire(item["id"])
    late = save(ana, item)
    assert (late.status_code, late.json()["code"], late.json()["free"]) == (409, "lease_lost", True)
    assert not Verdict.objects.exists()
    again = ana.post(f"/api/review/items/{item['id']}/claim/").json()["item"]
    assert save(ana, again).status_code == 200


def test_a_late_save_cannot_overtake_the_next_holder(ana, client_of, region, scan):
    """C4."""
    ChangeFactory(scan=scan)
    ben = client_of(UserFactory())
    item = claim(ana, region)["item"]
    expire(item["id"])
    bens = claim(ben, region)["item"]
    late = save(ana, item)
    assert (late.status_code, late.json()["code"], late.json()["free"]) == (409, "lease_lost", False)
    assert ana.post(f"/api/review/items/{item['id']}/claim/").json()["code"] == "lease_lost"
    assert save(ben, bens).status_code == 200
    assert ana.post(f"/api/review/items/{item['id']}/claim/").json()["code"] == "already_decided"


def test_a_stolen_token_is_no_lease(ana, client_of, region, scan):
    ChangeFactory(scan=scan)
    item = claim(ana, region)["item"]
    assert save(client_of(UserFactory()), item).json()["code"] == "lease_lost"


def test_a_heartbeat_extends_the_lease_and_release_gives_the_item_back(ana, client_of, region, scan):
    ChangeFactory(scan=scan)
    item = claim(ana, region)["item"]
    soon = timezone.now() + timedelta(seconds=5)
    QueueItem.objects.filter(pk=item["id"]).update(lease_expires_at=soon)
    token = {"lease_token": item["lease_token"]}
    assert ana.post(f"/api/review/items/{item['id']}/heartbeat/", token, format="json").status_code == 200
    assert QueueItem.objects.get().lease_expires_at > soon
    assert ana.post(f"/api/review/items/{item['id']}/release/", token, format="json").json() == {"released": True}
    assert claim(client_of(UserFactory()), region)["item"]["id"] == item["id"]
    lost = ana.post(f"/api/review/items/{item['id']}/heartbeat/", token, format="json")
    assert lost.json()["code"] == "lease_lost"


def test_an_old_version_is_refused_with_the_new_one(ana, region, scan):
    ChangeFactory(scan=scan)
    item = claim(ana, region)["item"]
    QueueItem.objects.update(version=4)
    reply = save(ana, item)
    assert (reply.status_code, reply.json()["code"], reply.json()["version"]) == (409, "version_conflict", 4)


def test_undo_reopens_the_item_for_the_person_and_keeps_both_events(ana, region, scan):
    ChangeFactory(scan=scan)
    item = claim(ana, region)["item"]
    save(ana, item)
    back = undo(ana, item["id"], version=1)
    assert back.status_code == 200
    assert back.json()["item"]["state"] == "open"
    again = {**back.json()["item"]}
    assert save(ana, again, decision="reject").status_code == 200
    events = ana.get(f"/api/review/items/{item['id']}/history/").json()
    assert [(event["event"], event["decision"], event["item_version"]) for event in events] == [
        ("decide", "accept", 1), ("undo", "accept", 2), ("decide", "reject", 3),
    ]  # fmt: skip


def test_a_reviewer_cannot_undo_somebody_elses_decision_but_an_editor_can(ana, client_of, region, scan):
    ChangeFactory(scan=scan)
    item = claim(ana, region)["item"]
    save(ana, item)
    assert undo(client_of(UserFactory()), item["id"], version=1).json()["code"] == "not_allowed"
    assert undo(client_of(UserFactory(role="editor")), item["id"], version=1).status_code == 200


def test_an_open_item_has_nothing_to_undo(ana, region, scan):
    change = ChangeFactory(scan=scan)
    assert undo(ana, change.item_id, version=0).json()["code"] == "not_decided"


def test_a_repeated_undo_gets_the_same_reply(ana, region, scan):
    ChangeFactory(scan=scan)
    item = claim(ana, region)["item"]
    save(ana, item)
    key = uuid.uuid4()
    replies = [undo(ana, item["id"], 1, key).json() for _ in range(3)]
    assert replies[0] == replies[1] == replies[2]
    assert QueueItem.objects.get().version == 2


def test_a_key_stands_for_one_save(ana, region, scan):
    ChangeFactory.create_batch(2, scan=scan)
    key = str(uuid.uuid4())
    first = claim(ana, region)["item"]
    assert save(ana, first, idempotency_key=key).status_code == 200
    second = claim(ana, region)["item"]
    assert save(ana, second, idempotency_key=key).json()["code"] == "idempotency_key_reused"
    assert QueueItem.objects.get(pk=second["id"]).state == ItemState.OPEN


@pytest.mark.parametrize(
    "bad",
    [
        {"decision": "perhaps"},
        {"decision": "reject", "reason": "because"},
        {"payload": {"colour": "red"}},
        {"payload": {"geometry": {"type": "Point", "coordinates": [0, 0]}}},
        {"seconds": -1},
        {"lease_token": 2**70},
        {"comment": "nul \x00"},
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_no_trace(ana, region, scan, bad):
    ChangeFactory(scan=scan)
    reply = save(ana, claim(ana, region)["item"], **bad)
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid")
    assert not Verdict.objects.exists()
    assert not AuditEntry.objects.exists()
    assert QueueItem.objects.get().state == ItemState.OPEN


def test_a_foreign_item_is_as_missing_as_a_missing_one(client_of, scan, region):
    change = ChangeFactory(scan=scan)
    region.open_to_all = False
    region.save()
    stranger = client_of(UserFactory())
    foreign = stranger.get(f"/api/review/items/{change.item_id}/history/")
    missing = stranger.get("/api/review/items/999999/history/")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.json() == missing.json()
    assert stranger.post("/api/review/changes/claim/", {"region": region.pk}, format="json").status_code == 404


def test_statistics_count_by_decision_and_person(ana, client_of, region, scan):
    ChangeFactory.create_batch(3, scan=scan)
    save(ana, claim(ana, region)["item"])
    ben = client_of(UserFactory(username="ben"))
    save(ben, claim(ben, region)["item"], decision="reject")
    got = ana.get(f"/api/review/changes/statistics/?region={region.pk}").json()
    assert got["decisions"] == {"accept": 1, "reject": 1, "open": 1}
    row = next(row for row in got["reviewers"] if row["reviewer"] == "ben")
    assert (row["decided"], row["undone"], row["decisions"], row["mean_seconds"]) == (1, 0, {"reject": 1}, 2.5)
    assert "not_a_building" in got["reasons"]["reject"]


def test_an_unknown_stage_is_missing(ana, region):
    assert ana.post("/api/review/poems/claim/", {"region": region.pk}, format="json").status_code == 404


def test_what_is_renewed_first_is_given_to_nobody_by_its_number_but_to_whoever_still_holds_it(
    ana, client_of, region, scan
):
    change = ChangeFactory(scan=scan)
    item, ben = claim(ana, region)["item"], client_of(UserFactory())
    url = f"/api/review/items/{change.item_id}/claim/"
    QueueItem.objects.update(outdated=True)
    again = ana.post(url)
    assert again.status_code == 200 and save(ana, again.json()["item"]).status_code == 200
    QueueItem.objects.update(state=ItemState.OPEN, decision="", decided_by=None, version=0, lease_holder=None)
    for client in (ana, ben):
        refused = client.post(url)
        assert (refused.status_code, refused.json()["code"]) == (409, "outdated")
        assert "your draft is kept" in refused.json()["detail"]
    late = save(ana, item)
    assert (late.json()["code"], late.json()["free"]) == ("lease_lost", False)
    QueueItem.objects.update(outdated=False)
    assert ben.post(url).status_code == 200


def test_what_left_the_queue_meanwhile_is_given_to_nobody_by_its_number(ana, region, scan):
    change = ChangeFactory(scan=scan)
    item = claim(ana, region)["item"]
    QueueItem.objects.update(state=ItemState.WITHDRAWN)
    refused = ana.post(f"/api/review/items/{change.item_id}/claim/")
    assert (refused.status_code, refused.json()["code"]) == (409, "withdrawn")
    assert save(ana, item).json()["code"] == "withdrawn"
