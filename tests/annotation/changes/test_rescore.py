"""A transform that people change has the tiles that it touches scored and suggested anew, and no others."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from annotation.changes.models import Change
from annotation.changes.services import rescore as service
from annotation.changes.services import turns
from annotation.changes.services.find import find_changes
from annotation.common.models import Job, JobState
from annotation.common.services.jobs import run_now
from annotation.consistency import engine, engine_rescore
from annotation.consistency.engine import candidates_file
from annotation.consistency.engine_rescore import Rescoring
from annotation.consistency.models import Scan, ScanState, TileScore
from annotation.consistency.services.scan import scan_pairs
from annotation.consistency.services.start import start
from annotation.correspondences.engine import stored
from annotation.correspondences.models import Correspondences
from annotation.review.models import ItemState, QueueItem
from annotation.review.services.undo import undo
from annotation.sources.models import Region
from annotation.tiles.engine import tile_address
from annotation.tiles.models import TilePair
from mlcore.geometry.transform import shift_of
from mlcore.progress import SilentProgress
from tests.annotation.changes.scanned_town import MOVED, corrected, jobs, rescored, scanned, trained_town
from tests.annotation.changes.test_turns import somebody_elses_turn
from tests.annotation.learning.town import COLUMNS
from tests.annotation.review.test_queue_concurrency import in_threads
from tests.factories import UserFactory
from tests.factories_correspondences import CorrespondencesFactory, adjust, make_batch, take

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.xdist_group("rescore")]


@pytest.fixture(scope="module")
def region(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[Region]:
    with django_db_blocker.unblock(), trained_town(tmp_path_factory.mktemp("town")) as town:
        yield town


@pytest.fixture
def row(region) -> Correspondences:
    """A proposal on the north-western tile, older than the scan."""
    pairs = TilePair.objects.filter(tile__region=region, mapped=True)
    return CorrespondencesFactory(pair=pairs.order_by("tile__x", "tile__y")[0], region=region)


@pytest.fixture
def scan(region, row) -> Scan:
    return scanned(region)


def scores(scan: Scan) -> dict[tuple[int, int], TileScore]:
    rows = TileScore.objects.filter(scan=scan).select_related("pair__tile")
    return {(row.pair.tile.x, row.pair.tile.y): row for row in rows}


def test_a_correction_scores_its_tile_anew_and_leaves_far_ones_alone(region, scan, row):
    before = scores(scan)
    place, west = (row.pair.tile.x, row.pair.tile.y), min(x for x, _ in before)

    corrected(region, row)
    rescored(scan)

    after, tile = scores(scan), tile_address(row.pair.tile)
    assert set(after) == set(before)
    assert after[place].shift_origin == "verified"
    assert after[place].shift_east_m == pytest.approx(24.0 * tile.resolution_m(), abs=0.05)
    assert after[place].pk != before[place].pk
    far = [where for where in before if where[0] >= west + COLUMNS - 2]
    assert far
    assert all(after[where].pk == before[where].pk for where in far)
    assert not engine_rescore.changed_tiles(scan)
    assert not TileScore.objects.filter(scan=scan, outdated=True).exists()


def test_undoing_the_correction_scores_the_tile_as_it_was(region, scan, row):
    before = scores(scan)
    ana, verdict = corrected(region, row)
    rescored(scan)

    undo(user=ana, item_id=verdict.item_id, version=verdict.item_version, idempotency_key=uuid.uuid4())
    rescored(scan)

    for where, score in scores(scan).items():
        assert (score.shift_origin, score.probability) == (
            before[where].shift_origin, pytest.approx(before[where].probability, abs=1e-6),
        )  # fmt: skip


def test_suggestions_follow_and_those_that_somebody_decided_stay(region, scan, row):
    decided = Change.objects.filter(scan=scan).exclude(pair=row.pair)[0]
    row = CorrespondencesFactory(pair=decided.pair, region=region)
    Correspondences.objects.exclude(pk=row.pk).delete()
    QueueItem.objects.filter(pk=decided.item_id).update(
        state=ItemState.DECIDED, decision="accept", decided_at=decided.created_at
    )

    corrected(region, row)
    rescored(scan)

    kept = Change.objects.select_related("item").get(pk=decided.pk)
    assert (kept.item.state, kept.geometry, kept.evidence) == (ItemState.DECIDED, decided.geometry, decided.evidence)
    there = Change.objects.filter(scan=scan, pair=row.pair, item__state=ItemState.OPEN)
    assert {change.evidence["shift_origin"] for change in there} <= {"verified"}
    listed = [one for one in engine.found_candidates(scan) if one.tile == tile_address(row.pair.tile)]
    assert {one.evidence["shift_origin"] for one in listed} <= {"verified"}
    assert len(listed) >= len(there)


def test_it_waits_while_the_suggestions_of_the_region_are_being_stored(region, scan, row, monkeypatch):
    monkeypatch.setattr(turns, "ASK_AGAIN_MS", 50)
    corrected(region, row)
    waited = []
    with somebody_elses_turn(region.pk) as end:

        def stored_meanwhile(fraction: float, message: str) -> None:
            if "waits" in message:
                assert not TileScore.objects.filter(scan=scan, shift_origin="verified").exists()
                waited.append(message)
                end()

        (job,) = jobs(scan)
        assert run_now(job, stored_meanwhile).state == JobState.SUCCEEDED

    assert waited
    assert TileScore.objects.get(scan=scan, pair=row.pair).shift_origin == "verified"


def test_whoever_looks_for_suggestions_waits_while_tiles_are_scored_anew(region, scan, row, monkeypatch):
    """Between the look at the tiles and the suggestions that come of it, nobody else's turn begins."""
    corrected(region, row)
    free: list[bool] = []
    again = Rescoring.of

    def looked_at_meanwhile(*args):
        found = again(*args)
        free.extend(in_threads(lambda _: turns._locked([turns.LOCK_SPACE, region.pk % 2**31]), [1]))
        return found

    monkeypatch.setattr(turns, "ASK_AGAIN_MS", 50)
    monkeypatch.setattr(Rescoring, "of", looked_at_meanwhile)
    rescored(scan)

    assert free == [False]
    assert in_threads(lambda _: turns._locked([turns.LOCK_SPACE, region.pk % 2**31]), [1]) == [True]


