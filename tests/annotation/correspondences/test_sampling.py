"""Draws at random: fair, repeatable, and as costly as what is drawn."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.correspondences.models import Correspondences
from annotation.correspondences.services import batches, sampling
from annotation.correspondences.services.sampling import sample
from tests.factories import RegionFactory
from tests.factories_correspondences import CorrespondencesFactory, make_batch

pytestmark = pytest.mark.django_db


def many(region, number):
    """So many proposals of one pair, told apart by their digests; the first of them has points."""
    first = CorrespondencesFactory(pair__region=region)
    fields = {one.attname: getattr(first, one.attname) for one in Correspondences._meta.fields if one.name != "id"}
    rows = [Correspondences(**{**fields, "matcher_digest": f"{n:064x}"}) for n in range(1, number)]
    return [first.pk, *(row.pk for row in Correspondences.objects.bulk_create(rows))]


@pytest.fixture
def region():
    return RegionFactory()


def test_the_same_seed_draws_the_same_and_another_seed_others(region):
    many(region, 400)
    rows = batches.waiting(region)
    drawn = [sample(rows, 20, random.Random(seed)) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(len(set(one)) == 20 for one in drawn)


def test_a_draw_reads_what_it_draws_and_not_what_there_is(region, django_assert_max_num_queries):
    ids = many(region, 2000)
    with django_assert_max_num_queries(6):
        drawn = sample(batches.waiting(region), 10, random.Random(3))
    assert set(drawn) <= set(ids) and len(set(drawn)) == 10


def test_every_row_is_as_likely_as_any_other(region):
    """Rows with a gap of other ids between them; 400 draws of 3 from 12 take each about 100 times (sd 9)."""
    first = many(region, 6)
    CorrespondencesFactory.create_batch(9)
    second = many(region, 6)
    rows = Correspondences.objects.filter(region=region)
    rng = random.Random(5)
    taken = Counter(pk for _ in range(400) for pk in sample(rows, 3, rng))
    assert set(taken) == {*first, *second}
    assert all(abs(count - 100) < 45 for count in taken.values())


def test_where_few_of_many_ids_are_wanted_all_of_them_are_found(region):
    ids = many(region, 300)
    wanted = [ids[3], ids[250]]
    Correspondences.objects.exclude(pk__in=wanted).update(state="rejected")
    assert sorted(sample(batches.waiting(region), 50, random.Random(1))) == wanted
    Correspondences.objects.update(state="rejected")
    assert sample(batches.waiting(region), 50, random.Random(1)) == []


def spread_out(region, number, step):
    """So many proposals, each so many ids after the one before."""
    first = CorrespondencesFactory(pair__region=region)
    fields = {one.attname: getattr(first, one.attname) for one in Correspondences._meta.fields if one.name != "id"}
    rows = [
        Correspondences(**{**fields, "id": first.pk + step * n, "matcher_digest": f"{n}"}) for n in range(1, number)
    ]
    return [first.pk, *(row.pk for row in Correspondences.objects.bulk_create(rows))]


@pytest.mark.parametrize(("step", "number"), [(1, 10**7), (10, 10**7), (10, 1950), (45, 500)])
def test_no_more_ids_are_tried_than_it_costs_to_read_all_of_them(region, monkeypatch, step, number):
    monkeypatch.setattr(sampling, "AT_ONCE", 100)
    ids = spread_out(region, 2000, step)
    with CaptureQueriesContext(connection) as asked:
        drawn = sample(batches.waiting(region), number, random.Random(3))
    assert len(asked) <= 8
    assert len(set(drawn)) == len(drawn) == min(number, 2000) and set(drawn) <= set(ids)


def test_few_rows_of_many_ids_are_drawn_without_reading_all(region):
    spread_out(region, 2000, 100)
    with CaptureQueriesContext(connection) as asked:
        assert len(set(sample(batches.waiting(region), 3, random.Random(4)))) == 3
    assert all("LIMIT 1" in one["sql"] or " IN (" in one["sql"] for one in asked)


def test_a_batch_at_random_holds_as_many_as_were_asked_for_and_the_next_one_others(region):
    many(region, 30)
    first = make_batch(region, plan="random", number=20)
    second = make_batch(region, plan="random", number=20)
    assert (first.size, second.size) == (20, 10)
    drawn = [set(batch.items.values_list("subject_id", flat=True)) for batch in (first, second)]
    assert not drawn[0] & drawn[1]
