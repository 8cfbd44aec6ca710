"""An edit beside what the map has by now: three states, and laying it over theirs part by part, or dropping it."""

import datetime as dt
import json
from xml.etree import ElementTree

import pytest
import shapely.geometry
from django.utils import timezone

from annotation.edits.models import EditItem
from annotation.edits.services.three_way import of_change
from annotation.review.models import AuditEntry
from annotation.sources.engine import to_shapely
from annotation.sources.models import Region
from tests.factories import FootprintFactory, RegionFactory, SnapshotFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db
LATER = dt.datetime(2025, 6, 1, tzinfo=dt.UTC)
TAGS = {"building": "yes", "name": "Mill"}


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def client(client_of, scan):
    return client_of(UserFactory(role="editor"))


def nodes_of(shape, first=100, version=2):
    corners = [(round(lon, 7), round(lat, 7)) for lon, lat in shape.coords[0][:-1]]
    nodes = [[first + n, version, lon, lat, False, False] for n, (lon, lat) in enumerate(corners)]
    return [*nodes, nodes[0]]


def house(snapshot, shape=None, first=100, **more):
    shape = shape or square()
    return FootprintFactory(
        snapshot=snapshot, geometry=shape, nodes=nodes_of(shape, first), **{"version": 3, "tags": TAGS, **more}
    )


def edit(scan, kind="modify", *, tags_set=None, decision="accept", base=None, **more):
    """An accepted change of a house in a changeset of its own."""
    user = UserFactory(role="editor")
    change = ChangeFactory(scan=scan, kind=kind, footprint=base or house(scan.snapshot), **more)
    save_decision(user, change, decision)
    type(change).objects.filter(pk=change.pk).update(tags_set=tags_set or {})
    return change


def put(client, scan, *changes):
    body = {"comment": "Houses", "change_ids": [change.pk for change in changes]}
    return client.post(f"/api/regions/{scan.region_id}/changesets/", body, format="json").json()["id"]


def newer(scan, change, shape=None, **more):
    """A later map that has the building in another state."""
    base = change.footprint
    snapshot = SnapshotFactory(region=scan.region, taken_at=LATER)
    told = {"osm_id": base.osm_id, "object": base.object, "version": 4, **more}
    return house(snapshot, shape or base.geometry, **told)


def asked(client, changeset, change):
    reply = client.get(f"/api/changesets/{changeset}/edits/{change.pk}/three-way/")
    assert reply.status_code == 200, reply.json()
    return reply.json()["conflict"]


def rebase(client, changeset, change, seen=None, **chosen):
    seen = seen or asked(client, changeset, change)["theirs"]["digest"]
    url = f"/api/changesets/{changeset}/edits/{change.pk}/rebase/"
    return client.post(url, {"seen": seen, **chosen}, format="json")


def osc(client, changeset):
    reply = client.get(f"/api/changesets/{changeset}/edits.osc")
    assert reply.status_code == 200, reply.json()
    return ElementTree.fromstring(b"".join(reply.streaming_content))


def way_of(client, changeset):
    (way,) = osc(client, changeset).iter("way")
    return way.get("version"), {tag.get("k"): tag.get("v") for tag in way.iter("tag")}


WIDER, MOVED = square(0.5, 0.5, 0.3), square(0.52, 0.5)


def test_nothing_is_asked_while_the_newest_map_says_the_same(client, scan):
    change = edit(scan, geometry=WIDER)
    number = put(client, scan, change)
    assert asked(client, number, change) is None
    newer(scan, change, version=3)
    assert asked(client, number, change) is None
    refused = rebase(client, number, change, seen="x")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_conflict")


def test_the_three_are_told_with_the_tags_that_differ_alone(client, scan):
    change = edit(scan, geometry=WIDER, tags_set={"building": "house", "roof:shape": "flat"})
    number = put(client, scan, change)
    newer(scan, change, MOVED, tags={"building": "barn", "name": "Mill", "height": "4"})
    told = asked(client, number, change)
    assert (told["code"], told["base"]["version"], told["theirs"]["version"]) == ("newer_version", 3, 4)
    assert told["ours"]["coordinates"] != told["theirs"]["geometry"]["coordinates"]
    assert told["rows"] == [
        {"key": "building", "base": "yes", "theirs": "barn", "ours": "house", "both": True},
        {"key": "height", "base": None, "theirs": "4", "ours": None, "both": False},
        {"key": "roof:shape", "base": None, "theirs": None, "ours": "flat", "both": False},
    ]
    assert told["shape"] == {"choices": ["ours", "theirs"], "suggested": "", "why_not": ""}
    assert told["tags"] == {"choices": ["ours", "theirs"], "suggested": "", "why_not": ""}


