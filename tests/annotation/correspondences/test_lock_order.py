"""Who stores on several pairs at once locks them in one order, whatever plan the database finds for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction

from annotation.correspondences.engine import Proposal
from annotation.correspondences.models import Correspondences
from annotation.correspondences.services import propose
from annotation.tiles.models import TilePair
from annotation.tiles.services.lock import locked_pairs
from tests.factories import PairFactory, RegionFactory
from tests.factories_correspondences import CorrespondencesFactory
from tests.waiting import SECONDS, until_somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)


def stored(pairs: list[TilePair]) -> int:
    """Store a proposal for each pair, as a job does, where reading the table is the plan."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SET enable_indexscan = off; SET enable_bitmapscan = off")
        rows = [CorrespondencesFactory.build(no_match=True, pair=pair, region=pair.tile.region) for pair in pairs]
        return len(propose._store([Proposal(row, []) for row in rows]))
    finally:
        connection.close()


def test_a_job_that_stores_proposals_and_a_re_scoring_never_wait_for_each_other_in_a_circle():
    region = RegionFactory()
    pairs = PairFactory.create_batch(3, region=region)
    first, second, third = sorted(pairs, key=lambda pair: pair.pk)
    TilePair.objects.filter(pk=first.pk).update(valid_share=0.9)  # it lies last in the table from now on
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            assert locked_pairs([first.pk]) == {first.pk}
            storing = pool.submit(stored, pairs)
            until_somebody_waits()
            assert locked_pairs([second.pk, third.pk]) == {second.pk, third.pk}
        assert storing.result(timeout=SECONDS) == 3
    assert Correspondences.objects.filter(region=region).count() == 3
