"""An editor gives an accepted building tags: checked as OSM takes them, kept with the verdict, over those it has."""

import json
import uuid
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.changes.tagging import building_values, checked_tags
from annotation.common.errors import InvalidError
from annotation.review.models import AuditEntry, QueueItem, Verdict
from tests.annotation.changes.test_standing import house, osc
from tests.factories import RegionFactory, UserFactory, square
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def scan():
    return ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))


@pytest.fixture
def editor():
    return UserFactory(role="editor")


def accept(client, change, tags, decision="accept"):
    item = client.post(f"/api/review/items/{change.item_id}/claim/").json()["item"]
    body = {
        "lease_token": item["lease_token"], "version": item["version"], "decision": decision,
        "payload": {"tags": tags}, "idempotency_key": str(uuid.uuid4()),
    }  # fmt: skip
    url = f"/api/review/items/{change.item_id}/decide/"
    return client.post(url, json.dumps(body), content_type="application/json")


def written(client, scan):
    """Tags of every way that leaves, by its id."""
    made = client.post(f"/api/regions/{scan.region_id}/changesets/", {"comment": "houses"}, format="json").json()
    geojson = client.get(f"/api/changesets/{made['id']}/edits.geojson")
    assert b"building" in b"".join(geojson.streaming_content)
    ways = osc(client, made["id"]).iter("way")
    return {int(way.get("id")): {tag.get("k"): tag.get("v") for tag in way.iter("tag")} for way in ways}


def test_a_new_building_leaves_with_its_tags_and_without_any_as_building_yes(client_of, editor, scan):
    client = client_of(editor)
    first, second = ChangeFactory(scan=scan), ChangeFactory(scan=scan, geometry=square(0.2, 0.2))
    tags = {"building": "house", "building:levels": "2", " roof:shape ": " gabled "}
    assert accept(client, first, tags).status_code == 200
    assert accept(client, second, {}).status_code == 200
    set_tags = {"building": "house", "building:levels": "2", "roof:shape": "gabled"}
    assert client.get(f"/api/changes/{first.pk}/").json()["tags_set"] == set_tags
    assert Verdict.objects.get(item=first.item_id).payload["tags"] == tags
    assert sorted(written(client, scan).values(), key=len) == [{"building": "yes"}, set_tags]


def test_a_changed_building_keeps_every_other_tag(client_of, editor, scan):
    client = client_of(editor)
    mapped = {"building": "yes", "shop": "bakery", "name": "Mill", "odd:key": "kept"}
    change = ChangeFactory(scan=scan, kind="modify", footprint=house(scan, tags=mapped))
    assert accept(client, change, {"building": "retail", "building:levels": "1.5"}).status_code == 200
    (tags,) = written(client, scan).values()
    assert tags == {**mapped, "building": "retail", "building:levels": "1.5"}


def test_a_tag_of_the_map_is_taken_off_and_an_address_is_corrected(client_of, editor, scan):
    client = client_of(editor)
    mapped = {"building": "yes", "roof:shape": "flat", "height": "9", "addr:housenumber": "4", "shop": "bakery"}
    change = ChangeFactory(scan=scan, kind="modify", footprint=house(scan, tags=mapped))
    wanted = {"roof:shape": "", "height": "4.5", "addr:housenumber": "4a"}
    assert accept(client, change, wanted).status_code == 200
    assert client.get(f"/api/changes/{change.pk}/").json()["tags_set"] == wanted
    (tags,) = written(client, scan).values()
    assert tags == {"building": "yes", "height": "4.5", "addr:housenumber": "4a", "shop": "bakery"}


@pytest.mark.parametrize(
    ("tags", "word"),
    [
        ({"building": ""}, "choose another kind"), ({"shop": ""}, "more than a building"),
        ({"addr:street": ""}, "part of an address"), ({"name": ""}, "names, addresses"),
        ({"roof:colour": ""}, "is empty"), ({"addr:city": "Mill"}, "names, addresses"),
        ({"building:name": ""}, "names, addresses"),
    ],
)  # fmt: skip
def test_what_makes_it_more_than_a_shape_is_not_taken_off_and_the_answer_says_why(client_of, editor, scan, tags, word):
    client = client_of(editor)
    mapped = {"building": "yes", "shop": "bakery", "addr:street": "Mill Lane", "name": "Mill", "building:name": "Mill"}
    change = ChangeFactory(scan=scan, kind="modify", footprint=house(scan, tags=mapped))
    refused = accept(client, change, tags)
    assert refused.status_code == 400 and word in refused.json()["detail"]


def test_taking_off_goes_with_the_answer_or_after_it(client_of, editor, scan):
    client = client_of(editor)
    change = ChangeFactory(scan=scan, kind="modify", footprint=house(scan, tags={"building": "yes", "height": "9"}))
    accept(client, change, {})
    body = {"version": 1, "tags": {"height": ""}, "seen": {}}
    assert client.put(f"/api/changes/{change.pk}/tags/", body, format="json").json() == {"tags_set": {"height": ""}}
    (tags,) = written(client, scan).values()
    assert tags == {"building": "yes"}


def test_blanks_alone_take_nothing_off(client_of, editor, scan):
    client = client_of(editor)
    change = ChangeFactory(scan=scan, kind="modify", footprint=house(scan, tags={"building": "yes", "height": "9"}))
    assert accept(client, change, {"height": "  "}).status_code == 400
    accept(client, change, {})
    told = client.put(f"/api/changes/{change.pk}/tags/", {"version": 1, "tags": {"height": "  "}}, format="json")
    assert (told.status_code, told.json()["code"]) == (400, "invalid") and "is empty" in told.json()["detail"]


