"""Many changesets at once, the guard that a person decided, tags, and the diff: over HTTP and against the database."""

from __future__ import annotations

import json

import pytest
import shapely
import shapely.geometry

from annotation.edits.errors import NoVerdictError
from annotation.edits.models import Changeset, EditItem
from annotation.edits.services import areas, changesets, export, policy
from annotation.edits.services.uploads.checks import outlook
from annotation.review.models import QueueItem, Verdict
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


def test_a_plan_is_told_with_what_stands_against_it_and_made_as_it_was_shown(client_of, editor, scan):
    far = [accepted(editor, scan, geometry=square(*place, 0.1)) for place in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9))]
    bad = accepted(editor, scan, kind="modify")  # of a map without node ids
    client = client_of(editor)
    url = f"/api/regions/{scan.region_id}/changesets/"
    told = client.post(f"{url}areas/", {"most_edits": 1}, format="json").json()
    assert not Changeset.objects.exists()
    groups = [area["change_ids"] for area in told["areas"]]
    assert sorted(one for group in groups for one in group) == sorted([*(one.pk for one in far), bad.pk])
    assert told["remaining"] == 0
    against = {area["change_ids"][0]: [one["code"] for one in area["why_not"]] for area in told["areas"]}
    assert against[bad.pk] == ["no_nodes"] and against[far[0].pk] == []
    body = {"comment": "Houses", "hashtags": "buildings, #nepal", "review_requested": True, "groups": groups}
    made = client.post(f"{url}many/", body, format="json")
    assert made.status_code == 201
    held = [
        sorted(EditItem.objects.filter(changeset=one["id"]).values_list("change", flat=True))
        for one in made.json()["changesets"]
    ]
    assert held == groups
    assert {json.dumps(one["tags"], sort_keys=True) for one in made.json()["changesets"]} == {
        json.dumps(made.json()["changesets"][0]["tags"], sort_keys=True)
    }
    tags = made.json()["changesets"][0]["tags"]
    assert (tags["hashtags"], tags["review_requested"]) == ("#buildings;#nepal", "yes")
    again = client.post(f"{url}many/", body, format="json")
    assert again.json()["code"] == "not_accepted" and Changeset.objects.count() == len(groups)


def test_many_changesets_are_made_all_or_none(client_of, editor, scan):
    one, other = accepted(editor, scan), accepted(editor, scan, geometry=square(0.2, 0.2))
    undecided = ChangeFactory(scan=scan)
    url = f"/api/regions/{scan.region_id}/changesets/many/"
    client = client_of(editor)
    for groups in ([[one.pk], [other.pk, undecided.pk]], [[one.pk], [one.pk, other.pk]]):
        reply = client.post(url, {"comment": "c", "groups": groups}, format="json")
        assert reply.status_code == 400 and not Changeset.objects.exists()


def test_each_map_has_areas_of_its_own(client_of, editor, scan):
    older = accepted(editor, scan)
    newer_scan = ScanFactory(model=scan.model, snapshot=SnapshotFactory(region=scan.region))
    newer = accepted(editor, newer_scan, geometry=square(0.2, 0.2, 0.05), pair=older.pair)
    told = client_of(editor).post(f"/api/regions/{scan.region_id}/changesets/areas/", {}, format="json").json()
    assert {tuple(area["change_ids"]) for area in told["areas"]} == {(older.pk,), (newer.pk,)}


def test_nothing_leaves_that_no_person_decided(client_of, editor, scan):
    change = accepted(editor, scan)
    made = changesets.create(user=editor, region=scan.region, comment="c").changeset
    list(export.osc(made))
    Verdict.objects.filter(item=change.item).delete()
    with pytest.raises(NoVerdictError) as refused:
        list(export.osc(made))
    assert refused.value.data["change_ids"] == [change.pk]
    assert "no_verdict" in [one.code for one in outlook(editor, made).why_not]
    reply = client_of(editor).get(f"/api/changesets/{made.pk}/edits.osc")
    assert (reply.status_code, reply.json()["code"]) == (409, "no_verdict")


def test_a_decision_that_was_set_without_a_verdict_makes_no_changeset(editor, scan):
    change = ChangeFactory(scan=scan)
    QueueItem.objects.filter(pk=change.item_id).update(
        state="decided", decision="accept", decided_by=editor, decided_at="2026-01-01T00:00Z"
    )
    with pytest.raises(NoVerdictError):
        changesets.create(user=editor, region=scan.region, comment="c")
    assert not Changeset.objects.exists()


def test_a_verdict_of_somebody_else_or_of_another_time_does_not_vouch(editor, scan):
    change = accepted(editor, scan)
    made = changesets.create(user=editor, region=scan.region, comment="c").changeset
    items = list(made.items.select_related("change"))
    assert policy.without_verdict(items) == []
    QueueItem.objects.filter(pk=change.item_id).update(decided_by=UserFactory())
    assert policy.without_verdict(items) == [change.pk]
    QueueItem.objects.filter(pk=change.item_id).update(decided_by=editor, version=7)
    assert policy.without_verdict(items) == [change.pk]


