"""Many people at the queue at once, on real connections: nothing twice, nothing lost, one winner each."""

import os
import threading
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from annotation.common.errors import ConflictError
from annotation.review.models import AuditEntry, ItemState, QueueItem, Verdict
from annotation.review.services.claim import claim
from annotation.review.services.decide import Decision, decide
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory

ROUNDS = int(os.environ.get("MAPWRIGHT_SAVE_ROUNDS", "20"))
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


def in_threads(work, arguments):
    """Run `work(argument)` for each argument in a thread of its own, all started at one barrier."""
    barrier = threading.Barrier(len(arguments))

    def one(argument):
        try:
            barrier.wait()
            return work(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(one, arguments))


def save(user, item, key=None, decision="accept"):
    return decide(
        user=user,
        item_id=item.pk,
        lease_token=item.lease_token,
        version=item.version,
        said=Decision(decision),
        idempotency_key=key or uuid.uuid4(),
    )


def test_twenty_people_drain_three_hundred_items_and_each_is_decided_once(scan):
    """C1, in small; with 50 clients and 10,000 items it is benchmarks/review_drain.py."""
    ChangeFactory.create_batch(300, scan=scan)
    users = UserFactory.create_batch(20)

    def drain(user):
        done = []
        while True:
            got = claim(user=user, stage="changes", scope_id=scan.region_id)
            if got.item is not None:
                save(user, got.item)
                done.append(got.item.pk)
            elif got.counts.open == 0:
                return done

    decided = [pk for done in in_threads(drain, users) for pk in done]
    assert len(decided) == len(set(decided)) == 300
    assert QueueItem.objects.filter(state=ItemState.DECIDED, version=1).count() == 300
    assert Verdict.objects.count() == AuditEntry.objects.filter(action="review.decide").count() == 300


def test_of_two_saves_of_one_version_exactly_one_wins(scan):
    """C2, of the service."""
    user = UserFactory()
    ChangeFactory.create_batch(40, scan=scan)
    for _ in range(40):
        item = claim(user=user, stage="changes", scope_id=scan.region_id).item

        def attempt(decision, item=item):
            try:
                return save(user, item, decision=decision).decision
            except ConflictError as error:
                return error.code

        got = in_threads(attempt, ["accept", "reject"])
        item.refresh_from_db()
        assert sorted(got) == sorted(["already_decided", item.decision])
        assert item.version == 1
    assert Verdict.objects.count() == 40


def test_two_http_saves_of_one_version_get_one_200_and_one_409(scan, client_of):
    """C2; the whole check takes MAPWRIGHT_SAVE_ROUNDS=1000."""
    user = UserFactory()
    ChangeFactory.create_batch(ROUNDS, scan=scan)
    clients = [client_of(user), client_of(user)]
    for _ in range(ROUNDS):
        item = claim(user=user, stage="changes", scope_id=scan.region_id).item

        def attempt(client, item=item):
            body = {
                "lease_token": item.lease_token, "version": item.version, "decision": "accept",
                "idempotency_key": str(uuid.uuid4()),
            }  # fmt: skip
            return client.post(f"/api/review/items/{item.pk}/decide/", body, format="json").status_code

        assert sorted(in_threads(attempt, clients)) == [200, 409]


def test_one_key_sent_twenty_times_has_one_effect_and_one_reply(scan, client_of):
    """C3."""
    user = UserFactory()
    ChangeFactory(scan=scan)
    item = claim(user=user, stage="changes", scope_id=scan.region_id).item
    body = {
        "lease_token": item.lease_token, "version": 0, "decision": "accept", "idempotency_key": str(uuid.uuid4()),
    }  # fmt: skip

    def send(client):
        reply = client.post(f"/api/review/items/{item.pk}/decide/", body, format="json")
        return reply.status_code, reply.content

    replies = Counter(in_threads(send, [client_of(user) for _ in range(20)]))
    assert len(replies) == 1
    assert next(iter(replies))[0] == 200
    assert Verdict.objects.count() == AuditEntry.objects.count() == 1


def test_simultaneous_claims_never_share_an_item(scan):
    ChangeFactory.create_batch(12, scan=scan)
    users = UserFactory.create_batch(16)
    got = in_threads(lambda user: claim(user=user, stage="changes", scope_id=scan.region_id).item, users)
    taken = [item.pk for item in got if item is not None]
    assert len(taken) == len(set(taken)) == 12
    assert got.count(None) == 4
