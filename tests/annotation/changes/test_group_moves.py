"""Suggestions of one group moved together: what the queue's rules let through, what stays and why, one undo."""

import math
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.db.models import Q

from annotation.changes.models import Change, GroupMove
from annotation.changes.services.move_group import Wanted, move_group
from annotation.consistency.models import TileScore
from annotation.edits.services import changesets
from annotation.review.models import AuditEntry, QueueItem, Verdict
from annotation.review.services.lease import reclaim
from annotation.review.services.reassign import reassign
from tests.factories import (
    FootprintFactory,
    PairFactory,
    RegionFactory,
    SnapshotFactory,
    TileFactory,
    UserFactory,
    square,
)  # fmt: skip
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db
EAST_M, NORTH_M = 2.0, -1.0


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def ana():
    return UserFactory(username="ana")


@pytest.fixture
def ben():
    return UserFactory(username="ben")


def row_of(scan, count, **kwargs):
    return [ChangeFactory(scan=scan, geometry=square(column=0.1 + 0.1 * n, side=0.05), **kwargs) for n in range(count)]


def asked(changes, key=None, **kwargs):
    items = [{"item": one.item_id, "version": QueueItem.objects.get(pk=one.item_id).version} for one in changes]
    return {"east_m": EAST_M, "north_m": NORTH_M, "items": items, "idempotency_key": str(key or uuid.uuid4()), **kwargs}


def move(client, changes, key=None, around=None, **kwargs):
    url = f"/api/changes/{(around or changes[0]).pk}/group/move/"
    return client.post(url, asked(changes, key, **kwargs), format="json")


def undo(client, move_id):
    return client.post(f"/api/group-moves/{move_id}/undo/")


def moved_by(change):
    """Metres to the east and to the north between the proposed and the adjusted shape, by its middle."""
    before, after = change.geometry.centroid, change.adjusted.centroid
    metre = 111_320
    return (after.x - before.x) * metre * math.cos(math.radians(before.y)), (after.y - before.y) * metre


def reasons(left_out):
    return {one["item"]: one["reason"] for one in left_out}


def test_all_of_a_group_is_accepted_with_its_shapes_moved_by_one_offset(client_of, ana, scan):
    changes = row_of(scan, 3)
    reply = move(client_of(ana), changes)
    assert reply.status_code == 200, reply.content
    assert [one["item"] for one in reply.json()["moved"]] == [one.item_id for one in changes]
    assert reply.json()["left_out"] == []
    for change in Change.objects.select_related("item"):
        assert moved_by(change) == pytest.approx((EAST_M, NORTH_M), abs=0.02)
        assert (change.item.decision, change.item.decided_by, change.item.lease_holder) == ("accept", ana, None)
    assert set(Verdict.objects.values_list("reason", flat=True)) == {"adjusted"}
    entry = AuditEntry.objects.get(action="changes.move_group")
    assert (entry.actor, entry.scope_id, entry.data["items"]) == (ana, scan.region_id, 3)


def test_what_somebody_else_holds_decided_or_was_given_stays_and_is_named(client_of, ana, ben, scan):
    mine, held, decided, flagged, removal, far = (
        *row_of(scan, 4), ChangeFactory(scan=scan, kind="remove"), ChangeFactory(),
    )  # fmt: skip
    reclaim(user=ben, item_id=held.item_id)
    save_decision(ben, decided, "reject")
    lease = reclaim(user=ben, item_id=flagged.item_id)
    reassign(
        user=ben, item_id=lease.pk, lease_token=lease.lease_token, version=lease.version, to=ben.pk, comment="",
        idempotency_key=uuid.uuid4(),
    )  # fmt: skip
    everything = [mine, held, decided, flagged, removal, far]

    reply = move(client_of(ana), everything).json()

    assert [one["item"] for one in reply["moved"]] == [mine.item_id]
    assert reasons(reply["left_out"]) == {
        held.item_id: "held", decided.item_id: "decided", flagged.item_id: "flagged", removal.item_id: "removal",
        far.item_id: "elsewhere",
    }  # fmt: skip
    assert "ben decided" in next(one["detail"] for one in reply["left_out"] if one["reason"] == "decided")
    assert Change.objects.exclude(pk=mine.pk).filter(adjusted__isnull=False).count() == 0
    items = {one.pk: one for one in QueueItem.objects.all()}
    assert items[held.item_id].lease_holder == ben and items[held.item_id].state == "open"
    assert items[decided.item_id].decision == "reject"


