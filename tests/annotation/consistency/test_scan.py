"""Scans through the real engine: every mapped tile scored once, by models that did not see it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta

import pytest
import rasterio
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from annotation.changes.services.find import find_changes
from annotation.common.errors import InvalidError
from annotation.common.models import Job, JobState
from annotation.common.services import jobs
from annotation.common.services.jobs import cancel, run_now
from annotation.consistency import engine, selectors
from annotation.consistency.models import Scan, ScanState, ShiftOrigin, TileScore
from annotation.consistency.services import scan as service
from annotation.consistency.services.start import start
from annotation.learning.engine import load_region_model
from annotation.learning.selectors import active_model
from annotation.learning.services.start import start as start_training
from annotation.learning.services.train import train
from annotation.sources.models import Region
from annotation.tiles.models import TilePair
from mlcore.progress import SilentProgress
from tests.annotation.learning.rows import make_model
from tests.annotation.learning.town import COLUMNS, MAPPED_COLUMNS, ROWS, town_region
from tests.factories import RegionFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.xdist_group("scan")]


@pytest.fixture(scope="module")
def region(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Region]:
    """The trained town, kept for the module and rolled back after it."""
    with django_db_blocker.unblock(), transaction.atomic():
        region = town_region(tmp_path_factory.mktemp("town"), name="scanned town")
        run = start_training(region=region, user=None, preset="tiny", wake=False)
        train(run=run, progress=SilentProgress())
        Job.objects.update(state=JobState.SUCCEEDED)
        yield region
        transaction.set_rollback(True)


def finished(region: Region, **kwargs) -> Scan:
    """A scan of the region, run to its end."""
    scan = start(region=region, user=None, wake=False, **kwargs)
    job = run_now(scan.job)
    assert job.state == JobState.SUCCEEDED, job.error_detail
    return Scan.objects.get(pk=scan.pk)


@pytest.fixture(scope="module")
def finished_once(region: Region, django_db_blocker) -> int:
    with django_db_blocker.unblock():
        return finished(region).pk


@pytest.fixture
def scan(finished_once: int, db) -> Scan:
    """A finished scan that tests look at; what one of them changes is rolled back after it."""
    return Scan.objects.get(pk=finished_once)


def values(scan: Scan) -> list[tuple]:
    return list(TileScore.objects.filter(scan=scan).order_by("pair_id").values_list("pair_id", "final", "probability"))


def test_every_mapped_tile_is_scored_by_the_fold_that_did_not_see_it(scan):
    scores = list(selectors.scores_of(scan))
    assert len(scores) == MAPPED_COLUMNS * ROWS
    model = load_region_model(scan.model)
    for score in scores:
        assert score.fold == model.fold_of(engine.tile_address(score.pair.tile))
        assert 0 <= score.probability <= 1
    assert (scan.state, scan.job.result) == (ScanState.READY, {"scan": scan.pk, "scored": len(scores)})


def test_the_model_of_a_scan_is_read_onto_the_device_of_the_settings(scan):
    with override_settings(COMPUTE_DEVICE="meta"):
        model = load_region_model(scan.model)
    assert {fold.evidence.device.type for fold in model.folds} == {"meta"}


def test_the_evidence_lies_on_the_grid_beside_the_scan(region, scan):
    assert scan.evidence_path.startswith(f"regions/{region.pk}/consistency/")
    with rasterio.open(settings.MEDIA_ROOT / scan.evidence_path) as evidence:
        assert (evidence.crs.to_epsg(), evidence.dtypes[0]) == (3857, "uint8")
        assert (evidence.width, evidence.height) == (MAPPED_COLUMNS * 256, ROWS * 256)
        assert evidence.read(1).any()


def test_every_tile_keeps_its_shift_and_the_scan_the_offset_of_all(scan):
    scores = list(TileScore.objects.filter(scan=scan))
    for score in scores:
        assert score.shift_origin in ShiftOrigin.values
        assert 0 <= score.shift_confidence <= 1
        assert math.hypot(score.shift_east_m, score.shift_north_m) < 10.5
    measured = sum(score.shift_origin == ShiftOrigin.MEASURED for score in scores)
    assert 0 <= scan.offset_tiles <= measured
    assert 0 <= scan.offset_confidence <= 1


def shifted_scan(scan: Scan, east_m: float, north_m: float, agreeing: int) -> Scan:
    """The scan as it is when `agreeing` of its tiles measured one shift, and the others none."""
    scores = list(TileScore.objects.filter(scan=scan).order_by("pk"))
    for number, score in enumerate(scores):
        mine = number < agreeing
        score.shift_east_m, score.shift_north_m = (east_m, north_m) if mine else (0.0, 0.0)
        score.shift_confidence, score.shift_origin = (0.9, "measured") if mine else (0.0, "none")
    TileScore.objects.bulk_update(scores, ["shift_east_m", "shift_north_m", "shift_confidence", "shift_origin"])
    offset = engine.offset_of(scan)
    scan.offset_east_m, scan.offset_north_m = offset.east_m, offset.north_m
    scan.offset_confidence, scan.offset_tiles = offset.confidence, offset.tiles
    scan.save()
    return scan


def test_an_offset_of_the_whole_region_is_told_once_over_the_api(region, scan, client_of):
    scan = shifted_scan(scan, 1.8, -1.6, agreeing=9)
    client = client_of(UserFactory(role="admin"))
    told = client.get(reverse("api-scan", args=[scan.pk])).json()["offset"]
    assert (told["east_m"], told["north_m"]) == (pytest.approx(1.8), pytest.approx(-1.6))
    assert told["metres"] == pytest.approx(math.hypot(1.8, 1.6))
    assert (told["tiles"], told["of"]) == (9, MAPPED_COLUMNS * ROWS)
    assert client.get(f"/api/regions/{region.pk}/summary/").json()["latest_scan"]["offset"] == told


@pytest.mark.parametrize(("east_m", "agreeing"), [(0.2, 9), (2.5, 1)])
def test_a_small_or_a_lonely_shift_is_not_told(scan, client_of, east_m, agreeing):
    scan = shifted_scan(scan, east_m, 0.0, agreeing)
    told = client_of(UserFactory(role="admin")).get(reverse("api-scan", args=[scan.pk])).json()
    assert told["offset"] is None


def test_unmapped_tiles_are_scored_only_where_asked_for_and_by_no_fold(region):
    scores = TileScore.objects.filter(scan=finished(region, include_unmapped=True))
    assert scores.count() == COLUMNS * ROWS
    assert scores.filter(pair__mapped=False).count() == ROWS
    assert not scores.filter(pair__mapped=False, fold__isnull=False).exists()
    assert not scores.filter(pair__mapped=True, fold__isnull=True).exists()


class Killed(BaseException):
    """What no handler catches: the job stays as a killed worker leaves it."""


def test_a_scan_whose_worker_was_killed_is_requeued_and_ends_like_an_undisturbed_one(region, scan, monkeypatch):
    """F1, of a scan."""
    expected, listed = values(scan), engine.candidates_file(scan).read_bytes()
    monkeypatch.setattr(service, "BATCH", 8)
    scan = start(region=region, user=None, wake=False)
    rows_of = engine.scan_rows

    def dying(*args, **kwargs):
        for number, row in enumerate(rows_of(*args, **kwargs)):
            if number == 13:
                raise Killed
            yield row

    with monkeypatch.context() as broken, pytest.raises(Killed):
        broken.setattr(engine, "scan_rows", dying)
        jobs.execute(scan.job_id)
    assert len(values(scan)) == 8
    Job.objects.filter(pk=scan.job_id, state=JobState.RUNNING).update(heartbeat_at=timezone.now() - timedelta(hours=1))
    assert jobs.sweep() >= 1
    job = run_now(Job.objects.get(pk=scan.job_id))
    assert (job.state, job.attempts) == (JobState.SUCCEEDED, 2)
    assert values(scan) == expected
    assert engine.candidates_file(scan).read_bytes() == listed
    assert Scan.objects.get(pk=scan.pk).state == ScanState.READY


def test_rows_of_tiles_that_the_new_run_does_not_score_are_dropped(region):
    scan = start(region=region, user=None, wake=False)
    outside = TilePair.objects.filter(tile__region=region, mapped=False).first()
    TileScore.objects.create(
        scan=scan, pair=outside, disc=0, proto=0, final=0, difference=0, probability=0.5
    )  # left by a run with other settings
    service.scan_pairs(scan=scan, progress=SilentProgress())
    assert not TileScore.objects.filter(scan=scan, pair=outside).exists()


def test_a_scan_hands_on_what_it_found_without_another_look_at_the_image(scan, monkeypatch):
    monkeypatch.setattr("mlcore.evidence.picture.EvidenceReader.window", lambda *_, **__: pytest.fail("looked again"))

    counts = find_changes(scan=scan, progress=SilentProgress())

    assert counts.made + counts.lost + counts.answered == len(engine.candidates_file(scan).read_text().splitlines())
    assert counts.made > 0


def test_a_scan_without_its_list_of_candidates_says_to_scan_again(region):
    scan = finished(region)
    engine.candidates_file(scan).unlink()
    with pytest.raises(InvalidError, match="scan the region again"):
        find_changes(scan=scan, progress=SilentProgress())


def test_a_finished_scan_is_left_as_it_is(scan):
    before = list(TileScore.objects.filter(scan=scan).order_by("pk").values_list("pk", flat=True))
    assert service.scan_pairs(scan=scan, progress=SilentProgress()).scored == len(before)
    assert list(TileScore.objects.filter(scan=scan).order_by("pk").values_list("pk", flat=True)) == before


def test_the_stored_scores_come_back_as_the_librarys_results(region):
    scan = finished(region, include_unmapped=True)
    results = engine.tile_results(scan)
    assert len(results) == COLUMNS * ROWS
    for score in selectors.scores_of(scan):
        result = results[engine.tile_address(score.pair.tile)]
        assert (result.final, result.probability) == (score.final, score.probability)
        assert (result.shift_east_m, result.shift_origin) == (score.shift_east_m, score.shift_origin)
        assert result.fold == (-1 if score.fold is None else score.fold)


def test_a_cancelled_scan_is_marked_failed_and_another_may_start(region):
    scan = start(region=region, user=None, wake=False)
    cancel(scan.job)
    assert Scan.objects.get(pk=scan.pk).state == ScanState.FAILED
    assert start(region=region, user=None, wake=False).pk != scan.pk


def test_the_api_gives_every_score_once_in_grid_order(region, scan, client_of, django_assert_max_num_queries):
    client = client_of(UserFactory(role="admin"))
    with django_assert_max_num_queries(5):
        body = client.get(reverse("api-scan-scores", args=[scan.pk])).json()
    assert body["zoom"] == region.zoom
    assert len(body["scores"]) == MAPPED_COLUMNS * ROWS
    assert [row[:2] for row in body["scores"]] == sorted((row[:2] for row in body["scores"]), key=lambda xy: xy[::-1])
    listed = client.get(reverse("api-scans", args=[region.pk])).json()["results"][0]
    assert (listed["id"], listed["model"], listed["scored"], listed["stale"]) == (
        scan.pk, scan.model_id, MAPPED_COLUMNS * ROWS, []
    )  # fmt: skip


def test_the_command_scans_with_the_model_in_use(region, capsys):
    call_command("scan", str(region.pk))
    scan = selectors.latest_scan(region.pk)
    assert scan is not None and scan.model == active_model(region.pk)
    assert f"Scan {scan.pk}: {MAPPED_COLUMNS * ROWS} tiles scored" in capsys.readouterr().out


def test_the_command_says_why_it_refuses(region):
    with pytest.raises(CommandError, match="no_model"):
        call_command("scan", str(RegionFactory().pk))
    with pytest.raises(CommandError, match="there is no region"):
        call_command("scan", "999999999")
    with pytest.raises(CommandError, match="there is no model"):
        call_command("scan", str(region.pk), "--model", "999999999")


def test_a_scan_by_an_altered_model_fails_with_the_reason(region):
    scan = start(region=region, user=None, model=make_model(region, content=b"foreign"), wake=False)
    job = run_now(scan.job)
    assert (job.state, job.error_code) == (JobState.FAILED, "invalid_model_file")
    assert Scan.objects.get(pk=scan.pk).state == ScanState.FAILED
