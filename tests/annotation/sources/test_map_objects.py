"""One row per building of a region, over all its maps."""

import pytest
import shapely

from annotation.changes.models import Change
from annotation.edits.engine import base_of
from annotation.edits.models import EditItem
from annotation.sources.models import Footprint, MapObject
from annotation.sources.services.store_features import store_features
from mlcore.maps.features import MapFeature, feature_from_json, feature_to_json
from mlcore.maps.osm_files import read_map
from mlcore.progress import SilentProgress
from tests.factories import RegionFactory, SnapshotFactory
from tests.mlcore.source_makers import osm_relation, osm_way, osm_xml, square_nodes

pytestmark = pytest.mark.django_db


def building(x, osm_id=None, version=1, *, ccw=True):
    shape = shapely.box(24 + x, 60, 24 + x + 1e-4, 60 + 1e-4, ccw=ccw)
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


def objects_in(snapshot):
    return dict(Footprint.objects.filter(snapshot=snapshot).values_list("osm_id", "object_id"))


@pytest.mark.parametrize("order", [(None, 7), (7, None), (None, 7, None), (7, None, 7)])
def test_a_building_is_one_object_in_maps_with_ids_and_without_in_any_order(order):
    region = RegionFactory()
    for osm_id in order:
        snapshot = SnapshotFactory(region=region)
        # osmChange's tools turn outlines one way, GeoJSON's the other
        store_features(snapshot, [building(0, osm_id, ccw=osm_id is None), building(1)], SilentProgress())
    assert MapObject.objects.filter(region=region).count() == 2
    (named,) = MapObject.objects.filter(region=region, osm_id=7)
    assert Footprint.objects.filter(object=named).count() == len(order)
    assert named.key == "way/7" and named.shape == building(0).key.removeprefix("shape/")


def test_an_object_with_an_id_keeps_it_and_two_ways_of_one_outline_stay_two():
    region = RegionFactory()
    first, second, third = (SnapshotFactory(region=region) for _ in range(3))
    store_features(first, [building(0)], SilentProgress())
    store_features(second, [building(0, 7), building(0, 8)], SilentProgress())
    store_features(third, [building(0, 9)], SilentProgress())
    assert sorted(MapObject.objects.filter(region=region).values_list("osm_id", flat=True)) == [7, 8, 9]
    before = set(objects_in(first).values())
    assert before <= set(objects_in(second).values()) and not before & set(objects_in(third).values())


def test_which_member_of_a_relation_is_tagged_as_the_building_too_is_kept_for_its_edits(tmp_path):
    path = tmp_path / "map.osm"
    members = [("way", 1, "outer"), ("way", 2, "inner")]
    path.write_text(
        osm_xml(
            *square_nodes(1, 24, 60, 1e-3), *square_nodes(11, 24.0002, 60.0002, 1e-4),
            osm_way(1, [1, 2, 3, 4, 1], building="yes"), osm_way(2, [11, 12, 13, 14, 11], building="roof"),
            osm_relation(7, members, type="multipolygon", building="yes"),
        )
    )  # fmt: skip
    features = [feature_from_json(feature_to_json(one)) for one in read_map(path).features]
    snapshot = SnapshotFactory()
    store_features(snapshot, features, SilentProgress())
    relation = Footprint.objects.get(snapshot=snapshot, osm_type="relation")
    assert relation.members == [["way", 1, "outer", True], ["way", 2, "inner"]]
    assert base_of(EditItem(change=Change(footprint=relation))).outlines == ["way/1"]


def test_another_regions_building_of_the_same_outline_is_another_object():
    store_features(SnapshotFactory(region=RegionFactory()), [building(0)], SilentProgress())
    store_features(SnapshotFactory(region=RegionFactory()), [building(0, 7)], SilentProgress())
    assert MapObject.objects.count() == 2


def test_a_negative_id_means_another_building_in_another_session_and_the_same_where_it_was_uploaded():
    region = RegionFactory()
    first, second, uploaded = (SnapshotFactory(region=region) for _ in range(3))
    store_features(first, [building(0, -5)], SilentProgress())
    store_features(second, [building(1, -5), building(0, -6)], SilentProgress())
    store_features(uploaded, [building(0, 70)], SilentProgress())
    assert objects_in(first)[-5] == objects_in(second)[-6] == objects_in(uploaded)[70] != objects_in(second)[-5]
    assert MapObject.objects.get(pk=objects_in(first)[-5]).key == "way/70"