def test_what_only_one_of_both_changed_is_suggested_and_both_are_kept(client, scan):
    change = edit(scan, geometry=WIDER)
    number = put(client, scan, change)
    newer(scan, change, tags={**TAGS, "shop": "bakery"}, version=7)
    told = asked(client, number, change)
    assert (told["shape"]["suggested"], told["tags"]) == ("ours", None)
    assert client.get(f"/api/changesets/{number}/edits.osc").json()["code"] == "conflicting_edits"
    made = rebase(client, number, change)
    assert made.json()["base_version"] == 7 and made.json()["rebased"] == {"shape": "ours", "tags": "ours"}
    assert asked(client, number, change) is None
    assert way_of(client, number) == ("7", {**TAGS, "shop": "bakery"})
    moved = [node for node in osc(client, number).find("modify") if node.tag == "node"]
    assert len(moved) == 4 and {node.get("version") for node in moved} == {"2"}
    assert AuditEntry.objects.get(action="edits.rebased").data["version"] == {"from": 3, "to": 7}


@pytest.mark.parametrize(
    ("shape", "tags", "corners", "building"),
    [("ours", "theirs", WIDER, "barn"), ("theirs", "ours", MOVED, "house"), ("ours", "ours", WIDER, "house")],
)
def test_each_part_is_ours_or_theirs_as_a_person_says(client, scan, shape, tags, corners, building):
    change = edit(scan, geometry=WIDER, tags_set={"building": "house"})
    number = put(client, scan, change)
    newer(scan, change, MOVED, tags={"building": "barn", "height": "4"})
    assert rebase(client, number, change, shape=shape).status_code == 400  # of the tags nothing was said
    assert rebase(client, number, change, shape=shape, tags=tags).status_code == 200
    assert way_of(client, number) == ("4", {"building": building, "height": "4"})
    places = {(node.get("lon"), node.get("lat")) for node in osc(client, number).iter("node")}
    wanted = {(f"{lon:.7f}", f"{lat:.7f}") for lon, lat in corners.coords[0]}
    assert places == (set() if shape == "theirs" else wanted)
    collection = json.loads(b"".join(client.get(f"/api/changesets/{number}/edits.geojson").streaming_content))
    shown = shapely.geometry.shape(collection["features"][0]["geometry"])
    assert shown.symmetric_difference(to_shapely(corners)).area < 1e-3 * shown.area


def test_with_both_parts_theirs_nothing_is_left_and_dropping_is_named(client, scan):
    change = edit(scan, geometry=WIDER, tags_set={"building": "house"})
    number = put(client, scan, change)
    newer(scan, change, MOVED, tags={"building": "barn"})
    refused = rebase(client, number, change, shape="theirs", tags="theirs")
    assert refused.status_code == 400 and "drop it" in refused.json()["detail"]


def test_a_state_that_nobody_saw_is_not_written_over(client, scan):
    change = edit(scan, geometry=WIDER)
    number = put(client, scan, change)
    theirs = newer(scan, change, MOVED)
    seen = asked(client, number, change)["theirs"]["digest"]
    theirs.tags = {"building": "church"}
    theirs.save()
    refused = rebase(client, number, change, seen=seen, shape="ours")
    assert (refused.status_code, refused.json()["code"]) == (409, "newer_state")
    assert EditItem.objects.get().rebased is None


def test_a_map_that_comes_later_still_is_compared_with_the_state_it_was_laid_over(client, scan):
    change = edit(scan, geometry=WIDER)
    number = put(client, scan, change)
    newer(scan, change, MOVED)
    rebase(client, number, change, shape="ours")
    third = newer(scan, change, square(0.54, 0.5), version=9)
    third.snapshot.taken_at = LATER + dt.timedelta(days=30)
    third.snapshot.save()
    told = asked(client, number, change)
    assert (told["base"]["version"], told["theirs"]["version"]) == (4, 9)
    assert rebase(client, number, change, shape="ours").json()["base_version"] == 9
    assert way_of(client, number)[0] == "9"


def test_a_building_that_is_gone_or_mapped_by_now_can_only_be_dropped(client, scan):
    gone, added = edit(scan, geometry=WIDER), ChangeFactory(scan=scan, geometry=square(0.8, 0.8))
    save_decision(UserFactory(role="editor"), added)
    number = put(client, scan, gone, added)
    snapshot = SnapshotFactory(region=scan.region, taken_at=LATER)
    there = house(snapshot, square(0.8, 0.8), first=300)
    told = asked(client, number, gone)
    assert (told["code"], told["theirs"]) == ("gone", None) and "drop" in told["why_not"]
    told = asked(client, number, added)
    assert (told["code"], told["theirs"]["key"], told["base"]) == ("already_mapped", there.key, None)
    for change in (gone, added):
        refused = rebase(client, number, change, seen="x")
        assert (refused.status_code, refused.json()["code"]) == (409, "not_rebased")
    assert client.delete(f"/api/changesets/{number}/edits/{gone.pk}/").status_code == 204
    assert asked(client, number, added) is not None


def test_a_removal_of_what_became_more_than_a_building_keeps_it_as_demolished(client, scan):
    change = edit(scan, "remove", base=house(scan.snapshot, tags={"building": "yes"}))
    number = put(client, scan, change)
    newer(scan, change, tags={"building": "yes", "shop": "bakery"})
    told = asked(client, number, change)
    assert (told["action"], told["ours"], told["shape"], told["tags"]) == ("remove", None, None, None)
    assert rebase(client, number, change).json()["demolish"] is True
    assert way_of(client, number) == ("4", {"demolished:building": "yes", "shop": "bakery"})


