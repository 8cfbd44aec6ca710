"""Answers that cut a building in two or make two one: what is refused, who is in the way, what an undo brings back."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import connection
from django.utils import timezone

from annotation.changes.services.part import cut_of
from annotation.common.errors import InvalidError
from annotation.review.models import ItemState, QueueItem
from annotation.review.services.claim import claim
from tests.factories import FootprintFactory, SnapshotFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    scan = ScanFactory(model=ModelVersionFactory())
    scan.region.open_to_all = True
    scan.region.save()
    return scan


def beside(shape: Polygon) -> Polygon:
    """As large, wall to wall to the east."""
    west, south, east, north = shape.extent
    other = Polygon.from_bbox((east, south, 2 * east - west, north))
    other.srid = 4326
    return other


def across(shape: Polygon) -> list[list[float]]:
    west, south, east, north = shape.extent
    middle = (west + east) / 2 + (east - west) / 10
    return [[middle, south - 1e-5], [middle, north + 1e-5]]


def two(scan):
    mine = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.4, 0.5, 0.2))
    theirs = FootprintFactory(snapshot=scan.snapshot, geometry=beside(mine.geometry))
    change = ChangeFactory(scan=scan, kind="modify", footprint=mine, geometry=mine.geometry)
    return change, theirs


def answered(client, change, **payload):
    item = client.post(f"/api/review/items/{change.item_id}/claim/").json()["item"]
    body = {
        "lease_token": item["lease_token"], "version": item["version"], "decision": "accept", "payload": payload,
        "idempotency_key": str(uuid.uuid4()),
    }  # fmt: skip
    return client.post(f"/api/review/items/{change.item_id}/decide/", body, format="json")


def test_a_cut_is_kept_and_shown_and_an_undo_forgets_it(client_of, scan):
    change = ChangeFactory(scan=scan)
    client = client_of(UserFactory())
    assert answered(client, change, cut=across(change.geometry)).status_code == 200
    assert client.get(f"/api/changes/{change.pk}/").json()["cut"] == across(change.geometry)
    body = {"version": 1, "idempotency_key": str(uuid.uuid4())}
    assert client.post(f"/api/review/items/{change.item_id}/undo/", body, format="json").status_code == 200
    assert client.get(f"/api/changes/{change.pk}/").json()["cut"] is None


@pytest.mark.parametrize(
    "cut",
    [
        "a line", [], [[1, 2]], [[1, 2], ["x", 3]], [[1, 2], [1, 2]], [[0, 0], [1, 1]], [None, None], {"x": 1},
        [[1e400, 0], [0, 1]], [[[1, 2]], [[3, 4]]], [[0, 0]] * 60,
    ],
)  # fmt: skip
def test_what_cuts_nothing_in_two_is_refused_and_says_how_to_mend_it(scan, cut):
    change = ChangeFactory(scan=scan)
    with pytest.raises(InvalidError) as refused:
        cut_of(change, change.geometry, cut)
    assert len(refused.value.detail) > 20


def test_a_cut_with_heights_is_kept_without_them(client_of, scan):
    change = ChangeFactory(scan=scan)
    flat = across(change.geometry)
    assert answered(client_of(UserFactory()), change, cut=[[*flat[0], 12.5], [*flat[1], 0]]).status_code == 200
    assert client_of(UserFactory()).get(f"/api/changes/{change.pk}/").json()["cut"] == flat


def test_a_slice_is_no_building_and_a_removal_is_not_cut(client_of, scan):
    change = ChangeFactory(scan=scan)
    west, south, _, north = change.geometry.extent
    reply = answered(client_of(UserFactory()), change, cut=[[west + 1e-7, south - 1e-5], [west + 1e-7, north + 1e-5]])
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid")
    removal = ChangeFactory(scan=scan, kind="remove")
    with pytest.raises(InvalidError, match="removal"):
        cut_of(removal, removal.geometry, across(removal.geometry))


def test_a_merge_sets_open_suggestions_aside_and_an_undo_brings_them_back(client_of, scan):
    change, theirs = two(scan)
    other = ChangeFactory(scan=scan, kind="modify", footprint=theirs, geometry=theirs.geometry)
    client = client_of(UserFactory())
    assert answered(client, change, merge=theirs.key).status_code == 200
    change.refresh_from_db()
    assert change.adjusted.area == pytest.approx(2 * theirs.geometry.area, rel=1e-3)
    other.item.refresh_from_db()
    assert (other.item.state, change.set_aside) == ("withdrawn", [other.item_id])
    assert client.get(f"/api/changes/{change.pk}/").json()["merged"] == theirs.key
    body = {"version": 1, "idempotency_key": str(uuid.uuid4())}
    assert client.post(f"/api/review/items/{change.item_id}/undo/", body, format="json").status_code == 200
    other.item.refresh_from_db()
    change.refresh_from_db()
    assert (other.item.state, change.merged, change.adjusted, change.set_aside) == ("open", None, None, [])


def test_a_building_that_somebody_looks_at_or_answered_is_not_taken_in(client_of, scan):
    change, theirs = two(scan)
    other = ChangeFactory(scan=scan, kind="remove", footprint=theirs, geometry=theirs.geometry)
    held = claim(user=UserFactory(), stage="changes", scope_id=scan.region_id, skip=[change.item_id]).item
    assert held.pk == other.item_id
    reply = answered(client_of(UserFactory()), change, merge=theirs.key)
    assert (reply.status_code, reply.json()["code"]) == (409, "building_taken")
    change.refresh_from_db()
    assert change.item.state == "open" and change.merged is None
    QueueItem.objects.update(lease_holder=None, lease_expires_at=None)
    save_decision(UserFactory(), other)
    reply = answered(client_of(UserFactory()), change, merge=theirs.key)
    assert (reply.status_code, reply.json()["code"]) == (409, "building_taken") and "answer" in reply.json()["detail"]


def test_an_answer_about_the_other_that_comes_meanwhile_keeps_the_two_apart(client_of, scan):
    change, theirs = two(scan)
    other = ChangeFactory(scan=scan, kind="modify", footprint=theirs, geometry=theirs.geometry)

    def answers_first(execute, sql, params, many, context):
        """Just before it is asked what is open about the other building, which was not answered until then."""
        asked = sql.startswith("SELECT") and '"object_id" =' in sql and '"review_queueitem"."state" =' in sql
        if asked and 'FROM "review_queueitem"' in sql and other.item.state == ItemState.OPEN:
            other.item.state, other.item.decision = ItemState.DECIDED, "accept"
            other.item.decided_at = timezone.now()
            other.item.save()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(answers_first):
        reply = answered(client_of(UserFactory()), change, merge=theirs.key)
    assert other.item.state == ItemState.DECIDED
    assert (reply.status_code, reply.json()["code"]) == (409, "building_taken")


def test_what_the_newest_map_says_by_now_is_not_brought_back_by_an_undo(client_of, scan):
    change, theirs = two(scan)
    other = ChangeFactory(scan=scan, kind="remove", footprint=theirs, geometry=theirs.geometry)
    client = client_of(UserFactory())
    assert answered(client, change, merge=theirs.key).status_code == 200
    SnapshotFactory(region=scan.region, coverage=MultiPolygon(square(0.5, 0.5, 1.5), srid=4326))
    body = {"version": 1, "idempotency_key": str(uuid.uuid4())}
    assert client.post(f"/api/review/items/{change.item_id}/undo/", body, format="json").status_code == 200
    other.refresh_from_db()
    assert (other.item.state, other.in_map_at is None) == ("withdrawn", False)


def test_a_building_is_taken_in_once(client_of, scan):
    change, theirs = two(scan)
    save_decision(UserFactory(), change, merge=theirs.key)
    west, south, east, north = theirs.geometry.extent
    third = Polygon.from_bbox((east, south, 2 * east - west, north))
    third.srid = 4326
    second = ChangeFactory(scan=scan, geometry=third)
    assert answered(client_of(UserFactory()), second, merge=theirs.key).json()["code"] == "building_taken"


@pytest.mark.parametrize("key", ["way/999999", "relation/1", "way/x", "", 7, None, "way/" + "9" * 40, "shape/ab"])
def test_what_is_no_building_beside_it_is_refused(client_of, scan, key):
    change, _ = two(scan)
    reply = answered(client_of(UserFactory()), change, merge=key)
    if key is None:
        assert reply.status_code == 200  # nothing was asked for
    else:
        assert (reply.status_code, reply.json()["code"]) == (400, "invalid")


def test_buildings_apart_do_not_become_one(client_of, scan):
    change, _ = two(scan)
    far = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.8, 0.8, 0.1))
    client = client_of(UserFactory())
    reply = answered(client, change, merge=far.key)
    assert reply.status_code == 400 and "wall in common" in reply.json()["detail"]
    reply = answered(client, change, merge=far.key, cut=across(change.geometry))
    assert reply.status_code == 400 and "not both" in reply.json()["detail"]
