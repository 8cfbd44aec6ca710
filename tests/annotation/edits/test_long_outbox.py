"""Lists beside the queue that may hold a million rows: a page counts its own rows alone, and only up to a bound."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from annotation.edits import lists
from annotation.edits.models import Changeset, Delivery, DeliveryState, Upload, UploadReceipt, UploadState, Webhook
from annotation.edits.services.uploads import watch
from tests.factories import RegionFactory, SnapshotFactory, UserFactory

pytestmark = pytest.mark.django_db
SERVER = "https://map.example"


def hook(**fields) -> Webhook:
    return Webhook.objects.create(url="https://example.org/hook", events=["decided"], sealed_secret="", **fields)


def delivery(webhook: Webhook, state: str = DeliveryState.WAITING, **fields) -> Delivery:
    return Delivery.objects.create(
        webhook=webhook, event="decided", event_id=uuid.uuid4(), body="{}", state=state, **fields
    )


def upload(region, *fates: str, **fields) -> Upload:
    changeset = Changeset.objects.create(
        region=region, snapshot=SnapshotFactory(region=region), comment="c", source="s"
    )
    made = Upload.objects.create(
        region=region, changeset=changeset, server=SERVER, site=SERVER, osm_id=1, osm_name="Ada",
        token=uuid.uuid4().hex, osc=b"", sha256="", elements=len(fates), state=UploadState.DONE, osm_changeset=1,
        **{"done_at": timezone.now(), **fields},
    )  # fmt: skip
    for number, fate in enumerate(fates):
        UploadReceipt.objects.create(upload=made, kind="way", old_id=-1 - number, fate=fate)
    return made


def test_a_webhook_counts_what_waits_and_is_dead_up_to_a_bound_and_of_itself_alone(client_of, monkeypatch):
    monkeypatch.setattr(lists, "MOST_COUNTED", 3)
    long, short = hook(), hook()
    for state, number in ((DeliveryState.WAITING, 5), (DeliveryState.DEAD, 4)):
        for _ in range(number):
            delivery(long, state)
    delivery(short, DeliveryState.DEAD)
    told = {one["id"]: one for one in client_of(UserFactory(role="admin")).get("/api/webhooks/").json()["results"]}
    assert (told[long.pk]["waiting"], told[long.pk]["dead"]) == (3, 3)
    assert (told[short.pk]["waiting"], told[short.pk]["dead"]) == (0, 1)


def test_why_something_waits_is_told_by_the_newest_that_failed(client_of):
    webhook = hook()
    for problem in ("first", "second"):
        delivery(webhook, attempts=1, problem=problem)
    delivery(webhook)
    delivery(webhook, DeliveryState.DEAD, attempts=8, problem="dead")
    (told,) = client_of(UserFactory(role="admin")).get("/api/webhooks/").json()["results"]
    assert told["problem"] == "second"


def test_a_delivery_of_a_webhook_of_another_region_is_not_there(client_of):
    own = RegionFactory()
    dead = delivery(hook(region=own), DeliveryState.DEAD)
    client = client_of(UserFactory(role="admin"))
    assert client.post(f"/api/webhook-deliveries/{dead.pk}/again/").status_code == 200
    assert client.post(f"/api/webhook-deliveries/{dead.pk + 1}/again/").status_code == 404


def test_each_upload_and_changeset_counts_its_own(client_of):
    region = RegionFactory(open_to_all=True)
    upload(region, "as_sent", "as_sent", "edited")
    upload(region, "", "deleted")
    upload(RegionFactory(open_to_all=True), "reverted")
    client = client_of(UserFactory(role="editor"))
    second, first = client.get(f"/api/regions/{region.pk}/uploads/").json()["results"]
    assert (first["receipts"], first["as_sent"], first["edited"], first["deleted"]) == (3, 2, 1, 0)
    assert (second["receipts"], second["as_sent"], second["edited"], second["deleted"]) == (2, 0, 0, 1)
    assert [one["edits"] for one in client.get(f"/api/regions/{region.pk}/changesets/").json()["results"]] == [0, 0]


def test_a_list_of_uploads_asks_the_same_few_queries_however_many_there_are(
    client_of, django_assert_num_queries, django_assert_max_num_queries
):
    region, client = RegionFactory(open_to_all=True), client_of(UserFactory(role="editor"))
    for _ in range(3):
        upload(region, "as_sent")
    with django_assert_max_num_queries(8) as few:
        client.get(f"/api/regions/{region.pk}/uploads/")
    for _ in range(9):
        upload(region, "as_sent")
    with django_assert_num_queries(len(few.captured_queries)):
        assert len(client.get(f"/api/regions/{region.pk}/uploads/").json()["results"]) == 12


def test_only_uploads_of_the_last_months_are_watched_by_themselves(settings):
    settings.OSM_UPLOAD, settings.OSM_API_URL, settings.OSM_SITE_URL = True, SERVER, SERVER
    settings.OSM_CLIENT_ID, settings.OSM_HOSTS = "client", ["map.example"]
    region = RegionFactory(open_to_all=True)
    upload(region, done_at=timezone.now() - watch.WATCHED - timedelta(days=1))
    lately = upload(region, done_at=timezone.now() - timedelta(days=3))
    assert watch.start_due() == 1
    lately.refresh_from_db()
    assert lately.asked_at is not None
