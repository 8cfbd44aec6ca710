"""Two blind answers on one proposal: when they agree, and who settles where they differ."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from annotation.common.errors import NotAllowedError
from annotation.correspondences import engine
from annotation.correspondences.card import adjudication_of_item, subject_of_item
from annotation.correspondences.decided import transforms_in_force
from annotation.correspondences.engine import corrections
from annotation.correspondences.errors import BadPointsError
from annotation.correspondences.models import ControlPoint, Correspondences, CorrespondencesState
from annotation.correspondences.services import batches
from annotation.review.errors import NotIndependentError, SettledError
from annotation.review.models import ItemState, QueueItem
from annotation.review.selectors import history
from annotation.review.services.lease import reclaim
from annotation.review.services.undo import undo
from annotation.tiles.engine import tile_address
from mlcore.geometry.transform import Transform, shift_of
from tests.factories import RegionFactory, UserFactory
from tests.factories_correspondences import (
    PROPOSED,
    CorrespondencesFactory,
    adjust,
    answer,
    make_batch,
    take,
)

pytestmark = pytest.mark.django_db
TRUTH = Transform("similarity", np.array([1.01, 0.02, 3.0, -2.0]), np.zeros((4, 4)))
AGREE_M = 0.75


@pytest.fixture
def region():
    return RegionFactory(open_to_all=True)


@pytest.fixture
def row(region):
    return CorrespondencesFactory(pair__region=region)


def px_for(row: Correspondences, metres: float) -> float:
    """So many pixels of the row's tile are these metres on the ground."""
    return metres / tile_address(row.pair.tile).resolution_m()


def take_back(user, verdict):
    return undo(user=user, item_id=verdict.item_id, version=verdict.item_version, idempotency_key=uuid.uuid4())


def test_the_second_answer_comes_from_somebody_else_who_does_not_see_the_first(region, row):
    ana, ben = UserFactory.create_batch(2)
    batch = make_batch(region, second_share=1.0)
    first = take(ana, batch)
    adjust(ana, first, TRUTH)
    row.refresh_from_db()
    assert row.state == CorrespondencesState.PROPOSED
    assert not ControlPoint.objects.filter(corrected=True).exists()
    assert transforms_in_force(region) == {}
    second = QueueItem.objects.get(batch=batch, state=ItemState.OPEN)
    with pytest.raises(NotIndependentError):
        reclaim(user=ana, item_id=second.pk)
    with pytest.raises(NotAllowedError, match="second answer"):
        history(ben, QueueItem.objects.get(pk=first.pk))
    seen = subject_of_item(take(ben, batch))
    assert seen["transform"]["parameters"] == [2.0, -1.0]
    assert not {"matcher", "matcher_digest", "state", "answers"} & set(seen)


@pytest.mark.parametrize(("apart_m", "state"), [(0.9 * AGREE_M, "corrected"), (1.1 * AGREE_M, "proposed")])
def test_two_agree_where_the_corners_lie_as_near_as_the_settings_ask(region, row, apart_m, state):
    """Accepting is saying that the proposal is right; the one that set points by hand counts."""
    ana, ben = UserFactory.create_batch(2)
    batch = make_batch(region, second_share=1.0)
    answer(ana, take(ana, batch))
    adjust(ben, take(ben, batch), shift_of(2.0 + px_for(row, apart_m), -1.0))
    row.refresh_from_db()
    assert row.state == state
    assert QueueItem.objects.filter(stage="correspondence-adjudication").exists() == (state == "proposed")


def test_a_saved_answer_stays_one_when_less_is_thought_sane_later(region, row, monkeypatch):
    ana, ben = UserFactory.create_batch(2)
    batch = make_batch(region, second_share=1.0)
    adjust(ana, take(ana, batch), PROPOSED)
    monkeypatch.setattr(corrections, "not_sane", lambda *args: "the best fit is no good")
    item = take(ben, batch)
    with pytest.raises(BadPointsError, match="no good: look for a pair"):
        adjust(ben, item, PROPOSED)
    answer(ben, item)
    row.refresh_from_db()
    assert row.state == CorrespondencesState.CORRECTED


@pytest.mark.parametrize(("allowed_m", "state"), [(0.2, "proposed"), (2.0, "corrected")])
def test_how_near_is_a_setting(settings, region, row, allowed_m, state):
    settings.CORRESPONDENCES_AGREE_M = allowed_m
    ana, ben = UserFactory.create_batch(2)
    batch = make_batch(region, second_share=1.0)
    for person, metres in ((ana, 0.0), (ben, 1.0)):
        adjust(person, take(person, batch), shift_of(0.0, px_for(row, metres)))
    row.refresh_from_db()
    assert row.state == state


@pytest.mark.parametrize(
    ("first", "second", "state", "asked"),
    [
        ("accept", "accept", "verified", False),
        ("reject", "reject", "rejected", False),
        ("cant_tell", "cant_tell", "proposed", False),
        ("accept", "reject", "proposed", True),
        ("reject", "cant_tell", "proposed", True),
        ("accept", "cant_tell", "proposed", True),
    ],
)
def test_what_two_answers_come_to(region, row, first, second, state, asked):
    ana, ben = UserFactory.create_batch(2)
    batch = make_batch(region, second_share=1.0)
    answer(ana, take(ana, batch), first)
    answer(ben, take(ben, batch), second)
    row.refresh_from_db()
    assert row.state == state
    assert QueueItem.objects.filter(stage="correspondence-adjudication").exists() == asked


