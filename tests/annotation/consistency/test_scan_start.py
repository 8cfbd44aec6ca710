"""Starting scans and what is stale: decisions on rows alone."""

import threading

import pytest
from django.db import connection
from django.urls import reverse

from annotation.common.errors import NotFoundError
from annotation.common.models import Job, JobState
from annotation.consistency.models import Scan, ScanState
from annotation.consistency.selectors import stale_scans
from annotation.consistency.services.start import NoModelError, NoPairsError, ScanRunningError, start
from annotation.learning.models import ModelState
from annotation.learning.services.registry import promote
from annotation.pipeline.services.start import start_main_job
from annotation.review.models import AuditEntry
from annotation.tiles.models import TilePair
from tests.annotation.learning.rows import described_region, make_model
from tests.factories import ImageryFactory, JobFactory, RegionFactory, SnapshotFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def region():
    region = described_region(columns=2, rows=2)
    make_model(region, ModelState.ACTIVE)
    return region


def ready(region) -> Scan:
    scan = start(region=region, user=None, wake=False)
    Job.objects.filter(pk=scan.job_id).update(state=JobState.SUCCEEDED)
    Scan.objects.filter(pk=scan.pk).update(state=ScanState.READY)
    return scan


def test_a_scan_takes_the_model_in_use_and_the_newest_sources(region):
    make_model(region)
    scan = start(region=region, user=None, wake=False)
    assert scan.model.state == ModelState.ACTIVE
    assert (scan.imagery, scan.snapshot) == (region.imagery_set.get(), region.mapsnapshot_set.get())
    assert (scan.job.kind, scan.job.params) == ("consistency.scan", {"scan": scan.pk})
    assert AuditEntry.objects.get(action="scan.started").object_id == str(scan.pk)


def test_a_region_without_a_model_is_told_to_train():
    with pytest.raises(NoModelError, match="train one"):
        start(region=described_region(columns=1, rows=1), user=None, wake=False)


def test_a_model_of_another_region_is_as_missing(region):
    with pytest.raises(NotFoundError):
        start(region=region, user=None, model=make_model(RegionFactory()), wake=False)


def test_a_wholly_unmapped_region_is_refused_unless_the_unmapped_part_is_asked_for(region):
    TilePair.objects.update(mapped=False)
    with pytest.raises(NoPairsError, match="include the unmapped part"):
        start(region=region, user=None, wake=False)
    assert not Scan.objects.exists()
    assert start(region=region, user=None, include_unmapped=True, wake=False).include_unmapped


def test_a_second_scan_is_refused_while_one_runs(region):
    scan = start(region=region, user=None, wake=False)
    with pytest.raises(ScanRunningError) as refused:
        start(region=region, user=None, wake=False)
    assert refused.value.data == {"job": str(scan.job_id), "kind": "consistency.scan"}


def test_over_the_api_a_second_scan_is_a_409_that_names_the_job(region, client_of):
    client, address = client_of(UserFactory(role="admin")), reverse("api-scans", args=[region.pk])
    first = client.post(address, {}, format="json")
    second = client.post(address, {}, format="json")

    assert first.status_code in (201, 202), first.content
    assert second.status_code == 409
    assert second.json()["code"] == "scan_running"
    assert Scan.objects.count() == 1


def test_a_scan_is_refused_while_a_main_job_that_will_scan_runs_and_the_other_way_round(region):
    main_job = start_main_job(region=region, user=None, wake=False)
    with pytest.raises(ScanRunningError) as refused:
        start(region=region, user=None, wake=False)
    assert refused.value.data == {"job": str(main_job.pk), "kind": "changes.main_job"}
    assert start_main_job(region=region, user=None, wake=False) == main_job
    assert start(region=region, user=None, job=main_job).job == main_job
    Job.objects.filter(pk=main_job.pk).update(state=JobState.SUCCEEDED)
    start(region=region, user=None, wake=False)
    with pytest.raises(ScanRunningError):
        start_main_job(region=region, user=None, wake=False)


@pytest.mark.django_db(transaction=True)
def test_of_a_scan_and_a_main_job_that_start_at_once_one_is_refused(region):
    told, ready_to_go = [], threading.Barrier(2)

    def ask(begin):
        ready_to_go.wait()
        try:
            begin(region=region, user=None, wake=False)
            told.append("started")
        except ScanRunningError:
            told.append("refused")
        finally:
            connection.close()

    for _ in range(5):
        Job.objects.all().update(state=JobState.CANCELLED)
        threads = [threading.Thread(target=ask, args=(begin,)) for begin in (start, start_main_job)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(told) == ["refused", "started"]
        told.clear()


def test_a_scan_looks_at_the_sources_it_is_told_whatever_is_newer(region):
    sources = (region.imagery_set.get(), region.mapsnapshot_set.get())
    ImageryFactory(region=region), SnapshotFactory(region=region)
    scan = start(region=region, user=None, sources=sources, wake=False)
    assert (scan.imagery, scan.snapshot) == sources


def test_a_job_that_comes_twice_gets_its_scan_back(region):
    job = JobFactory(kind="changes.main_job", scope_id=region.pk, state=JobState.RUNNING)
    scan = start(region=region, user=None, job=job)
    assert start(region=region, user=None, job=job).pk == scan.pk
    assert Scan.objects.count() == 1


def test_a_fresh_scan_is_not_stale_and_each_newer_input_is_named(region):
    scan = ready(region)
    assert stale_scans(region) == []
    ImageryFactory(region=region)
    SnapshotFactory(region=region)
    promote(model=make_model(region), user=None)
    assert stale_scans(region) == [(scan, ["imagery", "snapshot", "model"])]


def test_a_newer_candidate_that_is_not_in_use_leaves_scans_as_fresh_as_they_were(region):
    ready(region)
    make_model(region)
    assert stale_scans(region) == []


def test_an_admin_scans_over_http_and_others_only_look(region, client_of):
    url = reverse("api-scans", args=[region.pk])
    editor = UserFactory(role="editor")
    region.members.create(user=editor)
    assert client_of(editor).post(url, {}, format="json").status_code == 403
    reply = client_of(UserFactory(role="admin")).post(url, {"include_unmapped": True}, format="json")
    assert reply.status_code == 202, reply.json()
    body = reply.json()
    assert (body["include_unmapped"], body["state"], body["scored"]) == (True, "pending", 0)
    assert client_of(editor).get(reverse("api-scan", args=[body["id"]])).json()["job"]["state"] == "queued"
    assert client_of(editor).get(reverse("api-scan-scores", args=[body["id"]])).json()["scores"] == []


def test_a_model_id_of_a_region_that_one_may_not_see_is_a_404(region, client_of):
    reply = client_of(UserFactory(role="admin")).post(
        reverse("api-scans", args=[region.pk]), {"model": make_model(RegionFactory()).pk}, format="json"
    )
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


def test_a_foreign_scan_answers_like_a_missing_one(region, client_of):
    scan, client = ready(region), client_of(UserFactory())
    for name in ("api-scan", "api-scan-scores", "api-scan-offsets"):
        replies = [client.get(reverse(name, args=[pk])) for pk in (scan.pk, 10**9)]
        assert [(reply.status_code, reply.json()["code"]) for reply in replies] == [(404, "not_found")] * 2
