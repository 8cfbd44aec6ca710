"""A newer map closes what was put right in it meanwhile, and reopens nothing that was decided."""

import json

import pytest
import shapely
import shapely.geometry
from django.contrib.gis.geos import MultiPolygon

from annotation.changes.models import Change
from annotation.changes.services.mapped_meanwhile import withdraw_mapped
from annotation.changes.services.renew import renew
from annotation.changes.services.rescore import start_where_let_go
from annotation.changes.services.store import Rows
from annotation.review.models import ItemState, QueueItem
from annotation.review.services.claim import claim
from annotation.review.services.lease import release
from annotation.sources.engine import to_shapely
from tests.annotation.changes.suggestions import candidate, keep
from tests.annotation.sources.test_imports import imported, post
from tests.factories import FootprintFactory, RegionFactory, SnapshotFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db
FAR = square(0.9, 0.9, 0.02)


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


def newer(scan, *shapes, **more):
    """A later map with these buildings, and two at the ends of the tile, so that the whole of it is in the map."""
    snapshot = SnapshotFactory(region=scan.region, **more)
    for shape in (square(0.02, 0.02, 0.02), square(0.98, 0.98, 0.02), *shapes):
        FootprintFactory(snapshot=snapshot, geometry=shape)
    return snapshot


def withdrawn(scan):
    return dict(withdraw_mapped(Change.objects.filter(scan__region=scan.region), scan.region_id))


def states():
    return dict(Change.objects.values_list("pk", "item__state"))


def test_a_building_that_the_newer_map_has_is_no_longer_suggested(scan):
    added, beside = ChangeFactory(scan=scan), ChangeFactory(scan=scan, geometry=square(0.8, 0.2, 0.05))
    newer(scan, square(0.52, 0.5), square(0.845, 0.2, 0.05))
    assert withdrawn(scan) == {"add": 1}
    assert states() == {added.pk: ItemState.WITHDRAWN, beside.pk: ItemState.OPEN}
    added.refresh_from_db()
    assert added.in_map_at is not None
    assert withdrawn(scan) == {}


def test_one_that_the_scanned_map_had_beneath_it_already_is_no_news(scan):
    FootprintFactory(snapshot=scan.snapshot)
    change = ChangeFactory(scan=scan)
    newer(scan, square())
    assert withdrawn(scan) == {} and states() == {change.pk: ItemState.OPEN}


def test_a_building_that_is_gone_from_the_newer_map_is_no_longer_doubted_unless_it_was_drawn_anew(scan):
    gone = ChangeFactory(scan=scan, kind="remove", geometry=square(0.3, 0.3))
    redrawn = ChangeFactory(scan=scan, kind="remove", geometry=square(0.7, 0.7))
    kept = ChangeFactory(scan=scan, kind="remove", geometry=square(0.3, 0.7))
    other = ChangeFactory(scan=scan, kind="modify", geometry=square(0.7, 0.3))
    snapshot = newer(scan, square(0.7, 0.7))
    FootprintFactory(
        snapshot=snapshot, osm_id=kept.footprint.osm_id, object=kept.object, geometry=kept.footprint.geometry
    )
    assert withdrawn(scan) == {"remove": 1}
    assert [pk for pk, state in states().items() if state == ItemState.WITHDRAWN] == [gone.pk]
    assert {redrawn.pk, kept.pk, other.pk} < states().keys()


def test_a_shape_that_the_newer_map_has_taken_is_no_longer_suggested_and_one_half_way_still_is(scan):
    changes = [
        ChangeFactory(scan=scan, kind=kind, geometry=square(column + 0.05, 0.5), footprint=house)
        for kind, column in (("modify", 0.2), ("shifted", 0.5), ("modify", 0.8))
        for house in [FootprintFactory(snapshot=scan.snapshot, geometry=square(column, 0.5))]
    ]
    snapshot = newer(scan)
    for change, column in zip(changes, (0.245, 0.545, 0.82), strict=True):
        house = change.footprint
        FootprintFactory(
            snapshot=snapshot, osm_id=house.osm_id, object=house.object, version=9, geometry=square(column, 0.5)
        )
    assert withdrawn(scan) == {"modify": 1, "shifted": 1}
    assert states()[changes[2].pk] == ItemState.OPEN