def test_what_changed_since_it_was_looked_at_stays(client_of, ana, scan):
    same, changed = row_of(scan, 2)
    body = asked([same, changed])
    QueueItem.objects.filter(pk=changed.item_id).update(version=1)
    reply = client_of(ana).post(f"/api/changes/{same.pk}/group/move/", body, format="json").json()
    assert [one["item"] for one in reply["moved"]] == [same.item_id]
    assert reasons(reply["left_out"]) == {changed.item_id: "changed"}
    assert QueueItem.objects.get(pk=changed.item_id).lease_holder is None  # the lease was rolled back with it


def test_a_repeated_move_gets_the_same_reply_and_moves_nothing_again(client_of, ana, ben, scan):
    first, second = row_of(scan, 2)
    reclaim(user=ben, item_id=second.item_id)
    key = uuid.uuid4()
    once = move(client_of(ana), [first, second], key).json()
    QueueItem.objects.update(lease_holder=None, lease_expires_at=None)
    assert move(client_of(ana), [first, second], key).json() == once
    assert Verdict.objects.count() == 1 and GroupMove.objects.count() == 1
    other = move(client_of(ana), [second], key)
    assert (other.status_code, other.json()["code"]) == (400, "idempotency_key_reused")


def test_a_move_is_taken_back_as_one_step_by_whoever_made_it_or_an_editor(client_of, ana, ben, scan):
    changes = row_of(scan, 3)
    made = move(client_of(ana), changes).json()
    refused = undo(client_of(ben), made["id"])
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")

    reply = undo(client_of(ana), made["id"]).json()

    assert [one["item"] for one in reply["taken_back"]] == [one.item_id for one in changes]
    assert not Change.objects.filter(adjusted__isnull=False).exists()
    for item in QueueItem.objects.all():
        assert (item.state, item.decision, item.lease_holder) == ("open", "", ana)
    assert {one["lease_token"] for one in reply["taken_back"]} == set(
        QueueItem.objects.values_list("lease_token", flat=True)
    )
    assert undo(client_of(ana), made["id"]).json() == reply and Verdict.objects.count() == 6
    again = move(client_of(ana), changes).json()
    assert len(undo(client_of(UserFactory(role="editor")), again["id"]).json()["taken_back"]) == 3


def test_only_the_move_itself_is_locked_while_it_is_taken_back(client_of, ana, scan, django_assert_max_num_queries):
    made = move(client_of(ana), row_of(scan, 2)).json()
    with django_assert_max_num_queries(1000) as asked:
        undo(client_of(ana), made["id"])
    locks = [one["sql"] for one in asked.captured_queries if 'FROM "changes_groupmove"' in one["sql"]]
    (lock,) = [sql for sql in locks if "FOR UPDATE" in sql]
    assert lock.endswith('FOR UPDATE OF "changes_groupmove"')


def test_what_was_answered_anew_or_exported_since_is_not_taken_back(client_of, ana, scan):
    back, anew, out = row_of(scan, 3)
    client = client_of(ana)
    made = move(client, [back, anew, out]).json()
    version = next(one["version"] for one in made["moved"] if one["item"] == anew.item_id)
    body = {"version": version, "idempotency_key": str(uuid.uuid4())}
    assert client.post(f"/api/review/items/{anew.item_id}/undo/", body, format="json").status_code == 200
    save_decision(ana, anew, "reject")
    changesets.create(user=UserFactory(role="editor"), region=scan.region, comment="one", change_ids=[out.pk])

    reply = undo(client, made["id"]).json()

    assert [one["item"] for one in reply["taken_back"]] == [back.item_id]
    assert reasons(reply["left_out"]) == {anew.item_id: "changed", out.item_id: "exported"}
    assert Change.objects.get(pk=out.pk).adjusted is not None
    assert QueueItem.objects.get(pk=anew.item_id).decision == "reject"


def test_a_draft_of_a_shape_is_moved_instead_of_the_proposed_one_and_a_bad_one_stays(client_of, ana, scan):
    drawn, crossed = row_of(scan, 2)
    body = asked([drawn, crossed])
    west, south, east, north = drawn.geometry.extent
    wider = [[west, south], [2 * east - west, south], [2 * east - west, north], [west, north], [west, south]]
    body["items"][0]["geometry"] = {"type": "Polygon", "coordinates": [wider]}
    body["items"][1]["geometry"] = {"type": "Polygon", "coordinates": "nonsense"}
    reply = client_of(ana).post(f"/api/changes/{drawn.pk}/group/move/", body, format="json").json()
    assert reasons(reply["left_out"]) == {crossed.item_id: "shape"}
    drawn.refresh_from_db()
    assert drawn.adjusted.area == pytest.approx(2 * drawn.geometry.area, rel=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [{"items": []}, {"east_m": 101}, {"north_m": 1e400}, {"items": [{"item": 1, "version": 0}] * 2}, {"items": "x"}],
)
def test_a_move_that_says_nothing_usable_is_refused(client_of, ana, scan, wrong):
    (change,) = row_of(scan, 1)
    body = {**asked([change]), **wrong}
    body = body if body["north_m"] != math.inf else {**body, "north_m": 1e30}
    reply = client_of(ana).post(f"/api/changes/{change.pk}/group/move/", body, format="json")
    assert reply.status_code == 400 and not GroupMove.objects.exists()