def test_taking_the_answer_back_forgets_the_tags(client_of, editor, scan):
    change, client = ChangeFactory(scan=scan), client_of(editor)
    accept(client, change, {"building": "house"})
    body = {"version": 1, "idempotency_key": str(uuid.uuid4())}
    assert client.post(f"/api/review/items/{change.item_id}/undo/", body, format="json").status_code == 200
    assert client.get(f"/api/changes/{change.pk}/").json()["tags_set"] == {}


def test_only_editors_set_tags_and_only_of_what_is_accepted_and_stays(client_of, editor, scan):
    assert accept(client_of(UserFactory()), ChangeFactory(scan=scan), {"building": "house"}).status_code == 403
    client = client_of(editor)
    removal = ChangeFactory(scan=scan, kind="remove", footprint=house(scan))
    assert accept(client, removal, {"building": "house"}).status_code == 400
    rejected = ChangeFactory(scan=scan)
    assert accept(client, rejected, {"building": "house"}, "reject").status_code == 400
    assert QueueItem.objects.filter(state="open").count() == 3


def test_an_editor_may_set_them_after_the_answer_until_it_leaves(client_of, editor, scan):
    change, client = ChangeFactory(scan=scan), client_of(editor)
    url, body = f"/api/changes/{change.pk}/tags/", {"version": 1, "tags": {"building": "barn"}}
    early = client.put(url, {**body, "version": 0}, format="json")
    assert (early.status_code, early.json()["code"]) == (409, "not_decided")
    accept(client, change, {"building": "house", "roof:shape": "flat"})
    assert client.put(url, {**body, "version": 0}, format="json").json()["code"] == "version_conflict"
    assert client.put(url, {**body, "tags": {"name": "Mill"}}, format="json").status_code == 400
    assert client_of(UserFactory()).put(url, body, format="json").status_code == 403
    assert client.put(url, body, format="json").json() == {"tags_set": {"building": "barn"}}
    assert AuditEntry.objects.get(action="changes.tags").data["tags"] == {"building": "barn"}
    assert list(written(client, scan).values()) == [{"building": "barn"}]
    assert client.put(url, body, format="json").json()["code"] == "exported"


def test_tags_that_somebody_else_set_meanwhile_are_not_overwritten_unseen(client_of, editor, scan):
    change, client = ChangeFactory(scan=scan), client_of(editor)
    accept(client, change, {"building": "house"})
    url, body = f"/api/changes/{change.pk}/tags/", {"version": 1, "seen": {"building": "house"}}
    assert client.put(url, {**body, "tags": {"building": "barn"}}, format="json").status_code == 200
    late = client.put(url, {**body, "tags": {"building": "shed"}}, format="json")
    assert (late.status_code, late.json()["code"], late.json()["tags_set"]) == (
        409, "version_conflict", {"building": "barn"},
    )  # fmt: skip


def test_half_a_character_is_refused_before_it_reaches_the_database(client_of, editor, scan):
    assert accept(client_of(editor), ChangeFactory(scan=scan), {"roof:shape": "\ud800"}).status_code == 400


MAPPED = {"building": "yes", "shop": "bakery", "roof:shape": "flat"}


@pytest.mark.parametrize(
    "tags",
    [
        {"": "yes"}, {" ": "yes"}, {"building": ""}, {"building": 2}, {"building": None}, ["building"], "building",
        {"k" * 256: "v"}, {"roof:shape": "v" * 256}, {"roof:\x07": "a"}, {"roof:shape": "a\x00"},
        {"roof:shape": "a\nb"}, {"roof:shape": "\ud800"}, {"roof:shape": "\uffff"}, {"roof=shape": "a"},
        {"name": "Mill"}, {"building:name": "Mill"}, {"name:en": "Mill"}, {"alt_name:en": "Mill"},
        {"addr:street": "Mill Lane"}, {"type": "multipolygon"}, {"shop": "books"}, {"building": "no"},
        {"building:levels": "two"}, {"building:levels": "-1"}, {"roof": "a", " roof": "b"},
        {f"key{n}": "v" for n in range(31)},
    ],
)  # fmt: skip
def test_what_osm_does_not_take_or_an_image_does_not_show_is_refused(tags):
    with pytest.raises(InvalidError):
        checked_tags(tags, MAPPED)


def test_255_characters_are_counted_as_people_count_them():
    longest = "🏠" * 255
    assert checked_tags({longest: longest}, {}) == {longest: longest}


TEXTS = st.text(max_size=12) | st.text(min_size=1, max_size=3).map(lambda text: text * 90)


@given(st.dictionaries(TEXTS, TEXTS, max_size=4))
def test_whatever_is_taken_fits_into_the_file_and_leaves_protected_tags_alone(tags):
    try:
        taken = checked_tags(tags, MAPPED)
    except InvalidError:
        return
    assert "shop" not in taken and all(0 < len(text) <= 255 for pair in taken.items() for text in pair)
    for key, value in taken.items():
        node = ElementTree.Element("tag", k=key, v=value)
        assert ElementTree.fromstring(ElementTree.tostring(node)).attrib == {"k": key, "v": value}


def test_common_values_are_offered_with_a_name_and_a_line_each():
    values = building_values()
    assert values[0]["value"] == "yes" and len({one["value"] for one in values}) == len(values) > 20
    assert all(one["label"] and one["about"].endswith(".") for one in values)
    for one in values:
        assert checked_tags({"building": one["value"]}, {}) == {"building": one["value"]}
