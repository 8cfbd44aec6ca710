"""Jobs that are tried again: whose, which, and what becomes of what they work on."""

import pytest
from django.contrib.admin.sites import site
from django.test import RequestFactory

from annotation.common.admin import JobAdmin
from annotation.common.models import Job, JobState
from annotation.common.services.jobs import execute, sweep
from annotation.common.services.retry import retry
from annotation.consistency.models import ScanState
from annotation.review.models import AuditEntry
from tests.factories import ImageryFactory, JobFactory, RegionFactory, UserFactory
from tests.factories_changes import ScanFactory

pytestmark = pytest.mark.django_db
GIVEN_UP = {
    "state": JobState.FAILED, "attempts": 3, "error_code": "worker_lost", "error_detail": "its worker died",
    "progress": 0.5, "message": "half way",
}  # fmt: skip
ran = []


def note(context):
    ran.append(context.job.attempts)


@pytest.fixture
def runner(settings):
    ran.clear()
    settings.JOB_RUNNERS = {**settings.JOB_RUNNERS, "test.note": "tests.annotation.operation.test_retry.note"}


def ask(client_of, user, job):
    return client_of(user).post(f"/api/jobs/{job.pk}/retry/")


def test_a_job_that_was_given_up_runs_again_with_all_its_tries(client_of, runner):
    job, admin = JobFactory(kind="test.note", **GIVEN_UP), UserFactory(role="admin")
    answer = ask(client_of, admin, job)
    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert (told["state"], told["attempts"], told["error_detail"], told["finished_at"]) == ("queued", 0, "", None)
    assert execute(job.pk)
    job.refresh_from_db()
    assert (job.state, ran) == (JobState.SUCCEEDED, [1])
    entry = AuditEntry.objects.get(action="job.retry")
    assert (entry.actor, entry.object_id) == (admin, str(job.pk))
    assert entry.data == {"kind": "test.note", "error_code": "worker_lost", "attempts": 3}


def test_who_started_it_may_and_others_may_not(client_of):
    starter, colleague = UserFactory(role="editor"), UserFactory(role="editor")
    region = RegionFactory(members=[starter, colleague])
    job = JobFactory(scope_id=region.pk, created_by=starter, **GIVEN_UP)
    assert ask(client_of, colleague, job).status_code == 403
    assert ask(client_of, starter, job).status_code == 200
    assert ask(client_of, starter, job).json()["code"] == "conflict"


@pytest.mark.parametrize("state", ["queued", "running", "succeeded"])
def test_only_what_ended_without_a_result_is_tried_again(client_of, state):
    job = JobFactory(state=state)
    answer = ask(client_of, UserFactory(role="admin"), job)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_another_such_job_under_way_is_waited_for(client_of):
    admin = UserFactory(role="admin")
    failed = JobFactory(dedup_key="one", **GIVEN_UP)
    JobFactory(dedup_key="one")
    answer = ask(client_of, admin, failed)
    assert answer.status_code == 409 and "under way" in answer.json()["detail"]
    failed.refresh_from_db()
    assert failed.state == JobState.FAILED
    assert not AuditEntry.objects.exists()


def test_a_scan_that_failed_may_still_be_finished_unless_another_scans(client_of):
    admin, scan = UserFactory(role="admin"), ScanFactory(state=ScanState.FAILED)
    job = JobFactory(kind="consistency.scan", scope_id=scan.region_id, params={"scan": scan.pk}, **GIVEN_UP)
    type(scan).objects.filter(pk=scan.pk).update(job=job)
    other = JobFactory(kind="changes.main_job", scope_id=scan.region_id)
    assert ask(client_of, admin, job).json()["code"] == "scan_running"
    scan.refresh_from_db()
    assert scan.state == ScanState.FAILED
    Job.objects.filter(pk=other.pk).update(state=JobState.SUCCEEDED)
    assert ask(client_of, admin, job).status_code == 200
    scan.refresh_from_db()
    assert scan.state == ScanState.PENDING


def test_an_import_and_a_job_of_a_region_that_has_gone_stay_as_they_are(client_of):
    admin, imagery = UserFactory(role="admin"), ImageryFactory()
    of_import = JobFactory(kind="sources.import_imagery", scope_id=imagery.region_id, **GIVEN_UP)
    assert "import it again" in ask(client_of, admin, of_import).json()["detail"]
    gone = JobFactory(scope_id=999_999, **GIVEN_UP)
    assert "has been deleted" in ask(client_of, admin, gone).json()["detail"]
    of_set = JobFactory(kind="geolocation.prepare", **GIVEN_UP)
    assert "reference imagery" in ask(client_of, admin, of_set).json()["detail"]
    assert set(Job.objects.values_list("state", flat=True)) == {JobState.FAILED}


def test_dead_letters_are_those_given_up_after_all_their_tries(client_of):
    dead = JobFactory(**GIVEN_UP)
    JobFactory(**{**GIVEN_UP, "attempts": 1})
    JobFactory(**{**GIVEN_UP, "state": JobState.SUCCEEDED})
    told = client_of(UserFactory(role="admin")).get("/api/jobs/?dead=true").json()["results"]
    assert [one["id"] for one in told] == [str(dead.pk)]


def test_the_sweeper_wakes_what_is_tried_again_and_was_not_announced():
    job = retry(JobFactory(**GIVEN_UP))
    assert job.heartbeat_at is None
    assert sweep() == 1


def test_the_admin_site_tries_many_again_and_tells_what_it_could_not(client):
    admin = UserFactory(role="admin", is_staff=True, is_superuser=True)
    client.force_login(admin)
    one, two = JobFactory(**GIVEN_UP), JobFactory(state=JobState.SUCCEEDED)
    page = client.get("/admin/common/job/?dead=1")
    assert page.status_code == 200 and str(one.pk) in page.content.decode() and str(two.pk) not in page.content.decode()
    body = {"action": "try_again", "_selected_action": [str(one.pk), str(two.pk)]}
    page = client.post("/admin/common/job/", body, follow=True)
    assert "only a job that failed or was cancelled" in page.content.decode()
    one.refresh_from_db()
    assert one.state == JobState.QUEUED
    assert JobAdmin(Job, site).get_queryset(RequestFactory().get("/")).count() == 2
