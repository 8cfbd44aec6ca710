"""Batches: what is drawn, who gets it, what answers make of an anchor, and who settles where two differ."""

from __future__ import annotations

import pytest

from annotation.anchors.models import Anchor, AnchorState
from annotation.anchors.services import batches
from annotation.anchors.services.sampling import allocate
from annotation.common.errors import InvalidError, NotAllowedError
from annotation.review.batches import progress_of
from annotation.review.errors import NotIndependentError, SettledError
from annotation.review.models import Batch, ItemState, QueueItem
from annotation.review.selectors import history, queue_counts
from annotation.review.services import batch as batch_service
from annotation.review.services.batch import BatchWish
from annotation.review.services.lease import reclaim
from annotation.review.services.undo import undo
from tests.factories import PairFactory, RegionFactory, UserFactory
from tests.factories_anchors import (
    ATTRIBUTES_AS_PROPOSED,
    CORRECTED,
    SUMMARY,
    AnchorFactory,
    answer,
    make_batch,
    take,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def region():
    return RegionFactory(open_to_all=True)


def anchors(region, number, **fields):
    return AnchorFactory.create_batch(number, pair__region=region, **fields)


def drawn(batch: Batch) -> list[int]:
    items = QueueItem.objects.filter(batch=batch).order_by("-priority", "pk")
    return list(items.values_list("subject_id", flat=True))


def test_random_draws_the_number_asked_for_and_the_same_seed_draws_the_same(region):
    anchors(region, 12)
    first = make_batch(region, plan="random", number=5, seed=3)
    ids = drawn(first)
    assert len(set(ids)) == first.size == 5
    assert first.options == {"seed": 3, "number": 5}
    Batch.objects.all().delete()
    assert drawn(make_batch(region, plan="random", number=5, seed=3)) == ids
    assert drawn(make_batch(region, plan="random", number=500, seed=4)) != ids


def test_what_waits_in_one_batch_or_is_reviewed_is_not_drawn_again(region):
    one, two, *_ = anchors(region, 4)
    Anchor.objects.filter(pk=one.pk).update(state=AnchorState.ACCEPTED)
    first = make_batch(region, plan="random", number=2)
    second = make_batch(region)
    assert not set(drawn(first)) & set(drawn(second))
    assert one.pk not in drawn(first) + drawn(second)
    for plan in ({}, {"plan": "uncertain"}, {"generator": "geometric"}):
        with pytest.raises(InvalidError, match="every anchor that waits is in an open batch: review or close it first"):
            make_batch(region, **plan)
    with pytest.raises(InvalidError, match="nothing is left"):
        make_batch(region, generator="http")
    assert two.pk in drawn(first) + drawn(second)


def test_strata_come_in_proportion_and_none_is_left_out(region):
    dense, sparse = (
        {**ATTRIBUTES_AS_PROPOSED, "land_use": "industrial"},
        {**ATTRIBUTES_AS_PROPOSED, "land_use": "mixed"},
    )
    anchors(region, 8, attributes=dense)
    rare = {anchor.pk for anchor in anchors(region, 1, attributes=sparse)}
    batch = make_batch(region, plan="stratified", by="land_use", number=4)
    assert len(drawn(batch)) == 4
    assert len(rare & set(drawn(batch))) == 1


def test_shares_of_strata_add_up():
    assert allocate({"a": 90, "b": 9, "c": 1}, 10) == {"a": 8, "b": 1, "c": 1}
    assert allocate({"a": 3, "b": 2}, 9) == {"a": 3, "b": 2}
    assert sum(allocate({str(n): n + 1 for n in range(20)}, 7).values()) == 7


def test_most_uncertain_comes_first_where_generators_differ(region):
    same, other = PairFactory(region=region), PairFactory(region=region)
    for pair, second in ((same, ATTRIBUTES_AS_PROPOSED), (other, CORRECTED)):
        AnchorFactory(pair=pair)
        AnchorFactory(pair=pair, generator="http", model="qwen", attributes=second)
    batch = make_batch(region, plan="uncertain", number=2)
    assert {Anchor.objects.get(pk=pk).pair_id for pk in drawn(batch)} == {other.pk}


def test_uncertain_needs_two_voices(region):
    anchors(region, 2)
    with pytest.raises(InvalidError, match="two generators"):
        make_batch(region, plan="uncertain")


@pytest.mark.parametrize(
    ("decision", "state"),
    [("accept", "accepted"), ("correct", "corrected"), ("reject", "rejected"), ("cant_tell", "proposed"),
     ("image_offset", "proposed"), ("bad_imagery", "proposed")],
)  # fmt: skip
def test_an_answer_sets_the_anchors_state_and_undo_takes_it_back(region, decision, state):
    (anchor,) = anchors(region, 1)
    ana = UserFactory()
    batch = make_batch(region)
    verdict = answer(ana, take(ana, batch), decision)
    anchor.refresh_from_db()
    assert anchor.state == state
    assert anchor.attributes == ATTRIBUTES_AS_PROPOSED
    assert anchor.said_attributes == (CORRECTED if decision == "correct" else ATTRIBUTES_AS_PROPOSED)
    undo(user=ana, item_id=verdict.item_id, version=1, idempotency_key="6e0c5f3e-0d65-4b0e-9f4e-0b4f6f0f8a11")
    anchor.refresh_from_db()
    assert (anchor.state, anchor.final_attributes, anchor.final_summary) == ("proposed", None, "")
    assert verdict.item.verdicts.count() == 2


@pytest.mark.parametrize(
    "payload",
    [
        {"attributes": ATTRIBUTES_AS_PROPOSED, "summary": SUMMARY},
        {"attributes": {**CORRECTED, "roof_hint": "thatched"}, "summary": SUMMARY},
        {"attributes": {**CORRECTED, "colour": "red"}, "summary": SUMMARY},
        {"attributes": CORRECTED, "summary": "word " * 41},
        {"attributes": CORRECTED, "summary": ""},
        {"attributes": "all of them", "summary": SUMMARY},
        {"attributes": CORRECTED, "summary": SUMMARY, "state": "accepted"},
    ],
)
def test_a_correction_that_does_not_fit_the_schema_is_refused_and_nothing_is_saved(region, payload):
    (anchor,) = anchors(region, 1)
    ana = UserFactory()
    item = take(ana, make_batch(region))
    with pytest.raises(InvalidError):
        answer(ana, item, "correct", **payload)
    anchor.refresh_from_db()
    assert anchor.state == AnchorState.PROPOSED
    assert QueueItem.objects.get(pk=item.pk).state == ItemState.OPEN
    with pytest.raises(InvalidError, match="only a corrected anchor"):
        answer(ana, item, "accept", attributes=CORRECTED)


def test_the_second_answer_comes_from_somebody_else_who_does_not_see_the_first(region):
    anchors(region, 1)
    ana, ben = UserFactory.create_batch(2)
    batch = make_batch(region, second_share=1.0)
    first = take(ana, batch)
    answer(ana, first)
    assert take(ana, batch) is None
    counts = queue_counts(ana, "anchors", region.pk, batch.pk)
    assert (counts.open, counts.leased, counts.blocked) == (1, 0, 1)
    second = QueueItem.objects.get(batch=batch, state=ItemState.OPEN)
    with pytest.raises(NotIndependentError):
        reclaim(user=ana, item_id=second.pk)
    with pytest.raises(NotAllowedError, match="second answer"):
        history(ben, QueueItem.objects.get(pk=first.pk))
    assert take(ben, batch).pk == second.pk
    assert Anchor.objects.get().state == AnchorState.PROPOSED
    told = progress_of([batch], "anchors")[batch.pk]
    assert (told.open, told.decided, told.waiting, told.decisions) == (1, 1, 1, {})


def test_one_person_never_holds_both_items_of_a_subject(region):
    anchors(region, 2)
    ana = UserFactory()
    batch = make_batch(region, second_share=1.0)
    first = take(ana, batch)
    second = take(ana, batch, skip=[first.pk])
    assert first.subject_id != second.subject_id
    assert take(ana, batch, skip=[first.pk, second.pk]) is None


@pytest.mark.parametrize("first", ["accept", "correct"])
def test_a_third_person_decides_on_a_summary_that_one_alone_rewrote(region, first):
    (anchor,) = anchors(region, 1)
    ana, ben, cleo = UserFactory.create_batch(3)
    batch = make_batch(region, second_share=1.0)
    attributes = ATTRIBUTES_AS_PROPOSED if first == "accept" else CORRECTED
    answer(ana, take(ana, batch), first)
    answer(ben, take(ben, batch), "correct", attributes=attributes, summary="A row of houses.")
    anchor.refresh_from_db()
    assert (anchor.state, anchor.said_summary) == ("proposed", SUMMARY)
    answer(cleo, take(cleo, batch, "anchor-adjudication"), "accept")
    anchor.refresh_from_db()
    assert (anchor.state, anchor.said_summary) == ("accepted", SUMMARY)


def test_case_space_and_a_full_stop_in_the_summary_ask_nobody_and_the_corrected_one_stays(region):
    (anchor,) = anchors(region, 1)
    ana, ben = UserFactory.create_batch(2)
    batch = make_batch(region, second_share=1.0)
    tidied = f"  {SUMMARY.upper().replace(' ', '  ')[:-1]} "
    answer(ana, take(ana, batch))
    answer(ben, take(ben, batch), "correct", attributes=ATTRIBUTES_AS_PROPOSED, summary=tidied)
    anchor.refresh_from_db()
    assert (anchor.state, anchor.said_summary) == ("corrected", tidied)
    assert not QueueItem.objects.filter(stage="anchor-adjudication").exists()


def disagreement(region):
    (anchor,) = anchors(region, 1)
    ana, ben = UserFactory(username="ana"), UserFactory(username="ben")
    batch = make_batch(region, second_share=1.0)
    verdicts = [answer(ana, take(ana, batch)), answer(ben, take(ben, batch), "correct")]
    return anchor, batch, ana, ben, verdicts


def test_where_two_differ_a_third_person_decides(region):
    anchor, batch, ana, ben, _ = disagreement(region)
    anchor.refresh_from_db()
    assert anchor.state == AnchorState.PROPOSED
    assert take(ana, batch, "anchor-adjudication") is None
    assert take(ben, batch, "anchor-adjudication") is None
    cleo = UserFactory()
    answer(cleo, take(cleo, batch, "anchor-adjudication"), "correct")
    anchor.refresh_from_db()
    assert (anchor.state, anchor.final_attributes) == ("corrected", CORRECTED)


def test_an_admin_may_settle_although_they_answered(region):
    (anchor,) = anchors(region, 1)
    ada, ben = UserFactory(role="admin"), UserFactory()
    batch = make_batch(region, second_share=1.0)
    answer(ada, take(ada, batch))
    answer(ben, take(ben, batch), "reject", reason="mostly_wrong")
    answer(ada, take(ada, batch, "anchor-adjudication"), "reject", reason="mostly_wrong")
    anchor.refresh_from_db()
    assert anchor.state == AnchorState.REJECTED


def test_an_answer_taken_back_withdraws_an_open_settlement_and_a_settled_one_can_not_be_taken_back(region):
    anchor, batch, ana, ben, verdicts = disagreement(region)
    key = "6e0c5f3e-0d65-4b0e-9f4e-0b4f6f0f8a1"
    undo(user=ben, item_id=verdicts[1].item_id, version=1, idempotency_key=f"{key}1")
    assert QueueItem.objects.get(stage="anchor-adjudication").state == ItemState.WITHDRAWN
    answer(ben, QueueItem.objects.get(pk=verdicts[1].item_id), "reject")
    cleo = UserFactory()
    answer(cleo, take(cleo, batch, "anchor-adjudication"), "reject")
    with pytest.raises(SettledError):
        undo(user=ana, item_id=verdicts[0].item_id, version=1, idempotency_key=f"{key}2")
    anchor.refresh_from_db()
    assert anchor.state == AnchorState.REJECTED


def test_a_batch_for_some_is_not_for_others(region):
    anchors(region, 1)
    ana, ben, editor = UserFactory(), UserFactory(), UserFactory(role="editor")
    wish = BatchWish(name="Ours", open_to_all=False, people=[ana])
    plan = batches.sampling.Plan(plan="all", seed=1)
    batch = batches.start(user=editor, region=region, wish=wish, plan=plan)
    with pytest.raises(NotAllowedError, match="other people"):
        take(ben, batch)
    assert take(ana, batch) is not None
    with pytest.raises(InvalidError, match="name at least one"):
        batch_service.change(user=editor, batch=batch, people=[])


def test_second_answers_need_a_second_person(region):
    anchors(region, 2)
    ana, ben, editor = UserFactory(), UserFactory(), UserFactory(role="editor")
    plan = batches.sampling.Plan(plan="random", number=1, seed=1)

    def start(people, second_share=0.5):
        wish = BatchWish(name="Ours", second_share=second_share, open_to_all=False, people=people)
        return batches.start(user=editor, region=region, wish=wish, plan=plan)

    for people in ([ana], [ana, ana]):
        with pytest.raises(InvalidError, match="a second answer needs a second person: name at least two"):
            start(people)
    assert start([ana], second_share=0.0).size == 1
    batch = start([ana, ben])
    for changed in ({"people": [ben]}, {"people": [], "open_to_all": False}):
        with pytest.raises(InvalidError, match=r"second person|name at least one"):
            batch_service.change(user=editor, batch=batch, **changed)
    assert batch_service.change(user=editor, batch=batch, people=[ben], open_to_all=True).open_to_all
    with pytest.raises(InvalidError, match="second person"):
        batch_service.change(user=editor, batch=batch, open_to_all=False)
    Batch.objects.filter(pk=batch.pk).update(open_to_all=False)
    assert batch_service.change(user=editor, batch=batch, name="Kept as it was").name == "Kept as it was"


def test_a_deleted_region_takes_its_batches_and_items_along(region):
    anchors(region, 2)
    ana = UserFactory()
    answer(ana, take(ana, make_batch(region)))
    region.delete()
    assert not QueueItem.objects.exists()
    assert not Batch.objects.exists()