def test_a_confirmation_is_laid_over_it_unless_somebody_was_there_since(client, scan):
    Region.objects.update(confirm_standing=True)
    change = edit(scan, "remove", decision="still_stands")
    number = put(client, scan, change)
    theirs = newer(scan, change, tags={**TAGS, "height": "4"}, edited_at=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    assert rebase(client, number, change).status_code == 200
    assert way_of(client, number) == ("4", {**TAGS, "height": "4", "check_date": "2024-03-01"})
    EditItem.objects.update(rebased=None, base_version=3, operations=None)
    theirs.edited_at = timezone.now()
    theirs.save()
    assert "older than the object's last edit" in asked(client, number, change)["why_not"]
    assert rebase(client, number, change).json()["code"] == "not_rebased"


def test_our_shape_is_no_choice_where_the_map_cant_take_it(client, scan):
    change = edit(scan, geometry=WIDER, tags_set={"building": "house"})
    number = put(client, scan, change)
    theirs = newer(scan, change, MOVED)
    house(theirs.snapshot, square(0.62, 0.5, 0.1), first=300)
    told = asked(client, number, change)
    assert told["shape"]["choices"] == ["theirs"] and "over way/" in told["shape"]["why_not"]
    assert rebase(client, number, change, shape="ours", tags="ours").status_code == 400
    assert rebase(client, number, change).status_code == 200
    assert way_of(client, number) == ("4", {"building": "house", "name": "Mill"})


def test_tags_that_the_map_protects_by_now_stay_as_they_are(client, scan):
    change = edit(scan, geometry=WIDER, tags_set={"amenity": "school"})
    number = put(client, scan, change)
    newer(scan, change, tags={**TAGS, "amenity": "pub"})
    told = asked(client, number, change)
    assert told["tags"]["choices"] == ["theirs"] and "amenity" in told["tags"]["why_not"]
    assert rebase(client, number, change).status_code == 200
    assert way_of(client, number)[1]["amenity"] == "pub"


@pytest.mark.parametrize("height", ["9", None])
def test_what_an_edit_takes_off_goes_from_the_newer_map_too_or_is_gone_there(client, scan, height):
    base = house(scan.snapshot, tags={**TAGS, "height": "9"})
    change = edit(scan, geometry=WIDER, base=base, tags_set={"height": ""})
    number = put(client, scan, change)
    newer(scan, change, tags={**TAGS, "roof:shape": "flat", **({"height": height} if height else {})})
    assert asked(client, number, change)["tags"] == {"choices": ["ours", "theirs"], "suggested": "ours", "why_not": ""}
    assert rebase(client, number, change).status_code == 200
    assert way_of(client, number)[1] == {**TAGS, "roof:shape": "flat"}


def test_an_edit_that_the_map_has_by_now_is_dropped_and_not_made_twice(client, scan):
    change = edit(scan, geometry=WIDER, tags_set={"building": "house"})
    number = put(client, scan, change)
    newer(scan, change, WIDER, tags={**TAGS, "building": "house"})
    assert "says by now" in asked(client, number, change)["why_not"]


def test_what_is_in_the_map_or_somebody_elses_is_not_rebased(client, client_of, scan):
    change = edit(scan, geometry=WIDER)
    number = put(client, scan, change)
    newer(scan, change, MOVED)
    seen = asked(client, number, change)["theirs"]["digest"]
    assert rebase(client_of(UserFactory()), number, change, seen=seen).status_code == 403
    Region.objects.update(open_to_all=False)
    assert rebase(client, number, change, seen=seen).status_code == 404


def test_a_suggestion_that_nobody_decided_is_compared_too(client_of, scan):
    change = ChangeFactory(scan=scan, kind="modify", geometry=WIDER, footprint=house(scan.snapshot))
    assert of_change(change) is None
    newer(scan, change, MOVED)
    reply = client_of(UserFactory()).get(f"/api/changes/{change.pk}/three-way/")
    assert reply.json()["conflict"]["theirs"]["version"] == 4


def test_an_edit_that_went_out_says_anew_what_it_does_under_ids_that_no_file_had(client, scan):
    change = edit(scan, geometry=WIDER, base=house(scan.snapshot, square(), first=100))
    extra = ChangeFactory(scan=scan, geometry=square(0.1, 0.1, 0.1))
    save_decision(UserFactory(role="editor"), extra)
    number = put(client, scan, change, extra)
    before = {node.get("id") for node in osc(client, number).iter("node")}
    newer(scan, change, MOVED)
    assert rebase(client, number, change, shape="ours").status_code == 200
    root = osc(client, number)
    assert {node.get("id") for node in root.iter("node")} == before
    assert {way.get("version") for way in root.find("modify").iter("way")} == {"4"}
