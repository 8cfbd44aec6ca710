"""What answers come to is one rule: the kappa of a report, its counts and the card of the batch never contradict."""

from __future__ import annotations

from collections import Counter

import pytest

from annotation.anchors.answers import batch_answers
from annotation.anchors.models import Anchor
from annotation.anchors.outcomes import outcomes_of
from annotation.anchors.overview import described
from annotation.anchors.reports.figures import report
from annotation.anchors.services import batches
from annotation.review.models import QueueItem
from tests.factories import RegionFactory, UserFactory
from tests.factories_anchors import ATTRIBUTES_AS_PROPOSED, CORRECTED, SUMMARY, AnchorFactory, answer, make_batch, take

pytestmark = pytest.mark.django_db

OTHERWISE = {**ATTRIBUTES_AS_PROPOSED, "land_use": "industrial"}
ACCEPT, REJECT, CANT_TELL = ("accept", {}), ("reject", {}), ("cant_tell", {})
ROOF, LAND = ("correct", {"attributes": CORRECTED}), ("correct", {"attributes": OTHERWISE})
SUMMARY_ALONE = ("correct", {"attributes": ATTRIBUTES_AS_PROPOSED, "summary": "A row of houses."})
TIDIED = ("correct", {"attributes": ATTRIBUTES_AS_PROPOSED, "summary": SUMMARY.rstrip(".").lower()})
ANSWERS = (ACCEPT, REJECT, CANT_TELL, ROOF, LAND, SUMMARY_ALONE, TIDIED)


@pytest.fixture
def region():
    return RegionFactory(open_to_all=True)


def answer_twice(region, pairs):
    """A batch whose anchors get these pairs of answers."""
    AnchorFactory.create_batch(len(pairs), pair__region=region)
    ana, ben = UserFactory.create_batch(2)
    batch = make_batch(region, second_share=1.0)
    for first, second in pairs:
        for person, (decision, words) in ((ana, first), (ben, second)):
            answer(person, take(person, batch), decision, **words)
    return batch


def card_and_report(batch):
    """Inspected, accepted and answered as the card of the batch says, and as its report does."""
    (card,) = described([batch], UserFactory(role="admin"))
    found = report(batch_answers(batch.pk))
    return (
        (card.inspected, card.acceptance.hits, card.acceptance.of),
        (found["inspected"], found["acceptance"]["hits"], found["acceptance"]["of"]),
    )


@pytest.mark.parametrize(
    ("pair", "same"),
    [
        ((ROOF, ROOF), True), ((ROOF, LAND), False), ((SUMMARY_ALONE, ACCEPT), False), ((SUMMARY_ALONE, ROOF), False),
        ((SUMMARY_ALONE, SUMMARY_ALONE), True), ((TIDIED, ACCEPT), True), ((ACCEPT, REJECT), False),
        ((CANT_TELL, CANT_TELL), True),
    ],
)  # fmt: skip
def test_kappa_takes_for_the_same_what_the_count_does_and_what_asks_no_third_person(region, pair, same):
    others = [(ACCEPT, ACCEPT), (REJECT, REJECT)]
    batch = answer_twice(region, [pair, *others])
    found = report(batch_answers(batch.pk))["agreement"]
    assert (found["subjects"], found["disagreements"], found["same"]["hits"]) == (3, 1 - same, 2 + same)
    assert QueueItem.objects.filter(stage="anchor-adjudication").exists() != same
    for figure in (found["kappa"], found["alpha"]):
        assert (figure == pytest.approx(1)) == same


def test_two_corrections_of_different_things_are_no_agreement_beyond_chance(region):
    found = report(batch_answers(answer_twice(region, [(ROOF, LAND), (LAND, ROOF)]).pk))["agreement"]
    assert (found["same"]["hits"], found["kappa"]) == (0, pytest.approx(-1))
    assert found["alpha"] == pytest.approx(-0.5)


def test_a_card_keeps_its_figures_when_another_batch_settles_the_same_anchor(region):
    AnchorFactory.create_batch(4, pair__region=region)
    ana = UserFactory()
    first = make_batch(region)
    for decision in ("accept", "accept", "reject", "cant_tell"):
        answer(ana, take(ana, first), decision)
    assert card_and_report(first) == ((4, 2, 3), (4, 2, 3))
    second = make_batch(region)
    answer(ana, take(ana, second), "accept")
    assert card_and_report(first) == ((4, 2, 3), (4, 2, 3))
    assert card_and_report(second) == ((1, 1, 1), (1, 1, 1))
    Anchor.objects.update(state="rejected")
    assert card_and_report(first) == ((4, 2, 3), (4, 2, 3))


def test_card_and_report_agree_whatever_two_people_say_settled_or_not_and_after_closing(region):
    batch = answer_twice(region, [(first, second) for first in ANSWERS for second in ANSWERS])
    card, told = card_and_report(batch)
    assert card == told == (9, 1, 8)
    cleo = UserFactory()
    for decision in ("accept", "reject", "correct", "cant_tell"):
        answer(cleo, take(cleo, batch, "anchor-adjudication"), decision)
    card, told = card_and_report(batch)
    assert card == told == (13, 2, 11)
    AnchorFactory(pair__region=region)
    other = make_batch(region, second_share=1.0)
    answer(cleo, take(cleo, other))
    assert card_and_report(other) == ((0, 0, 0), (0, 0, 0))
    QueueItem.objects.filter(stage="anchor-adjudication", state="open").delete()
    card, told = card_and_report(batch)
    assert card == told == (13, 2, 11)
    for one in (batch, other):
        batches.close(user=UserFactory(role="editor"), region=region, batch_id=one.pk)
    card, told = card_and_report(batch)
    assert card == told == (13, 2, 11)
    assert card_and_report(other) == ((1, 1, 1), (1, 1, 1))


def test_many_batches_are_counted_by_two_queries(region, django_assert_num_queries):
    made = [answer_twice(region, [(ROOF, ROOF), (ACCEPT, REJECT), (ACCEPT, TIDIED)]) for _ in range(3)]
    with django_assert_num_queries(2):
        found = outcomes_of([batch.pk for batch in made])
    assert found == {batch.pk: Counter(correct=2) for batch in made}