def test_what_lies_beyond_the_newer_map_may_stand_yet(scan):
    ChangeFactory(scan=scan, kind="remove", geometry=FAR)
    snapshot = SnapshotFactory(region=scan.region)
    FootprintFactory(snapshot=snapshot, geometry=square(0.2, 0.2))
    assert withdrawn(scan) == {}
    snapshot.coverage = MultiPolygon(square(0.2, 0.2, 0.1), srid=4326)
    snapshot.save()
    assert withdrawn(scan) == {}
    snapshot.coverage = MultiPolygon(square(0.9, 0.9, 0.1), srid=4326)
    snapshot.save()
    assert withdrawn(scan) == {"remove": 1}


def test_nothing_that_was_decided_is_touched_and_an_older_map_closes_nothing(scan):
    editor = UserFactory(role="editor")
    decided = [ChangeFactory(scan=scan, geometry=square(0.3 + 0.3 * n, 0.5)) for n in range(2)]
    save_decision(editor, decided[0])
    save_decision(editor, decided[1], "reject")
    before = list(QueueItem.objects.order_by("pk").values())
    newer(scan, *(one.geometry for one in decided))
    assert withdrawn(scan) == {}
    assert list(QueueItem.objects.order_by("pk").values()) == before
    later = ScanFactory(model=scan.model, imagery=scan.imagery, snapshot=newer(scan))
    ChangeFactory(scan=later, pair=decided[0].pair, geometry=square(0.5, 0.2, 0.1))
    newer(scan, square(0.5, 0.2, 0.1), taken_at=scan.snapshot.taken_at.replace(year=2019))
    assert withdrawn(later) == {}


def test_whoever_holds_it_may_answer_and_nobody_else_gets_it(scan):
    ana, ben = UserFactory.create_batch(2)
    ChangeFactory(scan=scan)
    held = claim(user=ana, stage="changes", scope_id=scan.region_id).item
    newer(scan, square())
    assert withdrawn(scan) == {}
    held.refresh_from_db()
    assert (held.state, held.outdated, held.lease_holder) == (ItemState.OPEN, True, ana)
    assert claim(user=ben, stage="changes", scope_id=scan.region_id).item is None
    release(user=ana, item_id=held.pk, lease_token=held.lease_token)
    assert start_where_let_go() == 0
    held.refresh_from_db()
    assert held.state == ItemState.WITHDRAWN
    assert Change.objects.get().in_map_at is not None


def test_looking_again_in_the_old_scan_brings_back_nothing_that_the_newer_map_says(scan):
    fresh = candidate(scan, shape=to_shapely(square(0.3, 0.3)))
    keep(scan, candidate(scan))
    newer(scan, square(), square(0.3, 0.3))
    assert withdrawn(scan) == {"add": 1}
    assert keep(scan, candidate(scan), fresh).in_map == 1
    change = Change.objects.order_by("pk").first()
    renew(scan, [change.pair_id], Rows(scan).of([candidate(scan), fresh]))
    assert set(states().values()) == {ItemState.WITHDRAWN}


def test_an_import_closes_it_and_says_so_in_its_result_and_on_the_page_of_the_change(client_of, scan):
    added = ChangeFactory(scan=scan)
    admin = UserFactory(role="admin")
    shapes = [to_shapely(square()), to_shapely(square(0.1, 0.1, 0.05))]
    features = [{"type": "Feature", "geometry": shapely.geometry.mapping(one), "properties": {"building": "yes"}}
                for one in shapes]  # fmt: skip
    body = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    snapshot = imported(post(client_of(admin), scan.region, "snapshots", "later.geojson", body,
                             taken_at="2025-01-01T00:00:00Z"))  # fmt: skip
    assert snapshot.job.result["in_the_map_by_now"] == {"add": 1}
    assert snapshot.job.message == "2 features of the map are stored; 1 suggestion is in the map by now"
    shown = client_of(admin).get(f"/api/changes/{added.pk}/").json()
    assert shown["state"] == "withdrawn" and shown["in_map_at"] is not None
