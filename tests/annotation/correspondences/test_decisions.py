"""Decisions on correspondences: what they make of a proposal, and which transforms hold."""

from __future__ import annotations

import uuid

import numpy as np
import pytest

from annotation.common.errors import InvalidError
from annotation.correspondences.card import subject_of_item
from annotation.correspondences.decided import transforms_in_force
from annotation.correspondences.errors import NoTransformError
from annotation.correspondences.models import ControlPoint, Correspondences, CorrespondencesState
from annotation.correspondences.services import batches
from annotation.review.models import Batch, ItemState, QueueItem
from annotation.review.services.undo import undo
from annotation.sources.errors import InUseError
from annotation.sources.services.removal import delete_source
from annotation.tiles.engine import tile_address
from mlcore.geometry.transform import Transform, shift_of
from tests.factories import ImageryFactory, PairFactory, RegionFactory, UserFactory
from tests.factories_correspondences import (
    PLACES,
    PROPOSED,
    CorrespondencesFactory,
    adjust,
    answer,
    make_batch,
    points_by,
    take,
)

pytestmark = pytest.mark.django_db
TRUTH = Transform("similarity", np.array([1.01, 0.02, 3.0, -2.0]), np.zeros((4, 4)))


@pytest.fixture
def region():
    return RegionFactory(open_to_all=True)


@pytest.fixture
def row(region):
    return CorrespondencesFactory(pair__region=region)


def take_back(user, verdict):
    return undo(user=user, item_id=verdict.item_id, version=verdict.item_version, idempotency_key=uuid.uuid4())


@pytest.mark.parametrize(
    ("decision", "reason", "state"),
    [("accept", "", "verified"), ("reject", "another_place", "rejected"), ("cant_tell", "blurred", "proposed")],
)
def test_an_answer_sets_the_state_and_undo_takes_it_back(region, row, decision, reason, state):
    ana = UserFactory()
    verdict = answer(ana, take(ana, make_batch(region)), decision, reason=reason)
    row.refresh_from_db()
    assert (row.state, row.final_kind) == (state, "")
    assert list(transforms_in_force(region)) == ([tile_address(row.pair.tile)] if decision == "accept" else [])
    take_back(ana, verdict)
    row.refresh_from_db()
    assert row.state == CorrespondencesState.PROPOSED


def test_adjusted_points_are_fitted_again_and_kept_beside_the_proposal(region, row):
    ana = UserFactory()
    verdict = adjust(ana, take(ana, make_batch(region)), TRUTH, checks=[5])
    row.refresh_from_db()
    assert (row.state, row.final_kind, row.transform_kind) == ("corrected", "similarity", "shift")
    assert np.allclose(row.final_parameters, TRUTH.parameters, atol=1e-9)
    assert row.final_fit_rmse_m == pytest.approx(0, abs=1e-9)
    assert row.final_check_rmse_m == pytest.approx(0, abs=1e-9)
    corrected = row.points.filter(corrected=True).order_by("number")
    assert [(p.origin, p.role, p.confidence) for p in corrected] == [
        ("manual", "check" if number == 5 else "fit", None) for number in range(1, 7)
    ]
    assert row.points.filter(corrected=False, origin="auto").count() == len(PLACES)
    (held,) = transforms_in_force(region).values()
    assert np.allclose(held.matrix, TRUTH.matrix)
    take_back(ana, verdict)
    row.refresh_from_db()
    assert (row.state, row.final_kind, row.final_parameters, row.final_fit_rmse_m) == ("proposed", "", None, None)
    assert not row.points.filter(corrected=True).exists()


def test_points_that_nobody_moved_stay_the_matchers_and_disabled_ones_are_not_fitted(region, row):
    ana = UserFactory()
    given = points_by(PROPOSED)
    given[0] |= {"image_xy": [90.0, 90.0], "enabled": False}
    given[1]["role"] = "check"
    answer(ana, take(ana, make_batch(region)), "adjust", transform="shift", points=given)
    row.refresh_from_db()
    assert np.allclose(row.final_parameters, [2.0, -1.0])
    assert row.final_fit_rmse_m == row.final_check_rmse_m == pytest.approx(0, abs=1e-9)
    points = {point.number: point for point in row.points.filter(corrected=True)}
    assert (points[1].origin, points[1].enabled, points[1].confidence) == ("manual", False, None)
    assert (points[2].origin, points[2].role, points[2].confidence) == ("auto", "check", 0.9)


