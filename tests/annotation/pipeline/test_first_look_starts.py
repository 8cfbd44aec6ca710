"""What comes in is looked at by itself: once, one at a time, and only where nobody said otherwise."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from annotation.common.errors import NotFoundError
from annotation.common.models import Job, JobState
from annotation.common.services.jobs import cancel
from annotation.consistency.services.start import ScanRunningError
from annotation.consistency.services.start import start as start_scan
from annotation.learning import selectors as learning
from annotation.learning.models import GENERAL, ModelState, ModelVersion
from annotation.learning.services.general import general_model
from annotation.pipeline.errors import OwnModelError
from annotation.pipeline.services.start_first_look import FIRST_LOOK, start_first_look, start_where_due
from annotation.sources.models import MapSnapshot, Region, SourceState
from tests.factories import ImageryFactory, PairFactory, RegionFactory, SnapshotFactory, UserFactory
from tests.factories_changes import ModelVersionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def wanted(settings, tmp_path):
    settings.FIRST_LOOK, settings.MEDIA_ROOT = True, tmp_path


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def looks(region: Region) -> list[Job]:
    return list(Job.objects.for_scope(region.pk).filter(kind=FIRST_LOOK).order_by("created_at"))


def test_the_import_that_completes_a_region_starts_one_look_in_the_name_of_who_imported(committed):
    ana, region = UserFactory(role="admin"), RegionFactory()
    with committed():
        imagery = ImageryFactory(region=region)
    assert looks(region) == []
    with committed():
        snapshot = SnapshotFactory(region=region, created_by=ana)
    (job,) = looks(region)
    assert (job.state, job.created_by) == (JobState.QUEUED, ana)
    assert job.params == {
        "region": region.pk, "imagery": imagery.pk, "snapshot": snapshot.pk, "training": "compact",
        "include_unmapped": False,
    }  # fmt: skip


def test_a_map_that_is_not_ready_is_not_looked_at(committed):
    region = RegionFactory()
    with committed():
        ImageryFactory(region=region)
        SnapshotFactory(region=region, state=SourceState.PENDING)
    assert looks(region) == [] and start_where_due() == 0


def test_nothing_is_looked_at_twice_and_what_came_in_meanwhile_waits_its_turn(committed):
    region = RegionFactory()
    with committed():
        ImageryFactory(region=region)
        first = SnapshotFactory(region=region)
    with committed():
        first.save()
    assert len(looks(region)) == 1 and start_where_due() == 0
    with committed():
        newer = SnapshotFactory(region=region)
    assert len(looks(region)) == 1

    Job.objects.filter(kind=FIRST_LOOK).update(state=JobState.SUCCEEDED)
    assert (start_where_due(), start_where_due()) == (1, 0)
    assert [job.params["snapshot"] for job in looks(region)] == [first.pk, newer.pk]


def test_a_look_that_a_person_stopped_is_not_begun_again_by_itself_but_by_hand(committed):
    region = RegionFactory()
    with committed():
        ImageryFactory(region=region)
        SnapshotFactory(region=region)
    cancel(looks(region)[0])
    assert start_where_due() == 0
    job = start_first_look(region=region, user=None)
    assert job.state == JobState.QUEUED and job == start_first_look(region=region, user=None)
    assert len(looks(region)) == 2


def test_an_import_whose_process_ended_before_it_could_start_the_look_is_found_by_the_scheduler():
    snapshot = SnapshotFactory(region=ImageryFactory().region)  # nothing hears the commit
    assert (start_where_due(), start_where_due()) == (1, 0)
    assert len(looks(snapshot.region)) == 1


@pytest.mark.parametrize("off", ["region", "instance"])
def test_it_is_switched_off_for_a_region_or_for_all(settings, committed, off):
    settings.FIRST_LOOK = off != "instance"
    region = RegionFactory(first_look=off != "region")
    with committed():
        ImageryFactory(region=region)
        SnapshotFactory(region=region)
    assert looks(region) == [] and start_where_due() == 0


def test_a_region_with_a_model_of_its_own_gets_no_first_look(committed):
    region = ModelVersionFactory().region
    with committed():
        SnapshotFactory(region=region)
    assert looks(region) == [] and start_where_due() == 0
    with pytest.raises(OwnModelError):
        start_first_look(region=region, user=None)


def test_a_region_that_is_scanned_is_not_looked_at_before_that_ends(tmp_path):
    pair = PairFactory()
    region = pair.tile.region
    scan = start_scan(region=region, user=None, model=general_model(), wake=False)
    with pytest.raises(ScanRunningError):
        start_first_look(region=region, user=None)
    assert start_where_due() == 0
    Job.objects.filter(pk=scan.job_id).update(state=JobState.FAILED)
    assert start_where_due() == 1


def test_an_admin_says_so_of_a_region_over_http_and_starts_a_look():
    admin, reviewer, region = UserFactory(role="admin"), UserFactory(), RegionFactory(open_to_all=True)
    ImageryFactory(region=region)
    MapSnapshot.objects.filter(pk=SnapshotFactory(region=region).pk).update(created_by=admin)
    client = APIClient()
    client.force_authenticate(reviewer)
    assert client.post(f"/api/regions/{region.pk}/first-look/").status_code == 403
    client.force_authenticate(admin)
    shown = client.patch(f"/api/regions/{region.pk}/", {"first_look": False}, format="json").json()
    assert shown["first_look"] is False and start_where_due() == 0
    answer = client.post(f"/api/regions/{region.pk}/first-look/")
    assert (answer.status_code, answer.json()["job"]["kind"]) == (202, FIRST_LOOK)


def test_the_general_model_is_one_row_that_nobody_promotes_or_lists(tmp_path):
    model = general_model()
    assert model == general_model() and ModelVersion.objects.filter(kind=GENERAL).count() == 1
    assert (tmp_path / model.path).is_file() and model.state == ModelState.CANDIDATE
    assert list(learning.models_of_region(None)) == [] and list(learning.runs_of_region(None)) == []
    assert learning.shown_model(model) == {
        "id": model.pk, "preset": "general", "untuned": True, "measured": None, "trial": True,
    }  # fmt: skip
    with pytest.raises(NotFoundError, match=f"no model {model.pk}"):
        learning.get_model(UserFactory(role="admin"), model.pk)
