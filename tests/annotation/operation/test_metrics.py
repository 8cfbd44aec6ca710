"""Figures for a monitor: right, for those who may read them, and without anything that names a row."""

import re

import pytest
from django.core.management import CommandError, call_command
from prometheus_client.parser import text_string_to_metric_families

from annotation.common.models import Job, JobState
from annotation.common.services import workers
from annotation.common.services.jobs import enqueue
from annotation.operation import selectors
from tests.factories import JobFactory, RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ScanFactory

pytestmark = pytest.mark.django_db


def figures(client, **options):
    """Every sample of the page: {(name, labels): value}."""
    answer = client.get("/metrics/", SERVER_NAME="localhost", **options)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(answer.content.decode())
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for family in families for one in family.samples}


def labels(**told):
    return tuple(sorted(told.items()))


def test_jobs_are_told_by_kind_and_state_and_how_long_they_wait(client):
    JobFactory.create_batch(2, state=JobState.FAILED)
    JobFactory(kind="learning.train")
    job = enqueue(kind="learning.train", params={}, scope_id=None, created_by=None)
    Job.objects.filter(pk=job.pk).update(created_at=job.created_at.replace(year=2020))
    found = figures(client)
    assert found["mapwright_jobs", labels(kind="tiles.build_pairs", state="failed")] == 2
    assert found["mapwright_jobs_waiting", labels(queue="gpu")] == 2
    assert found["mapwright_jobs_waiting", labels(queue="cpu")] == 0
    assert found["mapwright_job_oldest_wait_seconds", labels(queue="gpu")] > 86400 * 365
    assert found["mapwright_scrape_failures", ()] == 0


def test_workers_and_the_broker_are_told_by_queue(client):
    workers.say_alive("here", ["gpu", "cpu"], "cuda H200")
    found = figures(client)
    assert found["mapwright_workers", labels(queue="gpu", gpu="yes")] == 1
    assert found["mapwright_workers", labels(queue="mapwright", gpu="no")] == 0
    assert found["mapwright_queue_messages", labels(queue="cpu")] >= 0


def test_the_review_is_told_by_stage(client, client_of):
    change = ChangeFactory.create_batch(3, scan=ScanFactory())[0]
    reviewer = client_of(UserFactory(role="admin"))
    claimed = reviewer.post(f"/api/review/items/{change.item_id}/claim/").json()["item"]
    body = {
        "lease_token": claimed["lease_token"], "version": 0, "decision": "reject", "seconds": 1,
        "idempotency_key": "6e0c5f3e-0d65-4b0e-9f4e-0b4f6f0f8a11",
    }  # fmt: skip
    before = figures(client)["mapwright_verdicts_total", ()]
    answer = reviewer.post(f"/api/review/items/{change.item_id}/decide/", body, format="json")
    assert answer.status_code == 200, answer.content
    found = figures(client)
    assert found["mapwright_review_items", labels(stage="changes", state="open", decision="")] == 2
    assert found["mapwright_review_items", labels(stage="changes", state="decided", decision="reject")] == 1
    assert found["mapwright_verdicts_last_minute", labels(stage="changes", event="decide")] == 1
    assert found["mapwright_verdicts_total", ()] == before + 1


def test_requests_are_timed_by_view_and_no_label_holds_an_id(client, client_of):
    region = RegionFactory()
    client_of(UserFactory(role="admin")).get(f"/api/regions/{region.pk}/")
    client.get("/no/such/page/123456/")
    found = figures(client)
    timed = {dict(told)["view"] for name, told in found if name == "mapwright_http_request_seconds_count"}
    assert "none" in timed
    assert any("region" in view for view in timed)
    values = {
        value for name, told in found if name.startswith("mapwright_http") for label, value in told if label != "le"
    }
    assert not [value for value in values if re.search(r"\d{2,}|/", value)]


def test_figures_are_for_this_machine_or_for_who_brings_the_token(client, settings):
    here = {"SERVER_NAME": "localhost"}
    assert client.get("/metrics/", **here).status_code == 200
    assert client.get("/metrics/", HTTP_HOST="[::1]:8000").status_code == 200
    assert client.get("/metrics/", **here, REMOTE_ADDR="10.1.2.3").status_code == 403
    assert client.get("/metrics/", **here, HTTP_X_FORWARDED_FOR="10.1.2.3").status_code == 403
    assert client.get("/metrics/", HTTP_HOST="testserver").status_code == 403, "a proxy that says nothing of itself"
    settings.METRICS_TOKEN = "a-token-of-the-monitor"
    assert client.get("/metrics/").status_code == 403
    assert client.get("/metrics/", HTTP_AUTHORIZATION="Bearer another").status_code == 403
    assert client.get("/metrics/", HTTP_AUTHORIZATION="Bearer \u00e9").status_code == 403
    figures(client, HTTP_AUTHORIZATION="Bearer a-token-of-the-monitor", REMOTE_ADDR="10.1.2.3")
    assert client.post("/metrics/").status_code == 405


def test_without_a_broker_the_other_figures_are_told(client, monkeypatch):
    def away():
        raise ConnectionError("away")

    monkeypatch.setattr(selectors, "messages_by_queue", away)
    found = figures(client)
    assert found["mapwright_scrape_failures", ()] == 1
    assert found["mapwright_database_bytes", ()] > 0


def test_figures_count_no_large_table(client, django_assert_max_num_queries):
    """Of items and verdicts the database keeps counts: what is asked for is the same however many there are."""
    ChangeFactory.create_batch(5, scan=ScanFactory())
    with django_assert_max_num_queries(12) as asked:
        figures(client)
    large = [query["sql"] for query in asked.captured_queries if 'FROM "review_queueitem"' in query["sql"]]
    assert large == []


def test_a_process_lives_without_its_database_and_is_not_ready(client, settings, tmp_path, django_db_blocker):
    settings.MEDIA_ROOT = tmp_path
    assert client.get("/health/live/").json() == {"alive": True}
    assert client.get("/health/ready/").json() == {"database": True, "migrations": True, "media": True}
    settings.MEDIA_ROOT = tmp_path / "gone"
    answer = client.get("/health/ready/")
    assert (answer.status_code, answer.json()["media"]) == (503, False)


def test_a_database_of_older_code_is_not_ready(client, settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path
    monkeypatch.setattr("webapp.health._migrated", False)
    call_command("migrate", "landmarks", "zero", fake=True, verbosity=0)
    answer = client.get("/health/ready/")
    assert (answer.status_code, answer.json()["migrations"]) == (503, False)
    call_command("migrate", "landmarks", fake=True, verbosity=0)
    assert client.get("/health/ready/").status_code == 200


def test_a_container_asks_whether_its_own_worker_is_alive(capsys):
    workers.say_alive("cpu@one", ["cpu"], "cpu")
    call_command("check_worker", host="one")
    assert "cpu@one: cpu on cpu" in capsys.readouterr().out
    with pytest.raises(CommandError, match="no worker of two"):
        call_command("check_worker", host="two")
