"""The queue of correspondences under many hands: one winner a version, one effect a key, late saves refused."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter

import pytest

from annotation.correspondences.models import ControlPoint, Correspondences
from annotation.review.models import QueueItem, Verdict
from mlcore.geometry.transform import shift_of
from tests.annotation.review.test_queue_concurrency import in_threads
from tests.factories import RegionFactory, UserFactory
from tests.factories_correspondences import PLACES, CorrespondencesFactory, make_batch, points_by, take

ROUNDS = int(os.environ.get("MAPWRIGHT_SAVE_ROUNDS", "20"))
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def region():
    return RegionFactory(open_to_all=True)


def body_of(item, decision="adjust", *, shift=(2.5, -1.0), key=None):
    said = {
        "lease_token": item.lease_token, "version": item.version, "decision": decision,
        "idempotency_key": str(key or uuid.uuid4()),
    }  # fmt: skip
    if decision == "adjust":
        said["payload"] = {"transform": "shift", "points": points_by(shift_of(*shift))}
    return said


def save(client, item, **said):
    return client.post(f"/api/review/items/{item.pk}/decide/", body_of(item, **said), format="json")


def test_of_two_saves_of_one_version_one_gets_200_and_its_points_and_the_other_409(region, client_of):
    """C2; the whole check takes MAPWRIGHT_SAVE_ROUNDS=1000."""
    user = UserFactory()
    CorrespondencesFactory.create_batch(ROUNDS, pair__region=region)
    batch = make_batch(region)
    clients = [(client_of(user), (2.5, -1.0)), (client_of(user), (7.0, 3.0))]
    for _ in range(ROUNDS):
        item = take(user, batch)
        replies = in_threads(lambda one, item=item: save(one[0], item, shift=one[1]), clients)
        assert sorted(reply.status_code for reply in replies) == [200, 409]
        row = Correspondences.objects.get(pk=item.subject_id)
        (won,) = (given for (_, given), reply in zip(clients, replies, strict=True) if reply.status_code == 200)
        assert row.final_parameters == pytest.approx(won)
        assert row.points.filter(corrected=True).count() == len(PLACES)
    assert Verdict.objects.filter(item__batch=batch).count() == ROUNDS


def test_one_key_sent_twenty_times_has_one_effect_and_one_reply(region, client_of):
    """C3."""
    user = UserFactory()
    row = CorrespondencesFactory(pair__region=region)
    item = take(user, make_batch(region))
    body = body_of(item)

    def send(client):
        reply = client.post(f"/api/review/items/{item.pk}/decide/", body, format="json")
        return reply.status_code, json.dumps(reply.json(), sort_keys=True)  # PostgreSQL orders keys of its own

    replies = Counter(in_threads(send, [client_of(user) for _ in range(20)]))
    assert len(replies) == 1 and next(iter(replies))[0] == 200
    assert Verdict.objects.count() == 1
    assert ControlPoint.objects.filter(correspondences=row, corrected=True).count() == len(PLACES)


def test_a_save_after_the_lease_ended_is_refused_and_taken_once_the_item_is_claimed_again(region, client_of):
    """C4."""
    user = UserFactory()
    row = CorrespondencesFactory(pair__region=region)
    item = take(user, make_batch(region))
    client = client_of(user)
    QueueItem.objects.update(lease_expires_at="2020-01-01T00:00Z")
    late = save(client, item)
    assert (late.status_code, late.json()["code"], late.json()["free"]) == (409, "lease_lost", True)
    assert not Verdict.objects.exists()
    again = client.post(f"/api/review/items/{item.pk}/claim/").json()["item"]
    item.lease_token = again["lease_token"]
    assert save(client, item).status_code == 200
    row.refresh_from_db()
    assert row.state == "corrected"


def test_a_late_save_cannot_overtake_the_next_holder(region, client_of):
    """C4."""
    ana, ben = UserFactory.create_batch(2)
    row = CorrespondencesFactory(pair__region=region)
    batch = make_batch(region)
    item = take(ana, batch)
    QueueItem.objects.update(lease_expires_at="2020-01-01T00:00Z")
    bens = take(ben, batch)
    late = save(client_of(ana), item)
    assert (late.status_code, late.json()["code"], late.json()["free"]) == (409, "lease_lost", False)
    assert save(client_of(ben), bens, decision="reject").status_code == 200
    row.refresh_from_db()
    assert row.state == "rejected"