def test_tags_are_counted_in_characters_and_changed_until_the_upload(client_of, editor, scan):
    accepted(editor, scan)
    made = changesets.create(user=editor, region=scan.region, comment="🏠" * 255).changeset
    client, url = client_of(editor), f"/api/changesets/{made.pk}/"
    long = client.patch(url, {"comment": "🏠" * 256}, format="json")
    assert long.status_code == 400 and "comment" in long.json()["fields"]
    wordy = client.patch(url, {"hashtags": "a " * 127}, format="json")
    assert wordy.status_code == 200  # said twice is said once
    many = " ".join(f"w{n}" for n in range(60))
    assert client.patch(url, {"hashtags": many}, format="json").status_code == 400  # with their marks they are longer
    assert client.patch(url, {"created_by": ""}, format="json").status_code == 400
    body = {"source": "Survey", "imagery_used": "", "review_requested": True}
    tags = client.patch(url, body, format="json").json()["tags"]
    assert (tags["source"], tags["review_requested"], tags["created_by"]) == ("Survey", "yes", "Mapwright")
    assert "imagery_used" not in tags and tags["hashtags"] == "#a"
    made.refresh_from_db()
    assert made.source == "Survey" and made.comment == "🏠" * 255


def test_the_diff_has_both_shapes_of_what_is_changed(client_of, editor, scan):
    house = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.4, 0.4))
    accepted(editor, scan, kind="modify", footprint=house, geometry=square(0.41, 0.4))
    accepted(editor, scan, geometry=square(0.8, 0.8))
    made = changesets.create(user=editor, region=scan.region, comment="c").changeset
    features = json.loads("".join(export.geojson(made)))["features"]
    before = {one["properties"]["action"]: one["before"] for one in features}
    assert before["add"] is None
    mapped = shapely.from_wkt(house.geometry.wkt)
    assert shapely.geometry.shape(before["modify"]).symmetric_difference(mapped).area < 1e-2 * mapped.area


def test_a_plan_tells_what_the_newest_map_contradicts(client_of, editor, scan):
    house = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.4, 0.4))
    gone = accepted(editor, scan, kind="remove", footprint=house, geometry=square(0.4, 0.4))
    drawn = accepted(editor, scan, geometry=square(0.8, 0.8))
    newer = SnapshotFactory(region=scan.region)
    FootprintFactory(snapshot=newer, geometry=drawn.geometry)
    told = (
        client_of(editor)
        .post(f"/api/regions/{scan.region_id}/changesets/areas/", {"most_edits": 1}, format="json")
        .json()
    )
    against = {area["change_ids"][0]: [one["code"] for one in area["why_not"]] for area in told["areas"]}
    assert "conflicting_edits" in against[gone.pk] and against[drawn.pk] == ["conflicting_edits"]
    assert not EditItem.objects.exists()


def test_more_than_are_planned_at_once_come_neighbours_first(editor, scan, monkeypatch):
    monkeypatch.setattr(areas, "MOST", 4)
    places = [(0.1, 0.1), (0.7, 0.9)] * 4  # decided here and there by turns
    made = [accepted(editor, scan, geometry=square(x + n * 0.03, y, 0.01)) for n, (x, y) in enumerate(places)]
    first = areas.plan(region=scan.region)
    assert first.remaining == 4
    held = {change for area in first.areas for change in area.change_ids}
    assert held in ({one.pk for one in made[::2]}, {one.pk for one in made[1::2]})


def test_of_one_building_everything_is_planned_at_once(editor, scan, monkeypatch):
    monkeypatch.setattr(areas, "MOST", 2)
    house = FootprintFactory(snapshot=scan.snapshot, geometry=square(0.1, 0.1, 0.01))
    older = accepted(editor, scan, kind="modify", footprint=house, geometry=square(0.1, 0.1, 0.01))
    lone = accepted(editor, scan, geometry=square(0.2, 0.1, 0.01))
    newer = accepted(editor, scan, kind="remove", footprint=house, geometry=square(0.9, 0.9, 0.01))
    assert older.object_id == newer.object_id
    found = {change for area in areas.plan(region=scan.region).areas for change in area.change_ids}
    assert found in ({lone.pk}, {newer.pk}, {newer.pk, lone.pk})


def test_no_more_areas_are_planned_than_are_made_at_once(editor, scan, monkeypatch):
    monkeypatch.setattr(areas, "MOST_AREAS", 2)
    for place in ((0.1, 0.1), (0.9, 0.1), (0.1, 0.9)):
        accepted(editor, scan, geometry=square(*place, 0.1))
    found = areas.plan(region=scan.region, most_edits=1)
    assert (len(found.areas), found.remaining) == (2, 1)
