"""Who sees which reference imagery, images without a place, and candidates."""

from __future__ import annotations

import pytest

from annotation.geolocation.models import (
    Flight,
    PlacementCandidate,
    ReferenceBase,
    ReferenceSet,
    UnplacedImage,
)
from annotation.geolocation.selectors import visible_images
from tests.factories import ImageryFactory, RegionFactory, SnapshotFactory, UserFactory
from tests.factories_geolocation import (
    FlightFactory,
    PlacementCandidateFactory,
    ReferenceBaseFactory,
    ReferenceSetFactory,
    UnplacedImageFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    return UserFactory()


@pytest.fixture
def region(member):
    return RegionFactory(members=[member])


def test_sets_are_seen_by_the_people_of_their_region_or_whom_they_are_open_to(member, region):
    mine, other = ReferenceSetFactory(of_region=True, region=region), ReferenceSetFactory(of_region=True)
    closed, open_, given = ReferenceSetFactory(), ReferenceSetFactory(open_to_all=True), ReferenceSetFactory()
    given.viewers.add(member)
    assert set(ReferenceSet.objects.visible_to(member)) == {mine, open_, given}
    assert set(ReferenceSet.objects.visible_to(UserFactory())) == {open_}
    assert set(ReferenceSet.objects.visible_to(UserFactory(role="admin"))) == {mine, other, closed, open_, given}
    assert set(ReferenceSet.objects.registered()) == {closed, open_, given}


def test_the_region_alone_says_who_sees_its_set(member):
    """A set of a region that says it is open to all stays with the region."""
    ReferenceSetFactory(of_region=True, open_to_all=True).viewers.add(member)
    assert not ReferenceSet.objects.visible_to(member).exists()


def test_bases_are_seen_with_their_set(member, region):
    mine = ReferenceBaseFactory(set=ReferenceSetFactory(of_region=True, region=region))
    other = ReferenceBaseFactory(state="failed")
    assert list(ReferenceBase.objects.visible_to(member)) == [mine]
    assert set(ReferenceBase.objects.visible_to(UserFactory(role="admin"))) == {mine, other}
    assert list(ReferenceBase.objects.usable()) == [mine]


def test_images_are_their_owners_and_their_regions(member, region):
    own, near, strange = UnplacedImageFactory(owner=member), UnplacedImageFactory(region=region), UnplacedImageFactory()
    assert set(UnplacedImage.objects.visible_to(member)) == {own, near}
    assert set(UnplacedImage.objects.visible_to(UserFactory(role="admin"))) == {own, near, strange}


def test_flights_are_their_owners(member):
    own, other = FlightFactory(owner=member), FlightFactory()
    assert list(Flight.objects.visible_to(member)) == [own]
    assert set(Flight.objects.visible_to(UserFactory(role="admin"))) == {own, other}


def test_a_candidate_on_a_base_that_one_may_not_see_is_not_shown(member, region):
    image = UnplacedImageFactory(owner=member)
    mine = ReferenceBaseFactory(set=ReferenceSetFactory(of_region=True, region=region))
    seen = PlacementCandidateFactory(image=image, base=mine)
    PlacementCandidateFactory(image=image, rank=2)
    on_map = PlacementCandidateFactory(image=image, rank=3, against="map", base=None, region=region)
    PlacementCandidateFactory(image=image, rank=4, against="map", base=None, region=RegionFactory())
    PlacementCandidateFactory(base=mine)
    assert set(PlacementCandidate.objects.visible_to(member)) == {seen, on_map}
    assert [one.places for one in visible_images(member).filter(pk=image.pk)] == [2]
    assert PlacementCandidate.objects.visible_to(UserFactory(role="admin")).count() == 5


def test_z3_a_place_on_imagery_of_a_foreign_region_is_not_seen(member, region):
    """A matcher's candidate has imagery and no base: the imagery's region says who sees it."""
    image = UnplacedImageFactory(region=region)
    mine = PlacementCandidateFactory(image=image, rank=1, base=None, imagery=ImageryFactory(region=region))
    PlacementCandidateFactory(image=image, rank=2, base=None, imagery=ImageryFactory())
    by_hand = PlacementCandidateFactory(image=image, rank=3, base=None)
    assert set(PlacementCandidate.objects.visible_to(member)) == {mine, by_hand}


def test_z3_a_place_on_foreign_ground_stays_hidden_once_that_ground_is_deleted(member, region):
    """Imagery, base, map, set and region may go: nobody sees more of their places for that."""
    image, closed = UnplacedImageFactory(region=region), RegionFactory()
    of_set = ReferenceSetFactory(of_region=True, region=closed)
    imagery, snapshot = ImageryFactory(region=closed), SnapshotFactory(region=closed)
    base = ReferenceBaseFactory(set=of_set, imagery=ImageryFactory(region=closed))
    registered = ReferenceBaseFactory()
    for rank, fields in enumerate((
        {"base": None, "imagery": imagery}, {"base": base, "imagery": base.imagery}, {"base": registered},
        {"base": None, "against": "map", "region": closed, "snapshot": snapshot},
    ), start=1):  # fmt: skip
        PlacementCandidateFactory(image=image, rank=rank, **fields)
    for gone in (imagery, base.imagery, registered.set, snapshot):
        gone.delete()
        assert not PlacementCandidate.objects.visible_to(member).exists()
    closed.delete()
    assert not PlacementCandidate.objects.visible_to(member).exists()
    assert PlacementCandidate.objects.visible_to(UserFactory(role="admin")).count() == 4


def test_a_place_on_ground_that_is_gone_is_still_seen_by_the_people_of_its_region(member, region):
    image = UnplacedImageFactory(owner=member)
    imagery = ImageryFactory(region=region)
    base = ReferenceBaseFactory(set=ReferenceSetFactory(of_region=True, region=region), imagery=imagery)
    on_base = PlacementCandidateFactory(image=image, base=base, imagery=imagery)
    given = ReferenceSetFactory()
    given.viewers.add(member)
    piece = ReferenceBaseFactory(set=given)
    on_set = PlacementCandidateFactory(image=image, rank=2, base=piece)
    imagery.delete()
    piece.delete()
    assert set(PlacementCandidate.objects.visible_to(member)) == {on_base, on_set}
    given.viewers.clear()
    assert set(PlacementCandidate.objects.visible_to(member)) == {on_base}