def test_a_group_lists_who_stands_how_and_offers_the_shift_of_its_tile(client_of, ana, ben, scan):
    first, held, decided = row_of(scan, 3)
    east = TileFactory(region=scan.region, x=first.pair.tile.x + 1)
    beside = PairFactory(tile=east, imagery=scan.imagery, snapshot=scan.snapshot)
    other = ChangeFactory(scan=scan, pair=beside, geometry=square(column=1.5))
    reclaim(user=ben, item_id=held.item_id)
    save_decision(ben, decided)
    client = client_of(ana)
    shown = client.get(f"/api/changes/{first.pk}/group/").json()
    assert shown["offset"] is None and shown["more"] == 0
    assert {one["item"]: one["standing"] for one in shown["members"]} == {
        first.item_id: "", held.item_id: "held", decided.item_id: "decided",
    }  # fmt: skip
    assert shown["members"][0]["item"] == first.item_id
    assert {one["decided_by"] for one in shown["members"]} == {None, "ben"}
    TileScore.objects.create(
        scan=scan, pair=first.pair, disc=0, proto=0, final=0, difference=0, probability=0.5, shift_east_m=1.5,
        shift_north_m=-0.5, shift_confidence=0.9, shift_origin="measured",
    )  # fmt: skip
    wide = client.get(f"/api/changes/{first.pk}/group/?reach=around").json()
    assert wide["offset"] == {"east_m": 1.5, "north_m": -0.5, "confidence": 0.9, "origin": "measured"}
    assert other.item_id in {one["item"] for one in wide["members"]}
    assert client.get(f"/api/changes/{first.pk}/group/?reach=all").status_code == 400


def test_a_group_says_what_to_look_at_twice(client_of, ana, scan):
    old = ChangeFactory(scan=scan, kind="modify", geometry=square(column=0.2, side=0.1))
    old.footprint.edited_at = "2025-01-01T00:00Z"
    old.footprint.save()
    edited = ChangeFactory(scan=scan, kind="modify", geometry=square(column=0.4, side=0.1))
    newer = SnapshotFactory(region=scan.region)
    FootprintFactory(
        snapshot=newer, osm_id=edited.footprint.osm_id, object=edited.footprint.object, geometry=edited.geometry,
        version=edited.footprint.version + 1,
    )  # fmt: skip
    FootprintFactory(
        snapshot=newer, osm_id=old.footprint.osm_id, object=old.footprint.object, geometry=old.geometry,
        version=old.footprint.version,
    )  # fmt: skip
    members = client_of(ana).get(f"/api/changes/{old.pk}/group/").json()["members"]
    assert {one["item"]: one["doubt"] for one in members} == {old.item_id: "older_image", edited.item_id: "newer_map"}


@pytest.mark.parametrize("number", [2, 9])
def test_a_group_takes_as_many_queries_however_large_it_is(client_of, ana, scan, number, django_assert_max_num_queries):
    changes = row_of(scan, number)
    client = client_of(ana)
    with django_assert_max_num_queries(12):
        client.get(f"/api/changes/{changes[0].pk}/group/")


@pytest.mark.django_db(transaction=True)
def test_two_people_who_move_the_same_group_at_once_share_it_and_nothing_is_moved_twice(scan):
    changes = row_of(scan, 8)
    people = [UserFactory(username="ana"), UserFactory(username="ben")]
    for person, change in zip(people, changes, strict=False):
        reclaim(user=person, item_id=change.item_id)
    barrier = threading.Barrier(2)

    def work(person):
        try:
            barrier.wait()
            order = changes if person.username == "ana" else changes[::-1]
            wanted = [Wanted(one.item_id, 0) for one in order]
            return move_group(
                user=person, change=changes[0], wanted=wanted, east_m=1, north_m=0, idempotency_key=uuid.uuid4()
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        made = list(pool.map(work, people))
    moved = [{one["item"] for one in move.moved} for move in made]
    assert moved[0] | moved[1] >= {one.item_id for one in changes[2:]} and not moved[0] & moved[1]
    assert changes[1].item_id not in moved[0] and changes[0].item_id not in moved[1]
    assert changes[0].item_id in moved[0] and changes[1].item_id in moved[1]
    assert Verdict.objects.count() == 8
    assert not QueueItem.objects.filter(Q(state="open") | ~Q(decision="accept")).exists()
