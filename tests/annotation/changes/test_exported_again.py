"""What left in a changeset is suggested again once the map had it and another image differs, and not before."""

import pytest

from annotation.changes.models import Change
from annotation.edits.services import changesets
from tests.annotation.changes.suggestions import again, candidate, decide, keep
from tests.factories import (
    FootprintFactory,
    ImageryFactory,
    PairFactory,
    RegionFactory,
    SnapshotFactory,
    UserFactory,
    square,
)
from tests.factories_changes import ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def exported(scan):
    """A removal of a house that left in a changeset; gives the scan, the house and an editor."""
    editor = UserFactory(role="editor")
    house = FootprintFactory(snapshot=scan.snapshot)
    keep(scan, candidate(scan, "remove", footprint=house))
    decide(editor, "accept")
    changesets.create(user=editor, region=scan.region, comment="c")
    return scan, house


def newer(scan, house=None, **state):
    """A scan of a newer image over a newer map, in which the house has the given state; without one it is gone."""
    snapshot = SnapshotFactory(region=scan.region)
    imagery = ImageryFactory(region=scan.region, sha256="2" * 64)
    PairFactory(region=scan.region, imagery=imagery, snapshot=snapshot)
    if house is not None:
        named = {"osm_type": house.osm_type, "osm_id": house.osm_id, "object": house.object}
        FootprintFactory(snapshot=snapshot, **{**named, "geometry": house.geometry, "version": house.version, **state})
    return again(scan, imagery=imagery, snapshot=snapshot)


def test_an_exported_building_is_not_suggested_before_the_map_has_the_edit(exported):
    scan, house = exported
    later = newer(scan, house)
    assert keep(later, candidate(later, "modify", footprint=house)).answered == 1


@pytest.mark.parametrize("state", [{"version": 4}, {"version": None, "geometry": square(0.3, 0.3)}])
def test_an_exported_building_is_suggested_again_once_the_map_has_changed_and_the_image_too(exported, state):
    scan, house = exported
    later = newer(scan, house, **state)
    there = later.snapshot.footprint_set.get(osm_id=house.osm_id)
    assert keep(later, candidate(later, "modify", footprint=there)).made == 1


def test_a_new_building_that_the_map_had_and_lost_is_suggested_again_on_another_image(scan):
    editor = UserFactory(role="editor")
    keep(scan, candidate(scan))
    decide(editor, "accept")
    changesets.create(user=editor, region=scan.region, comment="c")
    late = newer(scan)
    assert keep(late, candidate(late)).answered == 1  # the map does not have it yet
    FootprintFactory(snapshot=late.snapshot, geometry=Change.objects.get().geometry)  # now it does
    lost = again(scan, imagery=late.imagery, snapshot=SnapshotFactory(region=scan.region))
    PairFactory(region=scan.region, imagery=late.imagery, snapshot=lost.snapshot)
    assert keep(lost, candidate(lost)).made == 1
