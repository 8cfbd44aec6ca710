"""An admin keeps a region on another map: what that says already leaves the queue, and nothing decided comes back."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.changes.models import Change
from annotation.changes.services import map_pinned
from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.review.models import ItemState, QueueItem
from tests.annotation.changes.test_mapped_meanwhile import newer, states
from tests.factories import FootprintFactory, RegionFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def admin(client_of):
    return client_of(UserFactory(role="admin"))


def keep_on(admin, region, snapshot):
    """Choose the map, and run what that queued."""
    before = set(Job.objects.values_list("pk", flat=True))
    body = {"pinned_snapshot": snapshot.pk if snapshot else None}
    assert admin.patch(f"/api/regions/{region.pk}/", body, format="json").status_code == 200
    made = Job.objects.exclude(pk__in=before)
    for job in made:
        jobs.run_now(job)
    return list(Job.objects.filter(pk__in=[job.pk for job in made]))


def maps_of(scan, *shapes):
    """A map that is newer than the scanned one and has these buildings, and a newest one that lacks them."""
    taken = scan.snapshot.taken_at
    between = newer(scan, *shapes, taken_at=taken.replace(year=taken.year + 1))
    newer(scan, taken_at=taken.replace(year=taken.year + 2))
    return between


def test_what_the_chosen_map_has_leaves_the_queue_and_what_was_decided_stays(scan, admin, monkeypatch):
    monkeypatch.setattr(map_pinned, "AT_ONCE", 2)
    added = [ChangeFactory(scan=scan, geometry=square(0.2 + 0.2 * n, 0.5)) for n in range(3)]
    gone = ChangeFactory(scan=scan, kind="remove", geometry=square(0.3, 0.2))
    beside = ChangeFactory(scan=scan, geometry=square(0.8, 0.2, 0.05))
    decided = [ChangeFactory(scan=scan, geometry=square(0.2 + 0.3 * n, 0.8)) for n in range(2)]
    for change, word in zip(decided, ("accept", "reject"), strict=True):
        save_decision(UserFactory(role="editor"), change, word)
    before = dict(QueueItem.objects.filter(change__in=decided).values_list("pk", "version"))
    chosen = maps_of(scan, *(one.geometry for one in [*added, *decided]))
    assert set(states().values()) == {ItemState.OPEN, ItemState.DECIDED}
    (job,) = keep_on(admin, scan.region, chosen)
    assert (job.state, job.progress, job.scope_id) == (JobState.SUCCEEDED, 1.0, scan.region_id)
    assert job.result == {"in_the_map_by_now": {"add": 3, "remove": 1}}
    assert job.message == "4 suggestions are in the map by now"
    withdrawn = {pk for pk, state in states().items() if state == ItemState.WITHDRAWN}
    assert withdrawn == {gone.pk, *(one.pk for one in added)} and states()[beside.pk] == ItemState.OPEN
    assert Change.objects.filter(in_map_at=None).count() == 3
    assert dict(QueueItem.objects.filter(change__in=decided).values_list("pk", "version")) == before
    assert keep_on(admin, scan.region, chosen) == []  # it is on that map already
    assert keep_on(admin, scan.region, None) == [] and len(withdrawn) == 4


def test_where_a_map_ends_is_asked_of_its_buildings_once_however_many_suggestions_there_are(scan, admin, monkeypatch):
    monkeypatch.setattr(map_pinned, "AT_ONCE", 1)
    for n in range(3):
        ChangeFactory(scan=scan, kind="remove", geometry=square(0.2 + 0.2 * n, 0.5))
    chosen = maps_of(scan)
    with CaptureQueriesContext(connection) as asked:
        (job,) = keep_on(admin, scan.region, chosen)
    assert job.result == {"in_the_map_by_now": {"remove": 3}}
    extents = [one["sql"] for one in asked.captured_queries if "ST_Extent" in one["sql"]]
    assert len(extents) == len(set(extents)) > 0


def test_a_map_older_than_the_scanned_one_is_no_news_to_its_suggestions(scan, admin):
    change = ChangeFactory(scan=scan)
    doubted = ChangeFactory(scan=scan, kind="remove", geometry=square(0.3, 0.3))
    taken = scan.snapshot.taken_at
    (job,) = keep_on(admin, scan.region, newer(scan, square(), taken_at=taken.replace(year=taken.year - 1)))
    assert (job.state, job.result) == (JobState.SUCCEEDED, {"in_the_map_by_now": {}})
    assert states() == {change.pk: ItemState.OPEN, doubted.pk: ItemState.OPEN}


def test_an_older_scan_that_is_looked_at_again_brings_back_nothing_that_the_chosen_map_says(scan, admin):
    ChangeFactory(scan=scan)
    chosen = maps_of(scan, square())
    keep_on(admin, scan.region, chosen)
    Change.objects.all().delete()
    again = ChangeFactory(scan=scan)
    from annotation.changes.services.mapped_meanwhile import withdraw_mapped

    assert dict(withdraw_mapped(Change.objects.all(), scan.region_id)) == {"add": 1}
    assert states() == {again.pk: ItemState.WITHDRAWN}


def test_a_choice_that_is_taken_back_queues_nothing(scan, admin):
    chosen = maps_of(scan, square())
    FootprintFactory(snapshot=scan.snapshot)
    body = {"pinned_snapshot": chosen.pk, "zoom": 99}
    assert admin.patch(f"/api/regions/{scan.region_id}/", body, format="json").status_code == 400
    assert not Job.objects.exists()
