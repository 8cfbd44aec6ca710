"""A person says that a building still stands: its check_date leaves as an edit, and nothing else of it changes."""

import datetime as dt
import json
import uuid
from xml.etree import ElementTree

import pytest
import shapely.geometry
from django.utils import timezone

from annotation.changes.decided import decisions_of
from annotation.changes.standing import last_day
from annotation.review.models import QueueItem
from annotation.sources.engine import to_shapely
from annotation.sources.models import Region
from tests.factories import FootprintFactory, RegionFactory, SnapshotFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db
SEEN = dt.date(2024, 3, 1)
"""The day of the factories' imagery."""


@pytest.fixture
def scan():
    region = RegionFactory(open_to_all=True, confirm_standing=True)
    return ScanFactory(model=ModelVersionFactory(region=region))


@pytest.fixture
def editor():
    return UserFactory(role="editor")


def house(scan, **more):
    corners = square().coords[0]
    nodes = [[100 + n, 2, round(lon, 7), round(lat, 7), False, False] for n, (lon, lat) in enumerate(corners[:-1])]
    return FootprintFactory(snapshot=scan.snapshot, **{"nodes": [*nodes, nodes[0]], **more})


def doubted(scan, kind="remove", **more):
    """A suggestion against a house of the map."""
    return ChangeFactory(scan=scan, kind=kind, footprint=house(scan, **more))


def confirm(client, change, decision="still_stands", **payload):
    item = client.post(f"/api/review/items/{change.item_id}/claim/").json()["item"]
    body = {
        "lease_token": item["lease_token"], "version": item["version"], "decision": decision, "payload": payload,
        "idempotency_key": str(uuid.uuid4()),
    }  # fmt: skip
    return client.post(f"/api/review/items/{change.item_id}/decide/", body, format="json")


def osc(client, changeset):
    reply = client.get(f"/api/changesets/{changeset}/edits.osc")
    assert reply.status_code == 200, reply.json()
    return ElementTree.fromstring(b"".join(reply.streaming_content))


@pytest.mark.parametrize("kind", ["remove", "modify"])
def test_it_leaves_as_the_whole_object_with_its_check_date_and_nothing_else_changed(client_of, editor, scan, kind):
    tags = {"building": "house", "name": "Mill", "survey:date": "2019-01-01", "check_date": "2022-06"}
    change, client = doubted(scan, kind, tags=tags), client_of(editor)
    ChangeFactory(scan=scan, geometry=square(0.2, 0.2))
    assert client.get(f"/api/changes/{change.pk}/").json()["standing"] == {"on": "2024-03-01", "why_not": ""}
    assert confirm(client, change).status_code == 200
    listed = client.get(f"/api/regions/{scan.region_id}/changes/", {"decision": "still_stands", "exported": "false"})
    assert [row["id"] for row in listed.json()["results"]] == [change.pk]

    made = client.post(f"/api/regions/{scan.region_id}/changesets/", {"comment": "seen"}, format="json").json()
    assert made["edits"] == 1
    (edit,) = client.get(f"/api/changesets/{made['id']}/").json()["items"]
    assert (edit["check_date"], edit["demolish"]) == ("2024-03-01", False)
    assert client.patch(
        f"/api/changesets/{made['id']}/edits/{change.pk}/", {"demolish": True}, format="json"
    ).status_code == 400  # fmt: skip

    (modify,) = osc(client, made["id"])
    (way,) = modify
    assert (modify.tag, way.tag, way.get("id")) == ("modify", "way", str(change.footprint.osm_id))
    assert way.get("version") == str(change.footprint.version)
    assert [nd.get("ref") for nd in way.iter("nd")] == ["100", "101", "102", "103", "100"]
    assert {tag.get("k"): tag.get("v") for tag in way.iter("tag")} == {**tags, "check_date": "2024-03-01"}
    copy = client.get(f"/api/changesets/{made['id']}/edits.osc?tool=copy")
    (way,) = ElementTree.fromstring(b"".join(copy.streaming_content)).iter("way")
    assert way.get("version") == str(change.footprint.version + 1)

    geojson = client.get(f"/api/changesets/{made['id']}/edits.geojson")
    assert b'"action": "confirm"' in b"".join(geojson.streaming_content)
    taken_back = client.post(
        f"/api/review/items/{change.item_id}/undo/", {"version": 1, "idempotency_key": str(uuid.uuid4())}, format="json"
    )
    assert taken_back.json()["code"] == "exported"


def test_every_file_and_challenge_takes_it_as_a_modify(client_of, editor, scan):
    change, client = doubted(scan), client_of(editor)
    confirm(client, change)
    made = client.post(f"/api/regions/{scan.region_id}/changesets/", {"comment": "seen"}, format="json").json()
    josm = b"".join(client.get(f"/api/changesets/{made['id']}/edits.osm").streaming_content)
    (way,) = ElementTree.fromstring(josm).iter("way")
    assert way.get("action") == "modify"
    assert {tag.get("k") for tag in way.iter("tag")} == {"building", "check_date"}
    assert not [one for one in ElementTree.fromstring(josm).iter("node") if one.get("action")]