def test_both_errors_are_those_of_the_points_known_to_be_off(region, row):
    """Fit points that are off by +-1 px leave the shift as it is; a check point is off by 3 px."""
    ana = UserFactory()
    places = [(50.0, 50.0), (200.0, 200.0), (60.0, 180.0)]
    given = points_by(shift_of(4.0, 0.0), places=places, checks=[3])
    given[0]["image_xy"][1] += 1
    given[1]["image_xy"][1] -= 1
    given[2]["image_xy"][0] += 3
    answer(ana, take(ana, make_batch(region)), "adjust", transform="shift", points=given)
    row.refresh_from_db()
    metres = tile_address(row.pair.tile).resolution_m()
    assert np.allclose(row.final_parameters, [4.0, 0.0])
    assert row.final_fit_rmse_m == pytest.approx(metres)
    assert row.final_check_rmse_m == pytest.approx(3 * metres)


def test_a_pair_without_a_match_is_drawn_when_asked_for_and_gets_its_points_by_hand(region):
    row = CorrespondencesFactory(pair__region=region, no_match=True)
    with pytest.raises(InvalidError, match="nothing is left"):
        make_batch(region)
    ana = UserFactory()
    item = take(ana, make_batch(region, no_match=True))
    assert subject_of_item(item)["transform"] is None and subject_of_item(item)["points"] == []
    with pytest.raises(NoTransformError, match="set points and adjust it, or reject it"):
        answer(ana, item)
    adjust(ana, item, shift_of(1, 1))
    row.refresh_from_db()
    assert row.state == CorrespondencesState.CORRECTED
    assert set(transforms_in_force(region)) == {tile_address(row.pair.tile)}


def bad(number=1, **changed):
    return [point | (changed if point["number"] == number else {}) for point in points_by(TRUTH)]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ({}, "no transform 'None'; use one of shift"),
        ({"transform": "spline", "points": bad()}, "no transform 'spline'"),
        ({"transform": "shift"}, "give 1 to 400 points"),
        ({"transform": "shift", "points": []}, "give 1 to 400 points"),
        ({"transform": "shift", "points": points_by(TRUTH) * 70}, "give 1 to 400 points"),
        ({"transform": "shift", "points": points_by(TRUTH) * 2}, "two points have the same number"),
        ({"transform": "shift", "points": bad(), "state": "verified"}, "unknown keys in the payload: state"),
        ({"transform": "shift", "points": [1]}, "point 1 must have exactly the keys"),
        ({"transform": "shift", "points": bad(colour="red")}, "point 1 must have exactly the keys"),
        ({"transform": "shift", "points": [*bad(number=2), {}]}, "point 7 must have exactly the keys"),
        ({"transform": "shift", "points": [points_by(TRUTH)[0] | {"number": 0}]}, "a number in 1..9999"),
        ({"transform": "shift", "points": [points_by(TRUTH)[0] | {"number": True}]}, "a number in 1..9999"),
        ({"transform": "shift", "points": bad(role="pin")}, "role is fit or check"),
        ({"transform": "shift", "points": bad(enabled="yes")}, "enabled is true or false"),
        ({"transform": "shift", "points": bad(map_xy=[1])}, "on it or on a neighbour"),
        ({"transform": "shift", "points": bad(map_xy=[1, 10**400])}, "on it or on a neighbour"),
        ({"transform": "shift", "points": bad(image_xy=[-300, 1])}, "on it or on a neighbour"),
        ({"transform": "shift", "points": points_by(TRUTH, enabled=False)}, "needs 1 pairs of points or more"),
        ({"transform": "affine", "points": points_by(TRUTH)[:3]}, "just determine a affine: add a pair"),
        ({"transform": "affine", "points": points_by(TRUTH, places=[(n, n) for n in range(9)])}, "on one line"),
        (
            {"transform": "affine", "points": points_by(Transform("affine", np.array([-1, 0, 256, 0, 1, 0.0]),
             np.zeros((6, 6))))},
            "mirrors the map: look for a pair",
        ),
    ],
)  # fmt: skip
def test_points_that_make_no_transform_are_refused_with_the_remedy_and_nothing_is_saved(region, row, payload, why):
    ana = UserFactory()
    item = take(ana, make_batch(region))
    with pytest.raises(InvalidError, match=why) as refused:
        answer(ana, item, "adjust", **payload)
    assert refused.value.code == "bad_points"
    row.refresh_from_db()
    assert row.state == CorrespondencesState.PROPOSED
    assert QueueItem.objects.get(pk=item.pk).state == ItemState.OPEN
    with pytest.raises(InvalidError, match="only adjusted correspondences carry points"):
        answer(ana, item, "accept", transform="shift")


