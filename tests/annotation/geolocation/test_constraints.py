"""What the database itself refuses of reference imagery and of images without a place."""

from __future__ import annotations

import pytest
from django.contrib.gis.geos import Point
from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.geolocation.models import (
    FeatureDatabase,
    PlacementCandidate,
    ReferenceBase,
    ReferenceSet,
    UnplacedImage,
)
from tests.factories import ImageryFactory, RegionFactory, SnapshotFactory
from tests.factories_geolocation import (
    FeatureDatabaseFactory,
    FlightFactory,
    PlacementCandidateFactory,
    ReferenceBaseFactory,
    ReferenceFileFactory,
    ReferenceSetFactory,
    UnplacedImageFactory,
)

pytestmark = pytest.mark.django_db
HERE = Point(85.51, 27.63, srid=4326)


def refused(model, row, changed, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        model.objects.filter(pk=row.pk).update(**changed)


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"kind": "balloon"}, "reference_set_kind_known"),
        ({"state": "splendid"}, "reference_set_state_known"),
        ({"kind": "region"}, "reference_set_of_a_region_names_it"),
        ({"kind": "tiles"}, "reference_set_of_tiles_says_where"),
        ({"url_template": "https://tiles.example/{z}/{x}/{y}.png"}, "reference_set_of_tiles_says_where"),
        ({"resolution_m": 0}, "reference_set_resolution_positive"),
    ],
)
def test_a_set_that_contradicts_itself_is_refused(changed, constraint):
    refused(ReferenceSet, ReferenceSetFactory(), changed, constraint)


@pytest.mark.parametrize("changed", [{"zoom": None}, {"area": None}, {"url_template": ""}])
def test_a_set_of_tiles_says_where_they_are(changed):
    refused(ReferenceSet, ReferenceSetFactory(of_tiles=True), changed, "reference_set_of_tiles_says_where")


def test_two_registered_sets_have_two_names_whatever_regions_are_called():
    named = ReferenceSetFactory()
    ReferenceSetFactory(of_region=True, name=named.name)
    refused(ReferenceSet, ReferenceSetFactory(), {"name": named.name}, "reference_set_name_once")


def test_a_region_has_one_set():
    named = ReferenceSetFactory(of_region=True)
    with pytest.raises(IntegrityError, match="region"), transaction.atomic():
        ReferenceSetFactory(of_region=True, region=named.region)


def test_a_file_is_once_in_its_set():
    file = ReferenceFileFactory()
    ReferenceFileFactory(sha256=file.sha256)
    with pytest.raises(IntegrityError, match="reference_file_once_per_set"), transaction.atomic():
        ReferenceFileFactory(set=file.set, sha256=file.sha256)


def test_a_base_has_one_name_one_source_and_a_size():
    base = ReferenceBaseFactory(file=ReferenceFileFactory())
    refused(ReferenceBase, base, {"name": ReferenceBaseFactory().name}, "reference_base_name_once")
    refused(ReferenceBase, base, {"imagery": ImageryFactory()}, "reference_base_has_one_source")
    refused(ReferenceBase, base, {"width": 0}, "reference_base_has_a_size")
    refused(ReferenceBase, base, {"state": "half"}, "reference_base_state_known")


def test_one_database_serves_and_it_was_built():
    FeatureDatabaseFactory(serving=True)
    other = FeatureDatabaseFactory()
    refused(FeatureDatabase, other, {"state": "serving"}, "feature_database_serving_was_built")
    built = {"state": "serving", "built_at": timezone.now()}
    refused(FeatureDatabase, other, built, "feature_database_one_is_serving")
    refused(FeatureDatabase, other, {"state": "asleep"}, "feature_database_state_known")


def test_a_model_has_one_database():
    made = FeatureDatabaseFactory()
    with pytest.raises(IntegrityError, match="feature_database_once_per_model"), transaction.atomic():
        FeatureDatabaseFactory(model_digest=made.model_digest)


def test_a_person_has_one_flight_of_a_name():
    flight = FlightFactory()
    FlightFactory(name=flight.name)
    with pytest.raises(IntegrityError, match="flight_name_once_per_person"), transaction.atomic():
        FlightFactory(owner=flight.owner, name=flight.name)


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"state": "lost"}, "unplaced_image_state_known"),
        ({"prior_kind": "dream", "prior_point": HERE}, "unplaced_image_prior_known"),
        ({"prior_kind": "exif"}, "unplaced_image_prior_has_its_point"),
        ({"prior_point": HERE}, "unplaced_image_prior_has_its_point"),
        ({"prior_trust": 1.5}, "unplaced_image_trust_is_a_share"),
        ({"prior_accuracy_m": 0}, "unplaced_image_accuracy_positive"),
    ],
)
def test_an_image_that_contradicts_itself_is_refused(changed, constraint):
    refused(UnplacedImage, UnplacedImageFactory(), changed, constraint)


def test_an_image_is_imagery_once_it_is_placed():
    image, imagery = UnplacedImageFactory(), ImageryFactory()
    refused(UnplacedImage, image, {"imagery": imagery}, "unplaced_image_imagery_once_placed")
    UnplacedImage.objects.filter(pk=image.pk).update(imagery=imagery, state="placed")
    imagery.delete()
    image.refresh_from_db()
    assert (image.imagery, image.state) == (None, "placed")


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"state": "perhaps", "decided_at": timezone.now()}, "placement_state_known"),
        ({"state": "rejected"}, "placement_decided_says_when"),
        ({"probability": 1.1}, "placement_probability_is_a_share"),
        ({"against": "map"}, "placement_on_a_base_or_a_map"),
        ({"by_hand": True}, "placement_by_hand_lies_on_nothing"),
    ],
)
def test_a_place_that_contradicts_itself_is_refused(changed, constraint):
    refused(PlacementCandidate, PlacementCandidateFactory(), changed, constraint)


def test_either_a_region_or_a_registered_set_says_who_sees_a_place():
    refused(PlacementCandidate, PlacementCandidateFactory(), {"region": RegionFactory()}, "placement_seen_by_one_word")


def test_an_image_has_one_place_of_a_rank_and_one_that_is_chosen():
    first = PlacementCandidateFactory(state="chosen", decided_at=timezone.now())
    second = PlacementCandidateFactory(image=first.image, rank=2)
    refused(PlacementCandidate, second, {"rank": 1}, "placement_rank_once")
    chosen = {"state": "chosen", "decided_at": timezone.now()}
    refused(PlacementCandidate, second, chosen, "placement_one_is_chosen")


def test_a_place_outlives_what_it_was_matched_with():
    on_base = PlacementCandidateFactory()
    region = RegionFactory()
    map_ = {"against": "map", "base": None, "region": region, "snapshot": SnapshotFactory(region=region)}
    on_map = PlacementCandidateFactory(**map_)
    on_base.base.set.delete()
    region.delete()
    on_base.refresh_from_db()
    on_map.refresh_from_db()
    assert (on_base.base, on_map.region, on_map.snapshot) == (None, None, None)
