"""What a decision does to a change: adjusted shapes, undo, what the API shows of it."""

import datetime as dt
import json
import uuid

import pytest
import shapely.geometry
from django.utils import timezone

from annotation.edits.services import changesets
from annotation.learning.models import Evaluation, TrainingRun
from annotation.learning.services.evaluate import keep_measured
from annotation.review.models import QueueItem, Verdict
from annotation.sources.engine import to_geos
from tests.factories import FootprintFactory, RegionFactory, SnapshotFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def ana():
    return UserFactory()


def outline(column=0.5, row=0.5, side=0.3):
    return {"type": "Polygon", "coordinates": [[list(point) for point in square(column, row, side).coords[0]]]}


def accept(client_of, user, change, geometry):
    client = client_of(user)
    item = client.post(f"/api/review/items/{change.item_id}/claim/").json()["item"]
    body = {
        "lease_token": item["lease_token"], "version": item["version"], "decision": "accept",
        "payload": {"geometry": geometry}, "idempotency_key": str(uuid.uuid4()),
    }  # fmt: skip
    return client.post(f"/api/review/items/{change.item_id}/decide/", body, format="json")


def test_an_adjusted_shape_is_kept_beside_the_proposed_one(client_of, ana, scan):
    change = ChangeFactory(scan=scan)
    assert accept(client_of, ana, change, outline()).status_code == 200
    change.refresh_from_db()
    assert change.adjusted.equals_exact(square(side=0.3), 1e-7)
    assert change.geometry.equals_exact(square(), 1e-9)


def ring(*points):
    """Corners in hundredths of the square, closed."""
    west, south, east, north = square().extent
    corners = [[west + x * (east - west), south + y * (north - south)] for x, y in points]
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}


