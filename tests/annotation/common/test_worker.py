"""Jobs with a real worker process, a real broker and real crashes."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import current_app
from django.conf import settings as django_settings
from kombu import Connection, pools

from annotation.accounts.models import User
from annotation.common.models import Job
from annotation.common.models import Worker as WorkerRow
from annotation.common.services import jobs
from tests.annotation.common.runner_names import RUNNERS
from tests.annotation.common.worker import Worker, ended, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.xdist_group("worker")]


@pytest.fixture
def worker(settings: Any, tmp_path: Path) -> Iterator[Worker]:
    """A worker on a queue that only this test fills, not started yet."""
    settings.JOB_RUNNERS = {**settings.JOB_RUNNERS, **RUNNERS}
    settings.JOB_STALE_SECONDS = 2.0
    settings.JOB_REWAKE_SECONDS = 0.0
    queue = f"test-{uuid.uuid4()}"
    settings.CELERY_TASK_DEFAULT_QUEUE = queue
    worker = Worker(queue, tmp_path / "worker.log")
    yield worker
    worker.kill()
    redis_of_the_broker().delete(queue)


def redis_of_the_broker() -> redis.Redis:
    return redis.Redis.from_url(f"{django_settings.REDIS_URL}?db={django_settings.REDIS_DB}")


def enqueue(kind: str, **params: Any) -> Job:
    return jobs.enqueue(kind=f"test.{kind}", params=params, scope_id=None, created_by=None)


def test_a_worker_takes_a_job_from_its_message_to_its_result(worker: Worker):
    worker.start()
    job = enqueue("commit", name="from the worker")
    wait_until(ended(job), what=worker.log)
    job.refresh_from_db()
    assert (job.state, job.result) == ("succeeded", {"made": "from the worker"})


def test_a_worker_says_which_queue_it_serves_and_on_what_it_computes_until_it_ends(worker: Worker):
    worker.start()
    row = wait_until(lambda: WorkerRow.objects.exclude(device="").first(), seconds=120, what=worker.log)
    assert row.queues == [worker.queue] and (row.device == "cpu" or row.has_gpu)
    os.killpg(worker.process.pid, signal.SIGTERM)
    wait_until(lambda: not WorkerRow.objects.exists(), what=worker.log)


def test_a_lost_message_is_recovered_by_the_sweeper(worker: Worker):
    job = enqueue("commit", name="found again")
    redis_of_the_broker().delete(worker.queue)
    worker.start()
    wait_until(lambda: jobs.sweep() >= 0 and ended(job)(), what="the job was not found again")
    assert User.objects.filter(username="found again").count() == 1


def test_a_killed_worker_loses_nothing_and_the_job_has_one_result(worker: Worker, tmp_path: Path):
    began, go = tmp_path / "began", tmp_path / "go"
    worker.start()
    job = enqueue("wait", began=str(began), go=str(go), name="survivor")
    wait_until(began.exists, what="the job did not begin")
    worker.kill()
    began.unlink()
    worker.start()
    wait_until(lambda: jobs.sweep() >= 0 and began.exists(), what="the job did not begin again")
    go.touch()
    wait_until(ended(job), what=worker.log)
    job.refresh_from_db()
    assert (job.state, job.attempts) == ("succeeded", 2)
    assert User.objects.filter(username="survivor").count() == 1


def test_a_job_that_kills_its_worker_is_given_up_after_three_times(worker: Worker):
    """F2."""
    worker.start()
    job = enqueue("die", deaths=9, name="nobody")
    wait_until(lambda: jobs.sweep() >= 0 and ended(job)(), seconds=120, what="the job was not given up")
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempts) == ("failed", "worker_lost", 3)
    assert not User.objects.exists()


def test_a_running_job_stops_when_it_is_cancelled(worker: Worker, tmp_path: Path):
    began = tmp_path / "began"
    worker.start()
    job = enqueue("wait", began=str(began), go=str(tmp_path / "never"), name="nobody")
    wait_until(began.exists, what="the job did not begin")
    jobs.cancel(job)
    wait_until(ended(job), what="the job went on")
    job.refresh_from_db()
    assert job.state == "cancelled"
    assert not User.objects.exists()


def test_a_long_silent_step_keeps_its_heartbeat(worker: Worker, tmp_path: Path):
    began, go = tmp_path / "began", tmp_path / "go"
    worker.start()
    job = enqueue("wait", began=str(began), go=str(go), name="slow")
    wait_until(began.exists, what="the job did not begin")
    first = Job.objects.get(pk=job.pk).heartbeat_at
    wait_until(lambda: Job.objects.get(pk=job.pk).heartbeat_at > first, what="no heartbeat")
    jobs.sweep()
    assert Job.objects.get(pk=job.pk).attempts == 1
    go.touch()
    wait_until(ended(job), what="the job did not end")


def test_f3_a_job_longer_than_the_brokers_patience_comes_to_a_second_worker_and_has_one_result(
    worker: Worker, tmp_path: Path
):
    """F3: the broker gives the message out again; the row says that somebody is at work."""
    began, go = tmp_path / "began", tmp_path / "go"
    second = Worker(worker.queue, tmp_path / "second.log")
    both = (worker, second)
    try:
        for one in both:
            one.start()
        for one in both:
            wait_until(lambda one=one: " ready." in one.said(), seconds=180, what=one.log)
        job = enqueue("wait", began=str(began), go=str(go), name="once")
        first = wait_until(lambda: began.exists() and began.read_text(), what="the job did not begin")
        wait_until(lambda: give_out_again() or said_by(both, "received") >= 2, what="the message did not come again")
        wait_until(lambda: said_by(both, "succeeded") >= 1, what="the second did not let go of it")
        assert (Job.objects.get(pk=job.pk).state, began.read_text()) == ("running", first)
        go.touch()
        wait_until(ended(job), what="the job did not end")
    finally:
        second.kill()
    job.refresh_from_db()
    assert (job.state, job.attempts, job.result) == ("succeeded", 1, {"made": "once"})
    assert User.objects.filter(username="once").count() == 1


def give_out_again() -> None:
    """What the broker's client does with messages that nobody confirmed within its visibility timeout, now."""
    patience = {**current_app.conf.broker_transport_options, "visibility_timeout": 0}
    with Connection(current_app.conf.broker_url, transport_options=patience) as connection:
        connection.default_channel.qos.restore_visible(interval=1)


def said_by(workers: Iterable[Worker], word: str) -> int:
    """How often they said this of the message of a job."""
    lines = [line for one in workers for line in one.said().splitlines()]
    return sum("Task annotation.common.tasks.run_job" in line and word in line for line in lines)


def test_a_broker_that_is_down_does_not_fail_the_request_and_the_job_waits(settings: Any):
    settings.JOB_RUNNERS = {**settings.JOB_RUNNERS, **RUNNERS}
    before, url = current_app.conf.broker_write_url, "redis+socket:///nowhere/redis.sock"
    assert not os.path.exists("/nowhere")  # noqa: PTH110
    current_app.conf.broker_write_url = url
    current_app.pool.force_close_all()
    current_app._pool = None
    current_app.amqp._producer_pool = None
    try:
        job = enqueue("commit", name="later")
        assert Job.objects.get(pk=job.pk).heartbeat_at is None
    finally:
        current_app.conf.broker_write_url = before
        pools.reset()  # all of the process share the one that was closed
        current_app._pool = None
        current_app.amqp._producer_pool = None
    assert Job.objects.get(pk=job.pk).state == "queued"
    assert jobs.execute(job.pk)
