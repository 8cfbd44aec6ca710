"""Webhooks: written with the event or not at all, signed, tried again, given up, sent again; secrets stay sealed."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from annotation.common.services import jobs
from annotation.edits.models import Delivery, Upload, Webhook
from annotation.edits.services import changesets, export
from annotation.edits.services.uploads import start
from annotation.edits.services.webhooks import outbox
from annotation.edits.services.webhooks.deliver import deliver, pause
from annotation.edits.services.webhooks.register import register
from annotation.review.services.undo import undo
from tests.annotation.edits.receiver import Receiver, receiver
from tests.annotation.edits.uploading import make_case, sign_in_at, upload_settings
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision
from tests.osm_server import osm_server

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "sixteen letters at least"
ALL = ["decided", "exported", "uploaded"]


@pytest.fixture
def server(settings) -> Iterator[Receiver]:
    settings.WEBHOOK_HOSTS = ["127.0.0.1"]
    with receiver() as running:
        yield running


@pytest.fixture
def admin():
    return UserFactory(role="admin")


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


def hook(admin, url, region=None, events=ALL) -> Webhook:
    return register(user=admin, region=region, url=url, secret=SECRET, events=events)


def due(delivery: Delivery) -> None:
    Delivery.objects.filter(pk=delivery.pk).update(due_at=timezone.now())


def test_a_decision_is_told_once_signed_over_time_and_body(admin, scan, server):
    hook(admin, server.url)
    change = ChangeFactory(scan=scan)
    verdict = save_decision(admin, change, "reject", "other")
    assert (deliver(), deliver()) == (1, 0)
    ((headers, body),) = server.came
    told = json.loads(body)
    assert (told["event"], told["region"], told["data"]["change"]) == ("decided", scan.region_id, change.pk)
    assert (told["data"]["decision"], told["data"]["undone"], told["data"]["by"]) == (
        "reject", False, admin.username,
    )  # fmt: skip
    parts = dict(one.split("=") for one in headers["Mapwright-Signature"].split(","))
    mac = hmac.new(SECRET.encode(), parts["t"].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(mac, parts["v1"])
    assert abs(int(parts["t"]) - timezone.now().timestamp()) < 60
    assert headers["Mapwright-Delivery"] == told["id"] and headers["Mapwright-Event"] == "decided"
    undo(user=admin, item_id=change.item_id, version=verdict.item_version, idempotency_key=uuid.uuid4())
    assert deliver() == 1 and json.loads(server.came[1][1])["data"]["undone"] is True


def test_an_event_whose_transaction_fails_is_never_told(admin, scan, server):
    hook(admin, server.url)
    change = ChangeFactory(scan=scan)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        save_decision(admin, change)
        assert Delivery.objects.count() == 1
        raise ZeroDivisionError
    assert not Delivery.objects.exists()
    with pytest.raises(RuntimeError, match="transaction"):
        outbox.announce("decided", scan.region_id, dict)


def test_only_who_asked_for_this_region_and_event_is_told(admin, scan, server):
    elsewhere = RegionFactory()
    wants = hook(admin, server.url, region=scan.region, events=["exported"])
    hook(admin, server.url, region=elsewhere)
    off = hook(admin, server.url)
    Webhook.objects.filter(pk=off.pk).update(active=False)
    save_decision(admin, ChangeFactory(scan=scan))
    assert not Delivery.objects.exists()
    made = changesets.create(user=admin, region=scan.region, comment="Häuser 🏠").changeset
    list(export.osc(made))
    list(export.osc(made))  # the same file once more says nothing new
    delivery = Delivery.objects.get()
    told = json.loads(delivery.body)
    assert delivery.webhook == wants and told["event"] == "exported"
    assert (told["data"]["changeset"], told["data"]["new_edits"]) == (made.pk, 1)
    assert told["data"]["tags"]["comment"] == "Häuser 🏠"


def test_an_upload_is_told_once_it_is_in_the_map_and_not_before(admin, server, settings, tmp_path):
    with osm_server(tmp_path / "osm.sqlite") as osm:
        for name, value in upload_settings(osm).items():
            setattr(settings, name, value)
        case = make_case(osm)
        sign_in_at(osm, case.editor)
        hook(admin, server.url, region=case.changeset.region, events=["uploaded"])
        upload = start.start(user=case.editor, changeset=case.changeset)
        assert not Delivery.objects.exists()
        jobs.execute(Upload.objects.get(pk=upload.pk).job_id)
        upload.refresh_from_db()
        told = json.loads(Delivery.objects.get().body)["data"]
        assert (told["upload"], told["osm_changeset"], told["url"]) == (upload.pk, upload.osm_changeset, upload.url)
        assert told["elements"] == upload.elements and upload.state == "done"


def test_what_fails_is_tried_eight_times_further_and_further_apart_then_given_up_and_sent_again(
    admin, scan, server, client_of
):
    webhook = hook(admin, server.url)
    save_decision(admin, ChangeFactory(scan=scan))
    server.status = 500
    waits = []
    for tries in range(1, 9):
        before = timezone.now()
        assert deliver() == 0
        delivery = Delivery.objects.get()
        assert (delivery.attempts, delivery.last_status) == (tries, 500)
        waits.append((delivery.due_at - before).total_seconds())
        assert deliver() == 0 and len(server.came) == tries  # not before it is due
        due(delivery)
    assert delivery.state == "dead" and "500" in delivery.problem
    assert all(later > 2.5 * sooner for sooner, later in itertools.pairwise(waits))
    assert sum((pause(n) for n in range(1, 8)), timedelta()) < timedelta(hours=24)
    assert deliver() == 0 and len(server.came) == 8
    client = client_of(admin)
    (dead,) = client.get(f"/api/webhooks/{webhook.pk}/deliveries/?state=dead").json()["results"]
    server.status = 200
    assert client.post(f"/api/webhook-deliveries/{dead['id']}/again/").json()["state"] == "waiting"
    assert deliver() == 1
    assert client.post(f"/api/webhook-deliveries/{dead['id']}/again/").status_code == 409
    assert len({json.loads(body)["id"] for _, body in server.came}) == 1


def test_the_list_says_why_something_still_waits(admin, scan, server, client_of):
    hook(admin, server.url)
    save_decision(admin, ChangeFactory(scan=scan))
    client = client_of(admin)
    assert client.get("/api/webhooks/").json()["results"][0]["problem"] is None
    server.status = 404
    deliver()
    (listed,) = client.get("/api/webhooks/").json()["results"]
    assert (listed["waiting"], listed["dead"]) == (1, 0) and "404" in listed["problem"]


def test_what_nobody_took_within_a_day_is_given_up(admin, scan, server):
    hook(admin, server.url)
    save_decision(admin, ChangeFactory(scan=scan))
    Delivery.objects.update(since=timezone.now() - timedelta(hours=25))
    server.status = 503
    deliver()
    assert Delivery.objects.get().state == "dead" and len(server.came) == 1


def test_a_run_that_was_killed_while_it_sent_is_gone_on_with_under_the_same_id(admin, scan, server):
    hook(admin, server.url)
    save_decision(admin, ChangeFactory(scan=scan))

    class KilledError(BaseException):
        pass

    with pytest.MonkeyPatch.context() as patch:

        def stop(*_args):
            raise KilledError

        patch.setattr("annotation.edits.services.webhooks.deliver._note", stop)
        with pytest.raises(KilledError):
            deliver()
    assert deliver() == 0  # its claim holds still
    due(Delivery.objects.get())
    assert deliver() == 1
    assert len({headers["Mapwright-Delivery"] for headers, _ in server.came}) == 1 and len(server.came) == 2


def test_nothing_is_locked_while_a_server_answers(admin, scan, server):
    webhook = hook(admin, server.url)
    save_decision(admin, ChangeFactory(scan=scan))
    seen = []

    def look() -> None:
        try:
            with transaction.atomic():
                seen.append(Delivery.objects.select_for_update(nowait=True).get(webhook=webhook).attempts)
        finally:
            connection.close()

    server.meanwhile = look
    assert deliver() == 1 and seen == [1]


def test_a_server_that_fails_does_not_keep_others_waiting(admin, scan, server):
    with receiver() as broken:
        broken.status = 500
        hook(admin, broken.url)
        hook(admin, server.url)
        for _ in range(3):
            save_decision(admin, ChangeFactory(scan=scan))
        assert deliver() == 3
        assert (len(broken.came), len(server.came)) == (1, 3)


@pytest.mark.parametrize("address", ["https://127.0.0.1/hook", "https://[::1]/hook", "https://169.254.169.254/hook"])
def test_private_addresses_are_not_asked_unless_allowed_by_name(admin, scan, address):
    hook(admin, address)
    save_decision(admin, ChangeFactory(scan=scan))
    assert deliver() == 0
    delivery = Delivery.objects.get()
    assert "not public" in delivery.problem and "MAPWRIGHT_WEBHOOK_HOSTS" in delivery.problem
    assert delivery.last_status is None


def test_no_redirect_is_followed(admin, scan, server):
    with receiver() as other:
        server.status, server.location = 307, other.url
        hook(admin, server.url)
        save_decision(admin, ChangeFactory(scan=scan))
        assert deliver() == 0
        assert other.came == [] and "redirects are not followed" in Delivery.objects.get().problem


def test_the_secret_is_sealed_and_in_no_answer(admin, server, client_of):
    client = client_of(admin)
    body = {"url": server.url, "secret": SECRET, "events": ["uploaded"]}
    made = client.post("/api/webhooks/", body, format="json")
    assert made.status_code == 201
    path = f"/api/webhooks/{made.json()['id']}/"
    changed = client.patch(path, {"secret": SECRET[::-1], "active": False}, format="json")
    listed = client.get("/api/webhooks/")
    for answer in (made, changed, listed):
        assert "secret" not in answer.content.decode()
    stored = Webhook.objects.get()
    assert SECRET not in stored.sealed_secret and not stored.active
    assert client.delete(path).status_code == 204 and not Webhook.objects.exists()


@pytest.mark.parametrize(
    "url", ["http://example.org/hook", "ftp://example.org", "https://me:word@example.org/", "https:///x", "no address"]
)
def test_an_address_that_cannot_be_used_is_refused_with_the_remedy(admin, client_of, url):
    body = {"url": url, "secret": SECRET, "events": ["decided"]}
    answer = client_of(admin).post("/api/webhooks/", body, format="json")
    assert answer.status_code == 400 and answer.json()["code"] == "invalid"


def test_a_short_secret_and_an_unknown_event_are_refused(admin, client_of):
    body = {"url": "https://example.org/", "secret": "short", "events": ["deleted"]}
    answer = client_of(admin).post("/api/webhooks/", body, format="json")
    assert answer.status_code == 400 and not Webhook.objects.exists()


def test_deliveries_that_were_taken_go_after_a_week(admin, scan, server):
    hook(admin, server.url)
    save_decision(admin, ChangeFactory(scan=scan))
    deliver()
    Delivery.objects.update(delivered_at=timezone.now() - timedelta(days=8))
    deliver()
    assert not Delivery.objects.exists()