def test_a_scan_that_a_newer_one_overtook_is_left_as_it_was(region, scan, row):
    before = scores(scan)
    corrected(region, row)
    newer = Scan.objects.get(pk=scan.pk)
    newer.pk, newer.job = None, None
    newer.save()

    rescored(scan)

    assert {where: one.pk for where, one in scores(scan).items()} == {where: one.pk for where, one in before.items()}


def test_model_and_sources_are_loaded_once_and_the_list_of_the_scan_is_not_written_again(
    region, scan, row, monkeypatch
):
    loaded, list_before = [], candidates_file(scan).read_bytes()
    load = engine_rescore.load_region_model
    monkeypatch.setattr(engine_rescore, "load_region_model", lambda model: loaded.append(model) or load(model))
    monkeypatch.setattr(service, "AT_ONCE", 1)
    other = TileScore.objects.filter(scan=scan).exclude(pair=row.pair)[0]
    CorrespondencesFactory(pair=other.pair, region=region)
    ana, batch = UserFactory(role="admin"), make_batch(region)
    for _ in range(2):
        adjust(ana, take(ana, batch), MOVED)

    rescored(scan)

    assert TileScore.objects.filter(scan=scan, shift_origin="verified").count() == 2
    assert loaded == [scan.model]
    assert candidates_file(scan).read_bytes() == list_before


def test_a_job_that_was_stopped_goes_on_with_the_tiles_that_are_left(region, scan, row, monkeypatch):
    monkeypatch.setattr(service, "AT_ONCE", 1)
    other = TileScore.objects.filter(scan=scan).exclude(pair=row.pair).order_by("-pair__tile__x")[0]
    CorrespondencesFactory(pair=other.pair, region=region)
    ana, batch = UserFactory(role="admin"), make_batch(region)
    for _ in range(2):
        adjust(ana, take(ana, batch), MOVED)
    again = Rescoring.of

    def crash(self, changed, progress):
        if TileScore.objects.filter(scan=scan, shift_origin="verified").exists():
            raise ZeroDivisionError
        return again(self, changed, progress)

    monkeypatch.setattr(Rescoring, "of", crash)
    (job,) = jobs(scan)
    assert run_now(job).state == JobState.FAILED
    assert TileScore.objects.filter(scan=scan, outdated=True).count() == 1

    monkeypatch.setattr(Rescoring, "of", again)
    service.start(scan)
    rescored(scan)
    assert TileScore.objects.filter(scan=scan, shift_origin="verified").count() == 2
    assert not TileScore.objects.filter(scan=scan, outdated=True).exists()


def test_answers_one_after_the_other_wait_for_one_job(region, scan, row):
    other = TileScore.objects.filter(scan=scan).exclude(pair=row.pair)[0]
    CorrespondencesFactory(pair=other.pair, region=region)
    ana, batch = UserFactory(role="admin"), make_batch(region)

    for _ in range(2):
        adjust(ana, take(ana, batch), MOVED)

    assert len(jobs(scan)) == 1
    rescored(scan)
    assert TileScore.objects.filter(scan=scan, shift_origin="verified").count() == 2


def test_an_answer_that_comes_while_the_job_runs_is_heard(region, scan, row, monkeypatch):
    corrected(region, row)
    heard = []

    again = Rescoring.of

    def answered_meanwhile(*args):
        found = again(*args)
        if not heard:
            Correspondences.objects.filter(pk=row.pk).update(**stored("final_", shift_of(-8.0, 0.0, 0.01)))
        heard.append(found)
        return found

    monkeypatch.setattr(Rescoring, "of", answered_meanwhile)
    rescored(scan)

    assert len(heard) == 2
    assert scores(scan)[row.pair.tile.x, row.pair.tile.y].shift_east_m < 0


def test_an_answer_about_what_no_scan_scored_starts_nothing(region, scan):
    outside = region.tiles.exclude(pairs__scores__scan=scan).first().pairs.first()
    Correspondences.objects.filter(region=region).delete()

    corrected(region, CorrespondencesFactory(pair=outside, region=region))

    assert not jobs(scan)


def test_an_answer_during_a_scan_is_looked_at_once_its_suggestions_are_stored(region, row):
    corrected(region, row)
    Job.objects.unfinished().update(state=JobState.SUCCEEDED)
    late = start(region=region, user=None, wake=False)
    scan_pairs(scan=late, progress=SilentProgress())
    assert Scan.objects.get(pk=late.pk).state == ScanState.READY
    Correspondences.objects.filter(pk=row.pk).update(**stored("final_", shift_of(-8.0, 0.0, 0.01)))

    find_changes(scan=late, progress=SilentProgress())

    assert len(jobs(late)) == 1