def test_files_of_suggestions_give_the_shape_that_stands_and_not_the_one_proposed(client_of, editor, scan):
    client = client_of(editor)
    change = ChangeFactory(scan=scan, kind="modify", footprint=house(scan), geometry=square(0.2, 0.2))
    confirm(client, change)
    west, south, east, north = change.footprint.geometry.extent
    url = f"/api/regions/{scan.region_id}/changes."
    lines = b"".join(client.get(f"{url}csv").streaming_content).decode().splitlines()
    lon, lat = map(float, lines[1].split(",")[:2])
    assert west < lon < east and south < lat < north
    (feature,) = json.loads(b"".join(client.get(f"{url}geojson").streaming_content))["features"]
    assert shapely.geometry.shape(feature["geometry"]).equals(to_shapely(change.footprint.geometry))


def test_taking_it_back_forgets_the_day(client_of, editor, scan):
    change, client = doubted(scan), client_of(editor)
    confirm(client, change)
    change.refresh_from_db()
    assert change.confirmed_on == SEEN
    body = {"version": 1, "idempotency_key": str(uuid.uuid4())}
    assert client.post(f"/api/review/items/{change.item_id}/undo/", body, format="json").status_code == 200
    change.refresh_from_db()
    assert change.confirmed_on is None
    made = client.post(f"/api/regions/{scan.region_id}/changesets/", {"comment": "seen"}, format="json")
    assert made.json()["code"] == "nothing_accepted"


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"edited_at": dt.datetime(2024, 3, 2, tzinfo=dt.UTC)}, "last edit"),
        ({"tags": {"building": "yes", "check_date": "2024-03-02"}}, "2024-03-02"),
        ({"tags": {"building": "yes", "check_date": "2024-03-01"}}, "2024-03-01"),
        ({"tags": {"building": "yes", "check_date": "2024-03"}}, "2024-03"),
        ({"tags": {"building": "yes", "check_date": "2024"}}, "2024"),
        ({"tags": {"building": "yes", "check_date": "last week"}}, "no day"),
        ({"osm_id": None}, "no OSM id"),
    ],
)
def test_an_image_that_says_nothing_newer_confirms_nothing_and_says_so_before(client_of, editor, scan, more, why):
    change, client = doubted(scan, **more), client_of(editor)
    assert why in client.get(f"/api/changes/{change.pk}/").json()["standing"]["why_not"]
    refused = confirm(client, change)
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert why in refused.json()["detail"]
    assert QueueItem.objects.get(pk=change.item_id).state == "open"


@pytest.mark.parametrize("edited_at", [None, dt.datetime(2024, 5, 1, tzinfo=dt.UTC)])
def test_what_a_newer_map_lacks_or_has_edited_after_the_image_is_not_confirmed(client_of, editor, scan, edited_at):
    change, client = doubted(scan), client_of(editor)
    newer = SnapshotFactory(region=scan.region)
    if edited_at:
        FootprintFactory(snapshot=newer, osm_id=change.footprint.osm_id, version=4, edited_at=edited_at)
    assert confirm(client, change).status_code == 400


def test_without_a_day_of_the_image_or_with_one_to_come_it_is_the_day_of_the_answer(client_of, editor, scan):
    for captured_on in (None, timezone.now().date() + dt.timedelta(days=1)):
        type(scan.imagery).objects.filter(pk=scan.imagery_id).update(captured_on=captured_on)
        change = doubted(scan)
        assert confirm(client_of(editor), change).status_code == 200
        change.refresh_from_db()
        assert change.confirmed_on == timezone.now().date()


def test_only_where_the_region_asks_for_it_and_only_of_what_the_map_has(client_of, editor, scan):
    client = client_of(editor)
    new, moved = ChangeFactory(scan=scan), doubted(scan, "shifted")
    for change in (new, moved):
        assert client.get(f"/api/changes/{change.pk}/").json()["standing"] is None
        assert confirm(client, change).status_code == 400
    assert confirm(client, doubted(scan), geometry={"type": "Polygon", "coordinates": []}).status_code == 400
    Region.objects.update(confirm_standing=False)
    change = doubted(scan)
    assert client.get(f"/api/changes/{change.pk}/").json()["standing"] is None
    refused = confirm(client, change)
    assert refused.status_code == 400 and "settings" in refused.json()["detail"]


def test_it_is_off_until_an_admin_switches_it_on(client_of):
    admin, region = UserFactory(role="admin"), RegionFactory()
    client, url = client_of(admin), f"/api/regions/{region.pk}/"
    assert client.get(url).json()["confirm_standing"] is False
    assert client.patch(url, {"confirm_standing": True}, format="json").json()["confirm_standing"] is True
    assert client.patch(url, {"name": "other"}, format="json").json()["confirm_standing"] is True


def test_models_learn_from_it_as_from_a_suggestion_that_was_turned_down(client_of, editor, scan):
    confirm(client_of(editor), doubted(scan))
    (answer,) = decisions_of(scan.imagery, scan.snapshot).decisions
    assert (answer.kind, answer.decision) == ("remove", "rejected")


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2024-02-01", dt.date(2024, 2, 1)),
        ("2024-02", dt.date(2024, 2, 29)),
        ("2023", dt.date(2023, 12, 31)),
        (" 2023-01-01 ", dt.date(2023, 1, 1)),
        ("2023-13", None),
        ("2023-02-30", None),
        ("0000", None),
        ("yes", None),
        ("", None),
    ],
)
def test_a_check_date_may_name_a_day_a_month_or_a_year(value, day):
    assert last_day(value) == day
