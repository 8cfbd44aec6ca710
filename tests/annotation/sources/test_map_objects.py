"""One row per building of a region, over all its maps."""

import pytest
import shapely

from annotation.sources.models import Footprint, MapObject
from annotation.sources.services.store_features import store_features
from mlcore.maps.features import MapFeature
from mlcore.progress import SilentProgress
from tests.factories import RegionFactory, SnapshotFactory

pytestmark = pytest.mark.django_db


def building(x, osm_id=None, version=1):
    shape = shapely.box(24 + x, 60, 24 + x + 1e-4, 60 + 1e-4)
    named = {"osm_type": "way", "osm_id": osm_id, "version": version} if osm_id else {}
    return MapFeature("building", shape, {"building": "yes"}, **named)


def keys_of(snapshot):
    return dict(Footprint.objects.filter(snapshot=snapshot).values_list("geometry", "object_id"))


def test_a_building_keeps_its_object_in_the_next_map_whatever_its_shape_and_version():
    region = RegionFactory()
    first, second = SnapshotFactory(region=region), SnapshotFactory(region=region)
    store_features(first, [building(0, 7), building(1, 8), building(2)], SilentProgress())
    store_features(second, [building(0.1, 7, version=2), building(2), building(3)], SilentProgress())
    assert MapObject.objects.filter(region=region).count() == 4
    same = Footprint.objects.filter(object__osm_id=7)
    assert sorted(same.values_list("snapshot", "version")) == [(first.pk, 1), (second.pk, 2)]
    unnamed = Footprint.objects.filter(snapshot__in=(first, second), osm_id=None).values_list("object", flat=True)
    assert len(unnamed) == 3 and len(set(unnamed)) == 2


def test_the_name_of_an_object_is_the_librarys_key_of_its_footprint():
    snapshot = SnapshotFactory()
    features = [building(0, 7), building(1)]
    store_features(snapshot, features, SilentProgress())
    assert {one.key for one in MapObject.objects.filter(region=snapshot.region)} == {one.key for one in features}
    for row in Footprint.objects.filter(snapshot=snapshot).select_related("object"):
        assert row.key == row.object.key


def test_regions_do_not_share_objects():
    for _ in range(2):
        store_features(SnapshotFactory(region=RegionFactory()), [building(0, 7)], SilentProgress())
    assert MapObject.objects.filter(osm_id=7).count() == 2
