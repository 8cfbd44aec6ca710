"""Which tiles people say otherwise of, and that no more is read of a region than of the tiles that are asked for."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.consistency.engine import offset_of_region
from annotation.consistency.engine_rescore import changed_tiles
from annotation.consistency.models import TileScore
from annotation.consistency.selectors import latest_scan, overtaken
from annotation.consistency.services.rescore import mark_outdated
from annotation.correspondences.decided import known_of, pairs_in_force
from annotation.tiles.engine import tile_address
from annotation.tiles.models import TilePair
from tests.factories import ORIGIN, PairFactory, TileFactory
from tests.factories_changes import ScanFactory
from tests.factories_correspondences import CorrespondencesFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    """A scan of ten tiles, each with a transform that the gate stands by and that the scan knew nothing of."""
    scan = ScanFactory()
    for column in range(1, 11):
        tile = TileFactory(region=scan.region, x=ORIGIN.x + column, y=ORIGIN.y)
        pair = PairFactory(region=scan.region, tile=tile, imagery=scan.imagery, snapshot=scan.snapshot)
        CorrespondencesFactory(pair=pair, state="verified", passed_gate=True)
        CorrespondencesFactory(pair=pair, matcher="orb")
        TileScore.objects.create(
            scan=scan, pair=pair, disc=0, proto=0, final=0, difference=0, probability=0.5, shift_origin="none"
        )
    return scan


def tiles(scan):
    pairs = TilePair.objects.filter(correspondences__isnull=False, imagery=scan.imagery).distinct()
    return sorted(tile_address(pair.tile) for pair in pairs.select_related("tile"))


def test_of_the_tiles_that_are_asked_for_alone_rows_are_read(scan):
    every = tiles(scan)
    few = [every[2], every[7], tile_address(TileFactory(region=scan.region, x=ORIGIN.x, y=ORIGIN.y + 9))]
    assert changed_tiles(scan) == every
    assert changed_tiles(scan, on=few) == [every[2], every[7]]
    known = known_of(scan.imagery, scan.snapshot, on=few)
    assert set(known.verified) == set(known.matched) == {every[2], every[7]}
    assert len(known_of(scan.imagery, scan.snapshot).verified) == len(every) == 10
    assert len(pairs_in_force(scan.imagery, scan.snapshot, few)) == 2
    assert changed_tiles(scan, on=[]) == []


def test_scores_are_marked_by_their_tiles_in_this_scan_alone(scan):
    every, other = tiles(scan), ScanFactory(model=scan.model, imagery=scan.imagery, snapshot=scan.snapshot)
    again = TileScore.objects.first()
    again.pk, again.scan = None, other
    again.save()
    assert mark_outdated(scan, every[:3]) == 3
    assert mark_outdated(scan, []) == 0
    marked = TileScore.objects.filter(outdated=True).values_list("scan", "pair__tile__x")
    assert sorted(marked) == [(scan.pk, tile.x) for tile in every[:3]]


def test_the_newest_scan_is_found_without_counting_its_tiles(scan):
    with CaptureQueriesContext(connection) as asked:
        assert latest_scan(scan.region_id) == scan
        assert offset_of_region(scan.region_id) is None
        assert not overtaken(scan)
    assert not [one for one in asked if "tilescore" in one["sql"]]
    scan.offset_east_m, scan.offset_north_m, scan.offset_confidence, scan.offset_tiles = 9.0, 0.0, 0.9, 9
    scan.save()
    told = offset_of_region(scan.region_id)
    assert (told["tiles"], told["of"], told["metres"]) == (9, 10, 9.0)
    newer = ScanFactory(model=scan.model, imagery=scan.imagery, snapshot=scan.snapshot)
    assert (latest_scan(scan.region_id), overtaken(scan), overtaken(newer)) == (newer, True, False)