def test_what_passed_the_gate_is_verified_again_when_the_answer_on_it_is_taken_back(region, row):
    ana = UserFactory()
    batch = make_batch(region)
    Correspondences.objects.update(passed_gate=True, state="verified")
    verdict = answer(ana, take(ana, batch), "reject")
    row.refresh_from_db()
    assert row.state == CorrespondencesState.REJECTED
    take_back(ana, verdict)
    row.refresh_from_db()
    assert row.state == CorrespondencesState.VERIFIED


def test_what_waits_in_one_batch_or_is_decided_is_not_drawn_again_and_the_least_sure_come_first(region):
    rows = [CorrespondencesFactory(pair__region=region, log10_nfa=-5.0 * n) for n in (3, 1, 2)]
    CorrespondencesFactory(pair__region=region, state="rejected")
    batch = make_batch(region, plan="uncertain", number=2)
    drawn = QueueItem.objects.filter(batch=batch).order_by("-priority").values_list("subject_id", flat=True)
    assert list(drawn) == [rows[1].pk, rows[2].pk]
    assert make_batch(region).size == 1
    with pytest.raises(InvalidError, match="nothing is left"):
        make_batch(region)
    with pytest.raises(InvalidError, match="a second answer needs a second person"):
        wish = batches.BatchWish(name="Ours", second_share=0.5, open_to_all=False, people=[UserFactory()])
        batches.start(user=UserFactory(), region=region, wish=wish, plan=batches.Plan())


def test_of_several_on_one_pair_a_persons_goes_before_the_gates_and_the_newest_before_older_ones(region):
    pair = PairFactory(region=region)
    by_person = CorrespondencesFactory(pair=pair, transform_parameters=[1.0, 0.0])
    ana = UserFactory()
    answer(ana, take(ana, make_batch(region)))
    CorrespondencesFactory(
        pair=pair, matcher="orb", state="verified", passed_gate=True, transform_parameters=[9.0, 0.0]
    )
    address = tile_address(by_person.pair.tile)
    assert transforms_in_force(region)[address].parameters.tolist() == [1.0, 0.0]
    CorrespondencesFactory(pair=pair, matcher="structure", transform_parameters=[5.0, 0.0])
    answer(ana, take(ana, make_batch(region)))
    assert transforms_in_force(region)[address].parameters.tolist() == [5.0, 0.0]
    other = ImageryFactory(region=region)
    assert transforms_in_force(region, imagery=other) == {}


def test_imagery_that_people_answered_about_is_kept(region, row):
    ana, admin = UserFactory(), UserFactory(role="admin")
    answer(ana, take(ana, make_batch(region)))
    with pytest.raises(InUseError, match="people answered about tiles of this imagery"):
        delete_source(user=admin, source=row.pair.imagery)


def test_a_deleted_region_takes_its_batches_and_items_along(region, row):
    ana = UserFactory()
    adjust(ana, take(ana, make_batch(region)), TRUTH)
    region.delete()
    assert not QueueItem.objects.exists()
    assert not Batch.objects.exists()
    assert not ControlPoint.objects.exists()
