"""Changesets: what goes in, what comes out as GeoJSON, and what a newer map says against it."""

import datetime as dt
import json

import pytest
import shapely
import shapely.geometry

from annotation.edits.models import Changeset, EditItem
from annotation.sources.engine import to_geos
from tests.factories import FootprintFactory, RegionFactory, SnapshotFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def editor():
    return UserFactory(role="editor")


def accepted(editor, scan, **more):
    change = ChangeFactory(scan=scan, **more)
    save_decision(editor, change)
    return change


def make(client, scan, **more):
    body = {"comment": "Buildings from imagery", **more}
    return client.post(f"/api/regions/{scan.region_id}/changesets/", body, format="json")


def test_a_changeset_takes_what_is_accepted_and_not_yet_out(client_of, editor, scan):
    first, second = accepted(editor, scan), accepted(editor, scan, geometry=square(0.2, 0.2))
    ChangeFactory(scan=scan)
    save_decision(editor, ChangeFactory(scan=scan), "reject")
    client = client_of(editor)
    made = make(client, scan, change_ids=[first.pk]).json()
    assert (made["edits"], made["remaining"]) == (1, 1)
    assert made["tags"]["imagery_used"] == scan.imagery.attribution
    assert str(scan.imagery.captured_on) in made["source"]
    assert make(client, scan).json()["edits"] == 1
    assert set(EditItem.objects.values_list("change", flat=True)) == {first.pk, second.pk}
    assert make(client, scan).json()["code"] == "nothing_accepted"


def test_what_is_not_accepted_or_already_out_is_named_and_nothing_is_made(client_of, editor, scan):
    good, undecided = accepted(editor, scan), ChangeFactory(scan=scan)
    reply = make(client_of(editor), scan, change_ids=[good.pk, undecided.pk])
    assert (reply.status_code, reply.json()["code"], reply.json()["change_ids"]) == (
        400, "not_accepted", [undecided.pk],
    )  # fmt: skip
    assert not Changeset.objects.exists()


def test_two_decisions_on_one_building_do_not_go_out_together(client_of, editor, scan):
    house = FootprintFactory(snapshot=scan.snapshot)
    accepted(editor, scan, kind="modify", footprint=house)
    newest = accepted(editor, scan, kind="remove", footprint=house)
    make(client_of(editor), scan)
    assert EditItem.objects.get().change == newest


def test_geojson_is_counter_clockwise_with_seven_digits_and_says_who_decided(client_of, editor, scan):
    clockwise = to_geos(shapely.Polygon(square().coords[0]).normalize())
    assert not shapely.Polygon(clockwise.coords[0]).exterior.is_ccw
    accepted(editor, scan, geometry=clockwise)
    client = client_of(editor)
    made = make(client, scan).json()
    reply = client.get(f"/api/changesets/{made['id']}/edits.geojson")
    collection = json.loads(b"".join(reply.streaming_content))
    (feature,) = collection["features"]
    assert "crs" not in collection
    assert collection["changeset"]["tags"]["comment"] == "Buildings from imagery"
    assert shapely.geometry.shape(feature["geometry"]).exterior.is_ccw
    numbers = [n for point in feature["geometry"]["coordinates"][0] for n in point]
    assert all(n == round(n, 7) for n in numbers)
    assert feature["properties"]["decided_by"] == editor.username
    assert json.loads(reply["Mapwright-Changeset-Tags"])["created_by"] == "Mapwright"


def test_a_newer_map_warns_of_gone_changed_and_already_mapped_buildings(client_of, editor, scan):
    gone = accepted(editor, scan, kind="remove", geometry=square(0.1, 0.1))
    changed = accepted(editor, scan, kind="remove", geometry=square(0.4, 0.4))
    moved = accepted(editor, scan, kind="remove", geometry=square(0.1, 0.6))
    kept = accepted(editor, scan, kind="remove", geometry=square(0.6, 0.1))
    built = accepted(editor, scan, geometry=square(0.8, 0.8))
    client = client_of(editor)
    made = make(client, scan).json()
    url = f"/api/changesets/{made['id']}/"
    assert client.get(url).json()["conflicts"] == []
    newer = SnapshotFactory(region=scan.region, taken_at=dt.datetime(2025, 1, 1, tzinfo=dt.UTC))
    again = {"snapshot": newer, "version": 3}
    FootprintFactory(**{**again, "version": 4}, osm_id=changed.footprint.osm_id, geometry=changed.geometry)
    FootprintFactory(**again, osm_id=moved.footprint.osm_id, geometry=square(0.12, 0.6))
    FootprintFactory(**again, osm_id=kept.footprint.osm_id, geometry=kept.geometry)
    FootprintFactory(**again, geometry=built.geometry)
    codes = {one["change"]: one["code"] for one in client.get(url).json()["conflicts"]}
    assert codes == {
        gone.pk: "gone", changed.pk: "newer_version", moved.pk: "other_geometry", built.pk: "already_mapped",
    }  # fmt: skip


