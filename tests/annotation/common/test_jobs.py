"""Jobs: the row is the truth, a message only a wake-up."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.engine import StoppedError
from annotation.common.errors import ConflictError
from annotation.common.models import Job, JobFigure, JobState
from annotation.common.services import jobs
from annotation.common.signals import job_ended
from tests.annotation.common.runner_names import RUNNERS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def runners(settings: Any) -> None:
    settings.JOB_RUNNERS = {**settings.JOB_RUNNERS, **RUNNERS}


def queued(kind: str, **params: Any) -> Job:
    return jobs.enqueue(kind=f"test.{kind}", params=params, scope_id=1, created_by=None, wake=False)


def stale(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(heartbeat_at=timezone.now() - dt.timedelta(hours=1))


def test_a_job_whose_like_ends_between_two_questions_is_made_all_the_same():
    wished = {"kind": "test.count", "params": {}, "scope_id": 1, "created_by": None, "dedup_key": "a"}
    first = jobs.enqueue(**wished)

    def end_before_it_is_looked_for(execute, sql, params, many, context):
        if sql.startswith("SELECT") and "dedup_key" in sql:
            context["connection"].connection.execute("UPDATE common_job SET state = 'succeeded' WHERE dedup_key = 'a'")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(end_before_it_is_looked_for):
        second = jobs.enqueue(**wished)
    assert second.pk != first.pk and Job.objects.unfinished().get() == second


def test_an_unfinished_job_with_the_same_key_is_returned_instead_of_a_second_one():
    first = jobs.enqueue(kind="test.count", params={}, scope_id=1, created_by=None, dedup_key="a")
    second = jobs.enqueue(kind="test.count", params={}, scope_id=1, created_by=None, dedup_key="a")
    assert first.pk == second.pk
    jobs.run_now(first)
    assert jobs.enqueue(kind="test.count", params={}, scope_id=1, created_by=None, dedup_key="a").pk != first.pk


def test_a_kind_without_a_runner_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="JOB_RUNNERS"):
        jobs.enqueue(kind="test.unknown", params={}, scope_id=None, created_by=None)


def test_a_run_leaves_progress_result_and_its_figures_in_order():
    job = jobs.run_now(queued("count"))
    assert (job.state, job.progress, job.result, job.message) == ("succeeded", 1.0, {"counted": 3}, "step 2")
    figures = JobFigure.objects.filter(job=job, name="loss").order_by("step").values_list("step", "value")
    assert list(figures) == [(0, 1.0), (1, 0.5), (2, pytest.approx(1 / 3))]


def test_figures_of_a_second_run_continue_where_the_first_stopped():
    job = queued("count")
    JobFigure.objects.create(job=job, name="loss", step=9, value=1)
    jobs.run_now(job)
    assert list(JobFigure.objects.order_by("step").values_list("step", flat=True)) == [9, 10, 11, 12]


def test_an_epoch_told_again_by_a_resumed_run_is_no_further_point_of_the_curve():
    job = queued("learn")
    JobFigure.objects.bulk_create(JobFigure(job=job, name="loss", step=step, value=1 / (step + 1)) for step in range(2))
    jobs.run_now(job)
    figures = JobFigure.objects.order_by("step").values_list("name", "step", "value")
    assert list(figures) == [("loss", 0, 1.0), ("loss", 1, 0.5), ("loss", 2, pytest.approx(1 / 3))]


def test_a_refusal_fails_the_job_with_its_code_and_reason():
    job = jobs.run_now(queued("refuse"))
    assert (job.state, job.error_code) == ("failed", "invalid")
    assert job.error_detail == "the input can't be used: give another"


def test_an_accident_fails_the_job_and_names_itself():
    job = jobs.run_now(queued("burst"))
    assert (job.state, job.error_code) == ("failed", "internal_error")
    assert "ZeroDivisionError" in job.error_detail


def test_a_message_that_comes_twice_runs_the_job_once():
    job = queued("commit", name="once")
    assert jobs.execute(job.pk) is True
    assert jobs.execute(job.pk) is False
    assert User.objects.filter(username="once").count() == 1


def test_a_run_that_lost_its_job_commits_nothing():
    job = queued("commit", name="late")
    lost = jobs.JobContext(jobs.claim(job.pk))
    stale(job)
    jobs.sweep()
    assert jobs.execute(job.pk) is True
    with pytest.raises(StoppedError), lost.transaction(final=True):
        User.objects.create(username="second")
    assert lost.should_stop()
    assert list(User.objects.values_list("username", flat=True)) == ["late"]
    assert Job.objects.get(pk=job.pk).result == {"made": "late"}


def test_a_run_without_a_heartbeat_waits_again_and_is_given_up_after_three():
    ended = []
    job_ended.connect(receiver := lambda sender, job, **_: ended.append(job.state))
    job = queued("commit", name="never")
    for attempt in range(1, 4):
        assert jobs.claim(job.pk).attempts == attempt
        stale(job)
        jobs.sweep()
    job.refresh_from_db()
    assert (job.state, job.error_code, job.attempts) == ("failed", "worker_lost", 3)
    assert "died 3 times" in job.error_detail
    assert ended == ["failed"]
    job_ended.disconnect(receiver)


def test_a_live_run_is_left_alone_by_the_sweeper():
    job = queued("commit", name="alive")
    token = jobs.claim(job.pk).run_token
    jobs.sweep()
    job.refresh_from_db()
    assert (job.state, job.run_token) == ("running", token)


def test_a_waiting_job_is_cancelled_at_once_and_a_finished_one_not_at_all():
    job = jobs.cancel(queued("count"))
    assert job.state == JobState.CANCELLED
    assert jobs.execute(job.pk) is False
    with pytest.raises(ConflictError):
        jobs.cancel(job)


def test_a_running_job_that_is_cancelled_commits_nothing_and_ends_cancelled():
    job = queued("commit", name="stopped")
    context = jobs.JobContext(jobs.claim(job.pk))
    assert jobs.cancel(job).state == JobState.RUNNING
    assert context.should_stop()
    with pytest.raises(StoppedError), context.transaction():
        User.objects.create(username="stopped")
    stale(job)
    jobs.sweep()
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_a_rolled_back_enqueue_sends_no_message(django_capture_on_commit_callbacks: Any):
    """C8."""
    with django_capture_on_commit_callbacks() as callbacks, pytest.raises(ZeroDivisionError), transaction.atomic():
        jobs.enqueue(kind="test.count", params={}, scope_id=None, created_by=None)
        raise ZeroDivisionError
    assert callbacks == []
    assert not Job.objects.exists()


def test_stopping_a_region_stops_its_jobs_and_no_others():
    mine, running = queued("count"), queued("commit")
    jobs.claim(running.pk)
    other = jobs.enqueue(kind="test.count", params={}, scope_id=2, created_by=None, wake=False)
    jobs.cancel_scope(1)
    states = {job.pk: (job.state, job.cancel_requested) for job in Job.objects.all()}
    assert states[mine.pk] == ("cancelled", True)
    assert states[running.pk] == ("running", True)
    assert states[other.pk] == ("queued", False)
