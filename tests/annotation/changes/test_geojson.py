"""Suspected changes as GeoJSON: each as the list's serializer tells of it, however many there are."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.contrib.gis.geos import LineString, MultiPolygon, Polygon
from rest_framework.utils.encoders import JSONEncoder

from annotation.changes import selectors
from annotation.changes.api.serializers import ChangeRow
from annotation.changes.facets import Wanted
from annotation.changes.models import Change
from annotation.changes.services import exports
from annotation.edits.services import changesets
from annotation.review.models import QueueItem, Verdict
from annotation.review.services.undo import undo
from tests.factories import FootprintFactory, RegionFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


def features(scan, **wanted) -> list[dict]:
    changes = selectors.plain_changes(scan.region, Wanted(**wanted))
    return json.loads("".join(exports.as_geojson(changes)))["features"]


def as_serialized(change: Change) -> str:
    """A line of the file, out of the serializer of lists."""
    properties = dict(ChangeRow(change).data)
    del properties["bbox"]
    shape = selectors.geojson(selectors.shape_after(change))
    feature = {"type": "Feature", "id": change.pk, "geometry": shape, "properties": properties}
    return json.dumps(feature, cls=JSONEncoder)


def of_every_kind(scan) -> None:
    ana = UserFactory(username='ana "Å" <b>', role="editor")
    for kind in ("add", "remove", "modify", "shifted"):
        ChangeFactory(scan=scan, kind=kind)
    yard = Polygon(square(side=0.4).coords[0], square(side=0.2).coords[0], srid=4326)
    ChangeFactory(scan=scan, geometry=MultiPolygon(yard, square(0.1, 0.1), srid=4326))
    ChangeFactory(scan=scan, adjusted=yard, confidence=1)
    ChangeFactory(scan=scan, adjusted=square(0.6), cut=LineString((25, 60), (25.5, 60.5), srid=4326))
    beside = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.8))
    ChangeFactory(scan=scan, kind="modify", adjusted=square(0.7, side=0.3), merged=beside)
    house = FootprintFactory(snapshot=scan.snapshot, osm_type="", osm_id=None, geometry=square(0.3))
    ChangeFactory(scan=scan, kind="modify", footprint=house)
    stands = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.2))
    ChangeFactory(scan=scan, kind="remove", footprint=stands, adjusted=yard, confirmed_on=dt.date(2024, 3, 1))
    said = ChangeFactory(scan=scan)
    save_decision(ana, said, "reject", "temporary")
    Verdict.objects.filter(item=said.item_id).update(comment='a "tent",\nof Å-ström \U0001f3aa')
    taken_back = ChangeFactory(scan=scan)
    save_decision(ana, taken_back, "cant_tell", "hidden")
    item = QueueItem.objects.get(pk=taken_back.item_id)
    undo(user=ana, item_id=item.pk, version=item.version, idempotency_key="5b1f8f0e-35a3-4f0e-9f7f-6b0b6a1f7c11")
    save_decision(ana, ChangeFactory(scan=scan, geometry=square(0.9)))
    changesets.create(user=ana, region=scan.region, comment="c")
    flagged = ChangeFactory(scan=scan)
    QueueItem.objects.filter(pk=flagged.item_id).update(assigned_to=ana)
    at = dt.datetime(2024, 3, 1, 12, tzinfo=dt.UTC)
    Change.objects.filter(pk=flagged.pk).update(created_at=at)  # without a fraction of a second


@pytest.mark.parametrize("at_once", [500, 4])
def test_each_feature_is_what_the_serializer_makes_of_the_change(scan, monkeypatch, django_assert_num_queries, at_once):
    monkeypatch.setattr("annotation.common.streams.FIRST_ROWS", at_once)
    monkeypatch.setattr("annotation.changes.services.exports.FIRST_ROWS", at_once)
    of_every_kind(scan)
    with django_assert_num_queries(1 if at_once == 500 else 2):
        told = features(scan)
    expected = [as_serialized(change) for change in selectors.changes_of(scan.region).order_by("pk")]
    assert [json.dumps(one) for one in told] == expected
    said = [one["properties"] for one in told]
    assert [one["exported"] for one in said].count(True) == 1
    assert {(one["decision"], one["reason"]) for one in said} >= {("reject", "temporary"), ("accept", ""), ("", "")}
    assert [one["comment"] for one in said if one["comment"]] == ['a "tent",\nof Å-ström \U0001f3aa']
    assert [one["flagged_to"] for one in said if one["flagged_to"]] == ['ana "Å" <b>']
    assert any((one["key"] or "").startswith("shape/") for one in said)


def test_the_first_features_go_out_before_the_others_are_asked_for(scan, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr("annotation.common.streams.FIRST_ROWS", 2)
    monkeypatch.setattr("annotation.changes.services.exports.FIRST_ROWS", 2)
    ChangeFactory.create_batch(5, scan=scan)
    parts = exports.as_geojson(selectors.plain_changes(scan.region, Wanted()))
    with django_assert_num_queries(1):
        assert (next(parts) + next(parts)).count('"Feature"') == 2
    assert "".join(parts).count('"Feature"') == 3


def test_a_file_of_nothing_is_a_collection_of_nothing(scan):
    gone = ChangeFactory(scan=scan)
    QueueItem.objects.filter(pk=gone.item_id).update(state="withdrawn")
    assert features(scan) == []
    assert [one["id"] for one in features(scan, states=["withdrawn"])] == [gone.pk]
