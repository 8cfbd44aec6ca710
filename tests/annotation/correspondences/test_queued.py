"""Which proposals wait in an open batch stands on them, so that a draw never comes by those that do."""

from __future__ import annotations

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from annotation.correspondences.models import Correspondences, CorrespondencesReview
from annotation.correspondences.services import batches
from annotation.review.models import QueueItem
from annotation.review.services.undo import undo
from mlcore.geometry.transform import shift_of
from tests.factories import RegionFactory, UserFactory
from tests.factories_correspondences import CorrespondencesFactory, adjust, answer, make_batch, take

pytestmark = pytest.mark.django_db
SETTLING = "correspondence-adjudication"


@pytest.fixture
def region():
    return RegionFactory(open_to_all=True)


def check_queued(region) -> list[bool]:
    """`queued` of every proposal, in order, after holding it against the items."""
    rows = list(Correspondences.objects.filter(region=region).order_by("pk"))
    open_now = set(
        CorrespondencesReview.objects.filter(item__state="open").values_list("correspondences_id", flat=True)
    )
    assert [row.queued for row in rows] == [row.pk in open_now for row in rows]
    return [row.queued for row in rows]


def take_back(user, verdict):
    return undo(user=user, item_id=verdict.item_id, version=verdict.item_version, idempotency_key=uuid.uuid4())


def test_a_proposal_is_queued_from_the_draw_to_the_answer_and_again_once_that_is_taken_back(region):
    CorrespondencesFactory.create_batch(3, pair__region=region)
    assert check_queued(region) == [False, False, False]
    batch, person = make_batch(region, plan="random", number=2), UserFactory()
    assert sum(check_queued(region)) == 2
    verdict = answer(person, take(person, batch))
    assert sum(check_queued(region)) == 1
    take_back(person, verdict)
    assert sum(check_queued(region)) == 2
    batches.close(user=UserFactory(role="editor"), region=region, batch_id=batch.pk)
    assert check_queued(region) == [False, False, False]


def test_a_proposal_stays_queued_until_its_last_answer_is_there(region):
    CorrespondencesFactory(pair__region=region)
    batch, people = make_batch(region, second_share=1.0), UserFactory.create_batch(3)
    answer(people[0], take(people[0], batch))
    assert check_queued(region) == [True]
    adjust(people[1], take(people[1], batch), shift_of(30.0, 0.0, 0.01))
    assert check_queued(region) == [True], "a third person is asked"
    answer(people[2], take(people[2], batch, SETTLING))
    assert check_queued(region) == [False]


def test_a_proposal_of_two_open_batches_waits_in_the_other_one_when_one_is_closed(region):
    CorrespondencesFactory(pair__region=region)
    person, editor = UserFactory(), UserFactory(role="editor")
    first = make_batch(region)
    verdict = answer(person, take(person, first), "cant_tell", reason="blurred")
    second = make_batch(region)
    take_back(person, verdict)
    assert QueueItem.objects.filter(state="open").count() == 2
    batches.close(user=editor, region=region, batch_id=first.pk)
    assert check_queued(region) == [True]
    batches.close(user=editor, region=region, batch_id=second.pk)
    assert check_queued(region) == [False]


def test_the_most_uncertain_are_drawn_across_matchers_and_kinds_and_what_nothing_fits_comes_last(region):
    def row(nfa, **about):
        return CorrespondencesFactory(pair__region=region, log10_nfa=nfa, **about).pk

    third = row(-4.0, matcher="orb")
    first = row(-3.0, transform_kind="affine", transform_parameters=[0] * 6, transform_covariance=[[0] * 6] * 6)
    refused, second = row(-1.0, no_match=True), row(-3.5)
    hopeless, last = row(None, no_match=True, matcher="orb"), row(-9.0, matcher="structure")

    def drawn(**plan):
        plan = batches.Plan(plan="uncertain", seed=1, **plan)
        return batches._draw(region, plan)

    assert drawn() == [first, second, third, last]
    assert drawn(number=2) == [first, second]
    assert drawn(no_match=True) == [refused, first, second, third, last, hopeless]
    assert drawn(matcher="orb", no_match=True) == [third, hopeless]


def test_a_draw_of_the_most_uncertain_reads_nothing_that_it_does_not_take(region):
    """Neither what waits in a batch, nor what found no match, nor what another matcher proposed lies on its way."""
    for nfa in range(-9, -3):
        CorrespondencesFactory(pair__region=region, log10_nfa=nfa)
        CorrespondencesFactory(pair__region=region, log10_nfa=-1.0, no_match=True)
        CorrespondencesFactory(pair__region=region, log10_nfa=-2.0, matcher="orb")
    make_batch(region, plan="uncertain", matcher="sift", number=2)
    wanted = batches.Plan(plan="uncertain", matcher="sift", number=3, seed=1)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for name in ("correspondences_list", "correspondences_by_state"):  # of a few rows all indexes cost the same
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    with CaptureQueriesContext(connection) as asked:
        assert len(batches._draw(region, wanted)) == 3
    with connection.cursor() as cursor:
        for query in [one["sql"] for one in asked.captured_queries if one["sql"].startswith("SELECT")]:
            cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF) {query}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            read = max((int(rows) for rows in re.findall(r"actual rows=(\d+)", plan)), default=0)
            assert read <= 3 and "Removed by Filter" not in plan and "correspondences_waiting" in plan, plan
