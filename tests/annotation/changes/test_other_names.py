"""What was answered about a building holds under the name that the next map gives it."""

import dataclasses

import pytest
import shapely
import shapely.affinity

from annotation.sources.models import Footprint
from annotation.sources.services.store_features import store_features
from mlcore.maps.features import MapFeature
from mlcore.progress import SilentProgress
from tests.annotation.changes.suggestions import again, candidate, decide, keep
from tests.factories import PairFactory, RegionFactory, SnapshotFactory, UserFactory
from tests.factories_changes import ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db

OUTLINE = shapely.box(24.0002, 60.0002, 24.0004, 60.0004)


def stored(snapshot, outline=OUTLINE, **named):
    store_features(snapshot, [MapFeature("building", outline, {"building": "yes"}, **named)], SilentProgress())
    return Footprint.objects.get(snapshot=snapshot)


def suggested(scan, kind, house):
    """A suggestion about the house, under the key that the library has for it."""
    return dataclasses.replace(candidate(scan, kind, footprint=house), key=house.key)


@pytest.mark.parametrize(
    ("kind", "then", "made"), [("remove", "remove", 0), ("modify", "shifted", 0), ("remove", "modify", 1)]
)
def test_a_rejected_suggestion_does_not_return_when_the_map_gets_ids(kind, then, made):
    scan = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    keep(scan, suggested(scan, kind, stored(scan.snapshot)))
    decide(UserFactory(), "reject")
    snapshot = SnapshotFactory(region=scan.region)
    PairFactory(region=scan.region, imagery=scan.imagery, snapshot=snapshot)
    house = stored(snapshot, osm_type="way", osm_id=7, version=2)
    later = again(scan, snapshot=snapshot)
    counts = keep(later, suggested(later, then, house))
    assert (counts.made, counts.answered) == (made, 1 - made)


@pytest.mark.parametrize(("moved", "made"), [(0.0, 0), (0.0003, 1)])
def test_a_negative_id_of_another_session_is_not_taken_for_the_building_that_was_answered(moved, made):
    scan = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    keep(scan, suggested(scan, "remove", stored(scan.snapshot, osm_type="way", osm_id=-5)))
    decide(UserFactory(), "reject")
    snapshot = SnapshotFactory(region=scan.region)
    PairFactory(region=scan.region, imagery=scan.imagery, snapshot=snapshot)
    house = stored(snapshot, shapely.affinity.translate(OUTLINE, moved), osm_type="way", osm_id=-5)
    later = again(scan, snapshot=snapshot)
    assert keep(later, suggested(later, "remove", house)).made == made