def test_refused_edits_are_listed_with_their_reason_and_can_be_skipped(client_of, editor, scan):
    accepted(editor, scan)
    accepted(editor, scan, kind="modify")
    client = client_of(editor)
    made = make(client, scan).json()
    url = f"/api/changesets/{made['id']}/"
    detail = client.get(url).json()
    assert [one["code"] for one in detail["refused"]] == ["no_nodes"]
    refused = client.get(f"{url}edits.osc")
    assert (refused.status_code, refused.json()["code"]) == (409, "refused_items")
    text = b"".join(client.get(f"{url}edits.osc?skip_refused=true").streaming_content).decode()
    assert text.count("<way ") == 1


def test_versions_of_what_is_not_in_the_changeset_are_refused(client_of, editor, scan):
    accepted(editor, scan, kind="remove")
    client = client_of(editor)
    made = make(client, scan).json()
    url = f"/api/changesets/{made['id']}/versions/"
    assert client.post(url, {"way/99": 3}, format="json").json()["code"] == "invalid"
    assert client.post(url, {"house/99": 3}, format="json").status_code == 400
    assert client.post(url, {"way/99": 0}, format="json").status_code == 400
    assert client.post(url, [1], format="json").status_code == 400


def test_versions_that_the_map_gave_stay(client_of, editor, scan):
    dated = FootprintFactory(snapshot=scan.snapshot, version=3)
    accepted(editor, scan, kind="remove", footprint=dated)
    undated = FootprintFactory(snapshot=scan.snapshot, version=None, geometry=square(0.2, 0.2))
    accepted(editor, scan, kind="remove", footprint=undated, geometry=square(0.2, 0.2))
    client = client_of(editor)
    made = make(client, scan).json()
    url = f"/api/changesets/{made['id']}/versions/"
    refused = client.post(url, {dated.key: 9, undated.key: 4}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert dated.key in refused.json()["detail"] and undated.key not in refused.json()["detail"]
    assert client.post(url, {undated.key: 4}, format="json").json() == {"used": 1}
    told = dict(EditItem.objects.values_list("change__footprint", "base_version"))
    assert told == {dated.pk: 3, undated.pk: 4}


def test_a_changeset_of_unnamed_edits_stays_below_what_osm_takes(client_of, editor, scan):
    def rounded(n, corners, radius=1e-4):
        west, south, _, _ = square().extent
        return to_geos(shapely.Point(west + 3e-4 * n, south).buffer(radius, quad_segs=corners // 4))

    for n in range(6):
        accepted(editor, scan, geometry=rounded(n, 1900))
    client = client_of(editor)
    made = make(client, scan).json()
    assert (made["edits"], made["remaining"]) == (4, 2)
    assert 7_000 < client.get(f"/api/changesets/{made['id']}/").json()["elements"] <= 10_000
    again = make(client, scan).json()
    assert (again["edits"], again["remaining"]) == (2, 0)
    accepted(editor, scan, geometry=rounded(7, 12_000))
    assert make(client, scan).json()["edits"] == 1


def test_a_reviewer_sees_changesets_but_does_not_make_or_export_them(client_of, editor, scan):
    accepted(editor, scan)
    made = make(client_of(editor), scan).json()
    reviewer = client_of(UserFactory())
    assert reviewer.get(f"/api/regions/{scan.region_id}/changesets/").json()["results"][0]["edits"] == 1
    assert make(reviewer, scan).status_code == 403
    assert reviewer.get(f"/api/changesets/{made['id']}/edits.osc").status_code == 403


def test_each_removal_is_kept_as_demolished_or_deleted_as_an_editor_says(client_of, editor, scan):
    plain = accepted(editor, scan, kind="remove")
    tags, place = {"building": "yes", "shop": "tea"}, square(0.2, 0.2)
    tea = FootprintFactory(snapshot=scan.snapshot, geometry=place, tags=tags)
    shop = accepted(editor, scan, kind="remove", geometry=place, footprint=tea)
    client = client_of(editor)
    made = make(client, scan).json()
    edit = f"/api/changesets/{made['id']}/edits/{{}}/"
    assert client.patch(edit.format(plain.pk), {"demolish": True}, format="json").json()["demolish"] is True
    assert EditItem.objects.get(change=plain).demolish
    refused = client.patch(edit.format(shop.pk), {"demolish": False}, format="json")
    assert (refused.status_code, EditItem.objects.get(change=shop).demolish) == (400, True)
    assert "more than a building" in refused.json()["detail"]
    EditItem.objects.filter(change=plain).update(operations=[])  # as an export leaves it
    assert client.patch(edit.format(plain.pk), {"demolish": False}, format="json").status_code == 400
    added = accepted(editor, scan, geometry=square(0.8, 0.8))
    other = make(client, scan).json()
    wrong = client.patch(f"/api/changesets/{other['id']}/edits/{added.pk}/", {"demolish": True}, format="json")
    assert "only a removal" in wrong.json()["detail"]
