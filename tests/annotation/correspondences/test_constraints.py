"""What the database itself refuses of correspondences and their points."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from annotation.correspondences.models import ControlPoint, Correspondences
from tests.factories_correspondences import CorrespondencesFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"state": "splendid"}, "correspondences_state_known"),
        ({"refused": "chance"}, "correspondences_matched_or_refused"),
        ({"transform_kind": ""}, "correspondences_matched_or_refused"),
        ({"transform_covariance": None}, "correspondences_matched_or_refused"),
        ({"transform_kind": "spline"}, "correspondences_matched_or_refused"),
        ({"rmse_m": -1}, "correspondences_matched_or_refused"),
        ({"rmse_m": None}, "correspondences_matched_or_refused"),
        ({"state": "corrected"}, "correspondences_corrected_has_its_correction"),
        (
            {"state": "corrected", "final_kind": "shift", "final_parameters": [0, 0], "final_covariance": [[0, 0]] * 2},
            "correspondences_corrected_has_its_correction",
        ),
        ({"final_kind": "shift"}, "correspondences_corrected_has_its_correction"),
        ({"final_check_rmse_m": 0.1}, "correspondences_corrected_has_its_correction"),
    ],
)
def test_a_row_that_contradicts_itself_is_refused(changed, constraint):
    row = CorrespondencesFactory()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Correspondences.objects.filter(pk=row.pk).update(**changed)


@pytest.mark.parametrize("changed", [{"state": "verified"}, {"passed_gate": True}])
def test_nothing_is_verified_without_a_transform(changed):
    row = CorrespondencesFactory(no_match=True)
    with pytest.raises(IntegrityError, match="correspondences_verified_has_its_transform"), transaction.atomic():
        Correspondences.objects.filter(pk=row.pk).update(**changed)


def test_a_matcher_proposes_once_for_a_pair():
    row = CorrespondencesFactory()
    with pytest.raises(IntegrityError, match="correspondences_once"), transaction.atomic():
        CorrespondencesFactory(pair=row.pair)
    CorrespondencesFactory(pair=row.pair, matcher_digest="other weights")


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"number": 2}, "point_once_per_number"),
        ({"number": 0}, "point_numbers_from_one"),
        ({"role": "pin"}, "point_role_known"),
        ({"origin": "guess"}, "point_of_matcher_or_person"),
        ({"origin": "manual"}, "point_of_matcher_or_person"),
        ({"confidence": 1.5}, "point_of_matcher_or_person"),
        ({"confidence": None}, "point_of_matcher_or_person"),
        ({"map_x": -300.0}, "point_near_its_tile"),
        ({"image_y": float("nan")}, "point_near_its_tile"),
        ({"image_x": float("inf")}, "point_near_its_tile"),
    ],
)
def test_a_point_that_can_not_be_is_refused(changed, constraint):
    row = CorrespondencesFactory()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        ControlPoint.objects.filter(correspondences=row, number=1).update(**changed)
