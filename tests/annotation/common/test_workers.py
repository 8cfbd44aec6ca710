"""Which queue a job waits in, who serves it, and what a person is told of that."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from annotation.common.models import Job, Worker
from annotation.common.services import workers
from annotation.common.services.workers import live_workers, outlook, queue_of, say_alive, unserved_queues
from tests.factories import JobFactory, RegionFactory, UserFactory

pytestmark = pytest.mark.django_db
ALL = ("cpu", "gpu", "mapwright")


@pytest.mark.parametrize(
    ("kind", "params", "queue"),
    [
        ("sources.import_imagery", {}, "cpu"),
        ("tiles.build_pairs", {"imagery": 3}, "cpu"),
        ("anchors.generate", {"generator": "geometric"}, "cpu"),
        ("anchors.generate", {"generator": "transformers", "model": "qwen"}, "gpu"),
        ("correspondences.propose", {"matcher": "structure"}, "gpu"),
        ("learning.train", {"run": 1}, "gpu"),
        ("consistency.scan", {}, "gpu"),
        ("changes.find", {}, "cpu"),
        ("of_no_kind", {}, "mapwright"),
    ],
)
def test_every_job_waits_in_the_queue_of_what_it_computes_on(kind, params, queue):
    assert queue_of(kind, params) == queue


def test_every_kind_of_job_has_a_queue_that_a_plain_worker_serves(settings):
    assert set(settings.JOB_RUNNERS) <= set(settings.JOB_QUEUES)
    assert set(settings.JOB_QUEUES.values()) <= set(settings.CELERY_TASK_QUEUES)
    assert {rule.partition("?")[0] for rule in settings.GPU_JOBS} <= set(settings.JOB_RUNNERS)


def test_a_job_in_a_queue_that_nobody_serves_says_how_to_start_a_worker():
    assert unserved_queues(live_workers()) == ["cpu", "gpu", "mapwright"]
    say_alive("celery@a", ["cpu", "mapwright"], "cpu")
    assert unserved_queues(live_workers()) == ["gpu"]
    assert "celery -A webapp worker -Q gpu" in outlook("learning.train", {}, live_workers())
    assert outlook("tiles.build_pairs", {}, live_workers()) == ""


def test_a_worker_that_gave_no_sign_is_gone_and_forgotten_after_a_day(settings):
    say_alive("celery@a", ALL, "cpu")
    for age in (settings.WORKER_GONE_SECONDS + 1, 3 * 86_400):
        Worker.objects.update(seen_at=timezone.now() - timedelta(seconds=age))
        assert live_workers() == []
    say_alive("celery@b", ALL, "cpu")
    assert [worker.name for worker in Worker.objects.all()] == ["celery@b"]


def test_a_job_that_wants_a_gpu_says_that_there_is_none_and_how_long_the_last_one_took():
    say_alive("celery@a", ALL, "cpu")
    region, now = RegionFactory(), timezone.now()
    assert outlook("learning.train", {}, live_workers(), region.pk) == "no GPU here: this runs on the processor"
    took = {"kind": "learning.train", "state": "succeeded", "finished_at": now}
    JobFactory(**took, scope_id=region.pk + 1, started_at=now - timedelta(minutes=31))
    assert outlook("learning.train", {}, live_workers(), region.pk) == "no GPU here: this runs on the processor"
    seen = Job.objects.all()
    assert "of another region, took about 31 minutes" in outlook("learning.train", {}, live_workers(), region.pk, seen)
    assert outlook("learning.train", {}, live_workers()) == "no GPU here: this runs on the processor"
    JobFactory(**took, scope_id=region.pk, started_at=now - timedelta(seconds=70))
    assert outlook("learning.train", {}, live_workers(), region.pk).endswith("the last one took about 1 minute")
    assert outlook("anchors.generate", {"generator": "geometric"}, live_workers(), region.pk) == ""
    assert "no GPU" in outlook("anchors.generate", {"generator": "transformers"}, live_workers())


@pytest.mark.parametrize("device", ["cuda NVIDIA H200", ""])
def test_with_a_gpu_or_before_a_worker_knows_its_device_nothing_is_said(device):
    say_alive("celery@cpu", ALL, "cpu")
    say_alive("celery@gpu", ["gpu"], device)
    assert outlook("learning.train", {}, live_workers()) == ""


def test_the_device_is_that_of_the_settings_or_of_this_machine(settings, monkeypatch):
    settings.COMPUTE_DEVICE = "cpu"
    assert workers.device_here() == "cpu"
    settings.COMPUTE_DEVICE = ""
    monkeypatch.setattr(workers, "PROBE", "print('NVIDIA H200')")
    assert workers.device_here() == "cuda NVIDIA H200"
    monkeypatch.setattr(workers, "PROBE", "import nothing_of_that_name")
    assert workers.device_here() == "cpu"


def test_jobs_over_http_say_what_keeps_them_with_as_many_queries_however_many(client_of, django_assert_num_queries):
    region = RegionFactory(open_to_all=True)
    client = client_of(UserFactory())
    JobFactory(kind="learning.train", scope_id=region.pk, state="succeeded")
    say_alive("celery@a", ALL, "cpu")
    for number in (1, 6):
        for _ in range(number):
            JobFactory(kind="learning.train", scope_id=region.pk)
        with django_assert_num_queries(5):
            rows = client.get(reverse("api-jobs")).json()["results"]
    assert ["no GPU" in row["outlook"] for row in rows] == [True] * 7 + [False]
    job = client.get(reverse("api-job", args=[rows[0]["id"]])).json()
    assert job["outlook"] == rows[0]["outlook"]


def test_what_a_job_would_meet_is_told_before_it_is_started_and_by_the_health_page(client_of, client):
    person = UserFactory()
    foreign, own = RegionFactory(), RegionFactory(members=[person])
    address, signed_in = reverse("api-workers"), client_of(person)
    told = signed_in.get(address, {"kind": "consistency.scan", "region": own.pk}).json()
    assert told["unserved"] == ["cpu", "gpu", "mapwright"] and "-Q gpu" in told["outlook"] and told["gpu"] is False
    assert client.get("/health/").json()["queues_without_a_worker"] == ["cpu", "gpu", "mapwright"]
    say_alive("celery@a", ALL, "cuda NVIDIA H200")
    assert signed_in.get(address, {"kind": "consistency.scan"}).json() == {"outlook": "", "unserved": [], "gpu": True}
    assert client.get("/health/").json()["queues_without_a_worker"] == []
    assert signed_in.get(address, {"kind": "x", "region": foreign.pk}).status_code == 404
    assert signed_in.get(address, {"region": "x"}).status_code == 400


def test_how_long_the_last_one_took_is_told_of_regions_alone_that_the_person_may_see(client_of):
    say_alive("celery@a", ALL, "cpu")
    person, now = UserFactory(), timezone.now()
    hidden, own, other = RegionFactory(), RegionFactory(members=[person]), RegionFactory(members=[person])
    took = {"kind": "consistency.scan", "state": "succeeded", "finished_at": now}
    JobFactory(**took, scope_id=hidden.pk, started_at=now - timedelta(minutes=31))
    waiting = JobFactory(kind="consistency.scan", scope_id=own.pk)
    client = client_of(person)

    def told(**asked):
        return client.get(reverse("api-workers"), {"kind": "consistency.scan", **asked}).json()["outlook"]

    assert told() == told(region=own.pk) == "no GPU here: this runs on the processor"
    assert client.get(reverse("api-job", args=[waiting.pk])).json()["outlook"] == told()
    JobFactory(**took, scope_id=other.pk, started_at=now - timedelta(minutes=7))
    assert told(region=own.pk).endswith("the last one, of another region, took about 7 minutes")
    assert told().endswith("the last one took about 7 minutes")
    assert "minute" not in client.get(reverse("api-job", args=[waiting.pk])).json()["outlook"]
    assert (
        "31 minutes"
        in client_of(UserFactory(role="admin"))
        .get(reverse("api-workers"), {"kind": "consistency.scan", "region": hidden.pk})
        .json()["outlook"]
    )
