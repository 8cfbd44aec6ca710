"""A first look fills the queue, a training follows, and what it finds takes the queue over without losing an answer."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.core.management import call_command

from annotation.changes.models import Change
from annotation.changes.selectors import subject_of_item
from annotation.changes.services import rescore
from annotation.common.errors import InvalidError
from annotation.common.models import Job, JobState
from annotation.common.services.jobs import run_now
from annotation.consistency.engine import evidence_file
from annotation.consistency.engine_rescore import Rescoring
from annotation.consistency.models import Scan, ScanState
from annotation.consistency.selectors import stale_scans
from annotation.learning.models import GENERAL, ModelState, ModelVersion
from annotation.pipeline.overview import summary
from annotation.pipeline.services.start import MAIN_JOB
from annotation.pipeline.services.start_first_look import start_first_look
from annotation.review.models import ItemState, QueueItem, Verdict
from annotation.review.services.claim import claim
from annotation.review.services.lease import release
from annotation.sources.models import MapSnapshot, Region
from annotation.tiles.engine import tile_address
from annotation.tiles.models import TilePair
from mlcore.progress import SilentProgress
from mlcore.region.usual import usual_file
from tests.annotation.learning.town import town_region
from tests.annotation.review.test_queue_concurrency import save
from tests.factories import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def region(tmp_path: Path, settings) -> Region:
    settings.MEDIA_ROOT = tmp_path / "media"
    return town_region(tmp_path / "town", anchors=False)


def ran(job: Job) -> Job:
    job = run_now(job)
    assert job.state == JobState.SUCCEEDED, job.error_detail
    return job


def states(scan: Scan) -> dict[int, str]:
    return dict(scan.changes.values_list("item", "item__state"))


def taken(user) -> QueueItem:
    item = claim(user=user, stage="changes", scope_id=Region.objects.get().pk).item
    assert item is not None
    return item


def test_people_answer_a_first_look_and_the_trained_queue_takes_it_over(region):
    look = ran(start_first_look(region=region, user=None, training="tiny"))
    untuned = Scan.objects.get()
    assert (untuned.state, untuned.model.kind) == (ScanState.READY, GENERAL)
    found = states(untuned)
    assert set(found.values()) == {ItemState.OPEN} and len(found) == look.result["changes"]["made"] >= 3
    assert summary(region)["latest_scan"]["model"]["untuned"] is True
    ana, ben = UserFactory.create_batch(2, role="admin")
    answered = taken(ana)
    shown = subject_of_item(answered)["model"]
    assert (shown["preset"], shown["untuned"], shown["trial"]) == ("general", True, True)
    surest = untuned.changes.order_by("-confidence").first()
    assert (answered.pk, answered.priority) == (surest.item_id, surest.confidence)
    save(ana, answered, decision="reject")
    held = taken(ben)

    training = Job.objects.get(kind=MAIN_JOB)
    assert look.result["training"] == str(training.pk) and training.params["preset"] == "tiny"
    assert training.params["snapshot"] == look.params["snapshot"]
    ran(training)

    scan = Scan.objects.order_by("-pk").first()
    assert scan.model.region == region and scan.model.state == ModelState.ACTIVE
    assert [why for one, why in stale_scans(region) if one == untuned] == [["model"]]
    after = states(untuned)
    assert after.keys() == found.keys(), "nothing is deleted"
    assert after.pop(answered.pk) == ItemState.DECIDED and after.pop(held.pk) == ItemState.OPEN
    assert set(after.values()) == {ItemState.WITHDRAWN}
    assert summary(region)["latest_scan"]["model"]["untuned"] is False
    marks = set(Change.objects.filter(item__in=[answered, held]).values_list("fingerprint", flat=True))
    assert not scan.changes.filter(fingerprint__in=marks).exists(), "nobody is asked again"

    save(ben, held)
    assert Verdict.objects.count() == 2
    assert QueueItem.objects.filter(pk__in=[answered.pk, held.pk], state=ItemState.DECIDED).count() == 2


def test_a_look_that_runs_twice_suggests_nothing_twice_and_is_followed_once(region):
    look = ran(start_first_look(region=region, user=None, training="tiny"))
    found = states(Scan.objects.get())
    Job.objects.filter(pk=look.pk).update(state=JobState.QUEUED)
    Job.objects.filter(kind=MAIN_JOB).update(state=JobState.CANCELLED)
    again = ran(Job.objects.get(pk=look.pk))
    assert states(Scan.objects.get()) == found and TilePair.objects.count() == 24
    assert ModelVersion.objects.filter(kind=GENERAL).count() == 1
    assert (again.result["changes"]["made"], again.result["changes"]["kept"]) == (0, len(found))
    assert Job.objects.unfinished().filter(kind=MAIN_JOB).count() == 1


def test_a_suggestion_of_the_first_look_that_is_let_go_of_is_asked_by_the_newer_scan_if_that_has_it(region):
    ran(start_first_look(region=region, user=None))
    assert not Job.objects.filter(kind=MAIN_JOB).exists(), "by hand no training follows"
    ben = UserFactory(role="admin")
    held = taken(ben)
    mark = Change.objects.get(item=held).fingerprint
    Job.objects.all().update(state=JobState.SUCCEEDED)
    ran(start_first_look(region=region, user=None))
    newer = Scan.objects.order_by("-pk").first()
    assert not newer.changes.filter(fingerprint=mark).exists()
    release(user=ben, item_id=held.pk, lease_token=held.lease_token)

    assert rescore.start_where_let_go() == 1
    ran(Job.objects.unfinished().get(kind=rescore.KIND))
    ran(Job.objects.unfinished().get(kind="changes.find"))
    assert QueueItem.objects.get(pk=held.pk).state == ItemState.WITHDRAWN
    assert newer.changes.get(fingerprint=mark).item.state == ItemState.OPEN


def test_who_trains_by_command_waits_for_the_look_and_gets_the_size_they_asked_for(region):
    look, out = start_first_look(region=region, user=None, training="compact"), StringIO()
    call_command("main_job", region.name, preset="tiny", stdout=out, stderr=StringIO())
    look.refresh_from_db()
    assert look.state == JobState.SUCCEEDED and "training" not in look.result
    assert [job.params["preset"] for job in Job.objects.filter(kind=MAIN_JOB)] == ["tiny"]
    assert "goes before" in out.getvalue() and "wait in the queue" in out.getvalue()


def test_where_too_little_is_mapped_to_learn_from_the_first_look_stays(region):
    few = TilePair.objects.filter(mapped=True).values_list("pk", flat=True)[5:]
    TilePair.objects.filter(pk__in=list(few)).update(mapped=False)
    look = ran(start_first_look(region=region, user=None, training="compact"))
    assert look.result["scored"] == 5 and "training" not in look.result
    assert not Job.objects.filter(kind=MAIN_JOB).exists()


def test_a_region_of_another_zoom_is_looked_at_as_well(region):
    """The general model learnt from images of several ground sizes."""
    TilePair.objects.all().delete()
    region.tiles.all().delete()
    Region.objects.filter(pk=region.pk).update(zoom=18)
    look = ran(start_first_look(region=region, user=None, training="tiny"))
    assert look.result["scored"] == look.result["pairs"]["mapped"] > 0
    assert Scan.objects.get().state == ScanState.READY and "changes" in look.result
    assert ("training" in look.result) == (look.result["pairs"]["mapped"] >= 6)


def test_tiles_of_a_first_look_are_told_anew_by_what_was_usual_when_it_was_scanned(region):
    """Also where the region's tiles are of another zoom than those that the model learnt from."""
    TilePair.objects.all().delete()
    region.tiles.all().delete()
    Region.objects.filter(pk=region.pk).update(zoom=18)
    ran(start_first_look(region=region, user=None))
    scan = Scan.objects.get()
    before = {tile_address(row.pair.tile): row.probability for row in scan.scores.select_related("pair__tile")}
    again = Rescoring(scan)
    assert again.model.asks_usual and again.model.zoom != 18 and again.usual is not None

    told = again.of(list(before), SilentProgress())

    assert {tile_address(row.pair.tile): row.probability for row in told.scores} == pytest.approx(before, abs=1e-5)
    usual_file(evidence_file(scan)).unlink()
    with pytest.raises(InvalidError, match="scan the region again"):
        Rescoring(scan)


def test_where_nothing_can_be_compared_it_says_why(region):
    """Such as where the area that is told to be completely mapped lies elsewhere."""
    TilePair.objects.all().delete()
    MapSnapshot.objects.update(coverage=MultiPolygon(Polygon.from_bbox((8.0, 47.0, 8.01, 47.01)), srid=4326))
    look = ran(start_first_look(region=region, user=None, training="tiny"))
    assert "no tile has a complete map" in look.result["skipped"] and "changes" not in look.result
    assert not Scan.objects.exists() and "training" not in look.result