@pytest.mark.parametrize(
    "geometry",
    [
        ring((0, 0), (1, 1), (1, 0), (0, 1)),
        ring((0, 0), (1, 1)),
        ring((0, 0), (0.5, 0.5), (1, 1)),
        {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": "nonsense"},
        {"type": "Polygon", "coordinates": [[["a", "b"]] * 5]},
        {"type": "Polygon", "coordinates": [[[True, False]] * 5]},
        {"type": "Polygon", "coordinates": [[[500, 0], [501, 0], [501, 1], [500, 0]]]},
        {"type": "Point", "coordinates": [0, 0]},
        {"type": "Polygon", "coordinates": [[[1e-9 * i, 0.1 * (i % 2)] for i in range(2002)] + [[0, 0]]]},
        outline(column=-9),
        outline(side=9),
        [1, 2],
        "text",
    ],
)
def test_a_shape_that_is_no_building_here_is_refused_and_nothing_is_saved(client_of, ana, scan, geometry):
    change = ChangeFactory(scan=scan)
    reply = accept(client_of, ana, change, geometry)
    assert (reply.status_code, reply.json()["code"]) == (400, "invalid")
    assert QueueItem.objects.get(pk=change.item_id).state == "open"


def test_a_removal_has_no_shape_to_adjust_and_a_rejection_carries_none(client_of, ana, scan):
    removal = ChangeFactory(scan=scan, kind="remove")
    assert accept(client_of, ana, removal, outline()).status_code == 400
    item = client_of(ana).post(f"/api/review/items/{removal.item_id}/claim/").json()["item"]
    body = {
        "lease_token": item["lease_token"], "version": 0, "decision": "reject", "payload": {"geometry": outline()},
        "idempotency_key": str(uuid.uuid4()),
    }  # fmt: skip
    assert client_of(ana).post(f"/api/review/items/{removal.item_id}/decide/", body, format="json").status_code == 400


def test_undo_forgets_the_adjusted_shape_and_history_keeps_it(client_of, ana, scan):
    change = ChangeFactory(scan=scan)
    accept(client_of, ana, change, outline())
    body = {"version": 1, "idempotency_key": str(uuid.uuid4())}
    client = client_of(ana)
    assert client.post(f"/api/review/items/{change.item_id}/undo/", body, format="json").status_code == 200
    change.refresh_from_db()
    assert change.adjusted is None
    events = client.get(f"/api/review/items/{change.item_id}/history/").json()
    assert events[0]["payload"]["geometry"]["type"] == "Polygon"


def test_an_exported_decision_cannot_be_undone_before_its_changeset_is_gone(client_of, scan):
    editor = UserFactory(role="editor")
    change = ChangeFactory(scan=scan)
    save_decision(editor, change)
    changeset = changesets.create(user=editor, region=scan.region, comment="one house").changeset
    client, body = client_of(editor), {"version": 1, "idempotency_key": str(uuid.uuid4())}
    listed = f"/api/regions/{scan.region_id}/changes/"
    assert [row["exported"] for row in client.get(listed).json()["results"]] == [True]
    refused = client.post(f"/api/review/items/{change.item_id}/undo/", body, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "exported")
    assert client.delete(f"/api/changesets/{changeset.pk}/").status_code == 204
    assert [row["exported"] for row in client.get(listed).json()["results"]] == [False]
    assert client.post(f"/api/review/items/{change.item_id}/undo/", body, format="json").status_code == 200


def test_the_list_is_filtered_and_costs_the_same_number_of_queries_at_any_length(
    client_of, ana, scan, django_assert_num_queries
):
    """Z5."""
    ChangeFactory.create_batch(3, scan=scan, confidence=0.9)
    rejected = ChangeFactory(scan=scan, kind="remove", confidence=0.2)
    save_decision(ana, rejected, "reject")
    client, url = client_of(ana), f"/api/regions/{scan.region_id}/changes/"
    assert len(client.get(url).json()["results"]) == 4
    assert [row["kind"] for row in client.get(url, {"kind": "remove"}).json()["results"]] == ["remove"]
    assert len(client.get(url, {"min_confidence": 0.5}).json()["results"]) == 3
    decided = client.get(url, {"state": "decided", "decision": "reject", "exported": "false"}).json()["results"]
    assert [(row["id"], row["decided_by"]) for row in decided] == [(rejected.pk, ana.username)]
    assert client.get(url, {"exported": "true"}).json()["results"] == []
    confidences = [row["confidence"] for row in client.get(url, {"ordering": "confidence"}).json()["results"]]
    assert confidences == sorted(confidences, reverse=True)
    assert client.get(url, {"ordering": "item__decided_by__password"}).status_code == 400
    with django_assert_num_queries(5):
        client.get(url)


def test_the_geojson_stream_has_every_change_with_its_shape(client_of, ana, scan):
    change = ChangeFactory(scan=scan)
    ChangeFactory(scan=scan, confidence=0.1)
    reply = client_of(ana).get(f"/api/regions/{scan.region_id}/changes.geojson", {"min_confidence": 0.5})
    (feature,) = json.loads(b"".join(reply.streaming_content))["features"]
    assert (feature["id"], feature["properties"]["kind"]) == (change.pk, "add")
    assert to_geos(shapely.geometry.shape(feature["geometry"])).equals_exact(change.geometry, 1e-9)


def test_a_change_warns_when_the_image_is_older_than_the_objects_last_edit(client_of, ana, scan):
    house = FootprintFactory(snapshot=scan.snapshot, edited_at=dt.datetime(2025, 1, 1, tzinfo=dt.UTC))
    newer = ChangeFactory(scan=scan, kind="modify", footprint=house)
    older = ChangeFactory(scan=scan, kind="modify")
    client = client_of(ana)
    assert client.get(f"/api/changes/{newer.pk}/").json()["older_than_edit"] is True
    shown = client.get(f"/api/changes/{older.pk}/").json()
    assert shown["older_than_edit"] is False
    assert shown["footprint"]["key"] == older.footprint.key
    assert set(shown["tile"]) == {"z", "x", "y"}


def test_a_tile_joins_what_every_stage_knows_of_it(client_of, ana, scan):
    change = ChangeFactory(scan=scan)
    tile = change.pair.tile
    shown = client_of(ana).get(f"/api/regions/{scan.region_id}/pairs/{tile.z}/{tile.x}/{tile.y}/").json()
    assert (shown["mapped"], shown["anchor"], shown["scores"]) == (True, None, None)
    assert [one["id"] for one in shown["changes"]] == [change.pk]
    assert shown["streets"] == []
    gone = client_of(ana).get(f"/api/regions/{scan.region_id}/pairs/19/1/1/")
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


def test_sources_come_with_the_version_that_lets_browsers_keep_their_tiles(client_of, ana, scan):
    change = ChangeFactory(scan=scan)
    shown = client_of(ana).get(f"/api/changes/{change.pk}/").json()
    assert shown["imagery"]["tile_version"] == scan.imagery.sha256[:16]
    assert shown["snapshot"]["tile_version"].startswith(scan.snapshot.sha256[:16] + "-")
    listed = client_of(ana).get(f"/api/regions/{scan.region_id}/snapshots/").json()["results"]
    assert shown["snapshot"]["tile_version"] in {one["tile_version"] for one in listed}
    tile = change.pair.tile
    pair = client_of(ana).get(f"/api/regions/{scan.region_id}/pairs/{tile.z}/{tile.x}/{tile.y}/").json()
    assert pair["imagery"] == shown["imagery"]


def test_a_summary_counts_what_waits(client_of, ana, scan):
    ChangeFactory.create_batch(2, scan=scan)
    save_decision(ana, ChangeFactory(scan=scan))
    shown = client_of(ana).get(f"/api/regions/{scan.region_id}/summary/").json()
    assert shown["changes"] == {"open": 2, "decided": 1, "accepted": 1, "by_decision": {"accept": 1}}
    assert shown["latest_scan"]["id"] == scan.pk
    assert shown["latest_model"]["id"] == scan.model_id


def test_an_item_says_what_a_newer_map_has_of_its_building(client_of, ana, scan):
    gone, edited, same = (ChangeFactory(scan=scan, kind="remove") for _ in range(3))
    newer = SnapshotFactory(region=scan.region)
    for change, version in ((edited, edited.footprint.version + 1), (same, same.footprint.version)):
        base = change.footprint
        FootprintFactory(
            snapshot=newer, osm_id=base.osm_id, object=base.object, geometry=base.geometry, version=version
        )
    shown = [client_of(ana).get(f"/api/changes/{one.pk}/").json()["newest_map"] for one in (gone, edited, same)]
    assert [one and one["state"] for one in shown] == ["gone", "edited", None]
    assert client_of(ana).get(f"/api/changes/{ChangeFactory(scan=scan).pk}/").json()["newest_map"] is None


@pytest.mark.parametrize(
    ("preset", "count", "low", "trial"),
    [("compact", 96, 0.78, False), ("tiny", 96, 0.78, True), ("compact", 12, 0.78, True), ("compact", 96, 0.48, True)],
)
def test_a_model_is_on_trial_until_it_was_measured_on_enough_and_told_errors_from_none(
    client_of, ana, scan, preset, count, low, trial
):
    change, url = ChangeFactory(scan=scan), "/api/changes/{}/"
    shown = client_of(ana).get(url.format(change.pk)).json()["model"]
    assert (shown["id"], shown["measured"], shown["trial"]) == (scan.model_id, None, True)
    TrainingRun.objects.update(preset=preset)
    figure = {"name": "tile_auroc", "count": count, "first": {"value": 0.87, "low": low, "high": 0.93}}
    evaluation = Evaluation.objects.create(
        model=scan.model, data_set=scan.model.run.data_set, figures=[figure], finished_at=timezone.now()
    )
    keep_measured(evaluation)
    shown = client_of(ana).get(url.format(change.pk)).json()["model"]
    assert (shown["preset"], shown["trial"]) == (preset, trial)
    assert (shown["measured"] is None) == (count < 30)


def neighbour(scan, column=0.66, side=0.1):
    """A building of the scanned map, to the east of the square."""
    return FootprintFactory(snapshot=scan.snapshot, geometry=square(column, 0.5, side))


def test_a_shape_that_is_drawn_over_a_neighbour_is_refused_and_the_neighbour_named(client_of, ana, scan):
    change, beside = ChangeFactory(scan=scan), neighbour(scan)
    refused = accept(client_of, ana, change, outline(side=0.3))
    assert refused.status_code == 400
    assert f"over {beside.key}" in refused.json()["detail"]
    assert refused.json()["over"] == [beside.key]
    assert accept(client_of, ana, change, outline(column=0.49, side=0.22)).status_code == 200


def test_what_the_map_or_the_proposal_had_in_common_with_a_neighbour_is_no_fault_of_who_draws(client_of, ana, scan):
    over = ChangeFactory(scan=scan, kind="modify", geometry=square(0.5, 0.5, 0.3))
    neighbour(scan)
    assert accept(client_of, ana, over, outline(column=0.49, side=0.3)).status_code == 200


def test_a_neighbour_that_is_in_question_itself_is_no_wall(client_of, ana, scan):
    beside = neighbour(scan)
    ChangeFactory(scan=scan, kind="remove", footprint=beside, geometry=beside.geometry)
    assert accept(client_of, ana, ChangeFactory(scan=scan), outline(side=0.3)).status_code == 200


def test_the_neighbours_of_a_change_are_told_without_its_own_building(client_of, ana, scan):
    change, beside = ChangeFactory(scan=scan, kind="modify"), neighbour(scan)
    FootprintFactory(snapshot=scan.snapshot, geometry=square(1.6, 1.6, 0.1))
    told = client_of(ana).get(f"/api/changes/{change.pk}/neighbours/").json()
    assert [one["key"] for one in told] == [beside.key]
    assert told[0]["geometry"]["type"] == "Polygon"


def test_a_list_tells_what_was_said_and_to_whom_it_was_left_and_can_be_narrowed_to_the_own_answers(
    client_of, ana, scan
):
    ben = UserFactory()
    mine, theirs, left = (ChangeFactory(scan=scan, geometry=square(0.2 + 0.3 * n, 0.2)) for n in range(3))
    save_decision(ana, mine, "reject", reason="not_a_building")
    Verdict.objects.filter(item=mine.item).update(comment="a tent")
    save_decision(ben, theirs, "reject")
    QueueItem.objects.filter(pk=left.item_id).update(assigned_to=ben)
    rows = {one["id"]: one for one in client_of(ana).get(f"/api/regions/{scan.region_id}/changes/").json()["results"]}
    assert (rows[mine.pk]["reason"], rows[mine.pk]["comment"]) == ("not_a_building", "a tent")
    assert (rows[left.pk]["flagged_to"], rows[theirs.pk]["comment"]) == (ben.username, "")
    own = client_of(ana).get(f"/api/regions/{scan.region_id}/changes/?mine=true").json()["results"]
    assert [one["id"] for one in own] == [mine.pk]
