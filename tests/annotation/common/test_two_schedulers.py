"""C9: two schedulers send every scheduled task twice: it is done once, and the other finds nothing to do."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from celery import current_app
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.common.signals import job_ended
from tests.annotation.common.runner_names import RUNNERS

pytestmark = pytest.mark.django_db(transaction=True)
SCHEDULE = django_settings.CELERY_BEAT_SCHEDULE


@pytest.fixture(autouse=True)
def runners(settings: Any) -> None:
    settings.JOB_RUNNERS = {**settings.JOB_RUNNERS, **RUNNERS}


def twice_at_once(name: str) -> None:
    """The task as two workers run it that got a message each; what one raises is raised."""
    current_app.loader.import_default_modules()  # as a worker does
    task, both = current_app.tasks[name], Barrier(2)

    def run(_: int) -> None:
        both.wait(30)
        try:
            task()
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(run, range(2)))


def lost(name: str, attempts: int) -> Job:
    """A job whose worker died, after so many runs."""
    job = jobs.enqueue(kind="test.commit", params={"name": name}, scope_id=None, created_by=None, wake=False)
    for _ in range(attempts):
        Job.objects.filter(pk=job.pk).update(state="queued")
        jobs.claim(job.pk)
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - dt.timedelta(hours=1))
    return job


def test_c9_every_scheduled_task_may_come_twice():
    assert len(SCHEDULE) > 5
    for entry in SCHEDULE.values():
        twice_at_once(entry["task"])


def test_c9_a_lost_job_is_recovered_once_and_one_that_is_given_up_is_told_once():
    ended: list[str] = []
    job_ended.connect(receiver := lambda sender, job, **_: ended.append(str(job.pk)))
    again, over = lost("again", 1), lost("over", 3)
    twice_at_once(SCHEDULE["sweep-jobs"]["task"])
    job_ended.disconnect(receiver)
    assert ended == [str(over.pk)]
    assert [jobs.execute(again.pk) for _ in range(2)] == [True, False]
    assert Job.objects.get(pk=again.pk).attempts == 2
    assert list(User.objects.values_list("username", flat=True)) == ["again"]