def disagreement(region, row):
    ana, ben = UserFactory.create_batch(2)
    batch = make_batch(region, second_share=1.0)
    verdicts = [answer(ana, take(ana, batch)), adjust(ben, take(ben, batch), shift_of(2.0, -1.0 + px_for(row, 4.0)))]
    return batch, ana, ben, verdicts


def test_where_two_differ_a_third_person_sees_both_and_how_far_apart_they_are_and_decides(region, row):
    batch, ana, ben, _ = disagreement(region, row)
    for person in (ana, ben):
        assert take(person, batch, "correspondence-adjudication") is None
    cleo = UserFactory()
    item = take(cleo, batch, "correspondence-adjudication")
    seen = adjudication_of_item(item)
    assert seen["distance_m"] == pytest.approx(4.0)
    assert {one["decision"] for one in seen["answers"]} == {"accept", "adjust"}
    assert "reviewer" not in seen["answers"][0]
    adjust(cleo, item, TRUTH)
    row.refresh_from_db()
    assert row.state == CorrespondencesState.CORRECTED
    assert np.allclose(engine.said_transform(row).matrix, TRUTH.matrix)


def test_an_answer_taken_back_withdraws_an_open_settlement_and_a_settled_one_can_not_be_taken_back(region, row):
    batch, ana, ben, verdicts = disagreement(region, row)
    take_back(ben, verdicts[1])
    assert QueueItem.objects.get(stage="correspondence-adjudication").state == ItemState.WITHDRAWN
    answer(ben, QueueItem.objects.get(pk=verdicts[1].item_id), "reject")
    cleo = UserFactory()
    answer(cleo, take(cleo, batch, "correspondence-adjudication"), "reject")
    with pytest.raises(SettledError):
        take_back(ana, verdicts[0])
    row.refresh_from_db()
    assert row.state == CorrespondencesState.REJECTED


def test_of_a_closed_batch_the_one_answer_that_was_given_counts(region, row):
    ana, editor = UserFactory(), UserFactory(role="editor")
    batch = make_batch(region, second_share=1.0)
    answer(ana, take(ana, batch))
    batches.close(user=editor, region=region, batch_id=batch.pk)
    row.refresh_from_db()
    assert row.state == CorrespondencesState.VERIFIED


def shown_to(client, batch):
    """What a page of this person tells of the answers of a batch: its progress, and the statistics of the queue."""
    progress = client.get(f"/api/correspondence-batches/{batch.pk}/").json()["progress"]
    statistics = client.get("/api/review/correspondences/statistics/", {"region": batch.scope_id}).json()
    return progress, statistics


def test_no_count_tells_a_first_answer_before_the_second_is_given(region, client_of):
    CorrespondencesFactory.create_batch(2, pair__region=region)
    ana, ben = UserFactory.create_batch(2)
    batch = make_batch(region, second_share=1.0)
    first = answer(ana, take(ana, batch), "reject")
    progress, statistics = shown_to(client_of(ben), batch)
    assert (progress["decided"], progress["waiting"], progress["decisions"]) == (1, 1, {})
    assert (statistics["waiting"], statistics["decisions"]) == (1, {"open": 3})
    [person] = statistics["reviewers"]
    assert (person["decided"], person["waiting"], person["decisions"]) == (1, 1, {})

    second = answer(ben, claimed_twin(ben, first), "reject")
    answer(ana, take(ana, batch))
    progress, statistics = shown_to(client_of(ben), batch)
    assert (progress["decided"], progress["waiting"], progress["decisions"]) == (3, 1, {"reject": 2})
    assert (statistics["waiting"], statistics["decisions"]) == (1, {"open": 1, "reject": 2})
    assert {one["reviewer"]: one["decisions"] for one in statistics["reviewers"]} == {
        ana.username: {"reject": 1}, ben.username: {"reject": 1},
    }  # fmt: skip

    take_back(ben, second)
    progress, statistics = shown_to(client_of(UserFactory()), batch)
    assert (progress["waiting"], progress["decisions"]) == (2, {})
    assert (statistics["waiting"], statistics["decisions"]) == (2, {"open": 2})
    assert [one["decisions"] for one in statistics["reviewers"]] == [{}, {}]


def claimed_twin(user, verdict):
    first = QueueItem.objects.get(pk=verdict.item_id)
    twin = QueueItem.objects.get(batch=first.batch_id, subject_id=first.subject_id, state=ItemState.OPEN)
    return reclaim(user=user, item_id=twin.pk)


def test_what_is_answered_once_is_counted_at_once_and_a_closed_batch_hides_nothing(region, client_of):
    CorrespondencesFactory.create_batch(4, pair__region=region)
    ana, editor = UserFactory(), UserFactory(role="editor")
    batch = make_batch(region, second_share=0.5)
    while item := take(ana, batch):
        answer(ana, item)
    progress, statistics = shown_to(client_of(ana), batch)
    assert (progress["decided"], progress["waiting"], progress["decisions"]) == (4, 2, {"accept": 2})
    assert statistics["decisions"] == {"open": 2, "accept": 2}
    batches.close(user=editor, region=region, batch_id=batch.pk)
    progress, statistics = shown_to(client_of(ana), batch)
    assert (progress["waiting"], progress["decisions"]) == (0, {"accept": 4})
    assert (statistics["waiting"], statistics["decisions"]) == (0, {"accept": 4})
