"""OSM's presets of buildings: what a form needs of them, in a person's language, and what their fields take."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from django.conf import settings

from annotation.changes.presets import building_presets, fields_by_key
from annotation.changes.tagging import checked_tags, new_building, tag_form
from annotation.common.errors import InvalidError
from tests.annotation.changes.test_tags import accept, written
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory

URL = "/api/building-presets/"
ROOT = Path(__file__).parents[3]


def by_id(found):
    return {one["id"]: one for one in found["presets"]}


def test_presets_of_outlines_of_buildings_are_kept_and_no_others():
    presets = by_id(building_presets())
    assert {"building", "building/house", "building/garage", "building/greenhouse", "building_part"} <= set(presets)
    assert not {"building_point", "building/entrance", "amenity/school", "historic/building"} & set(presets)
    assert list(presets)[:3] == ["building", "building/house", "building/apartments"], "the common ones first"
    assert all(any(key in one["tags"] for key in ("building", "building:part")) for one in presets.values())


def test_each_preset_says_what_choosing_and_leaving_it_does_and_its_fields_are_there():
    found = building_presets()
    presets = by_id(found)
    assert presets["building"]["add_tags"] == {"building": "yes"}
    assert presets["building/house/terraced"]["add_tags"] == {"building": "house", "house": "terraced"}
    assert presets["building/construction"]["remove_tags"] == {"building": "construction", "construction": "*"}
    used = {name for one in presets.values() for name in one["fields"] + one["more_fields"]}
    assert used == set(found["fields"])
    shape = found["fields"]["roof/shape"]
    assert (shape["key"], shape["type"], shape["custom_values"]) == ("roof:shape", "combo", False)
    assert {"value": "hipped", "label": "Hipped", "about": ""} in shape["options"]
    assert found["fields"]["building/material"]["options"], "a field without options has those of one like it"


def test_a_field_of_some_countries_or_of_something_else_is_left_out():
    keys = {field["key"] for field in building_presets()["fields"].values()}
    assert not {"gnis:feature_id", "ref:mastr", "level"} & keys


def test_every_preset_may_be_set_on_a_new_building():
    for preset in building_presets()["presets"]:
        assert checked_tags(preset["add_tags"], {}) == preset["add_tags"]


def test_names_and_addresses_are_told_as_edited_elsewhere():
    fields = tag_form("en")["fields"]
    assert {name for name, field in fields.items() if not field["here"]} >= {"address", "name", "not/name"}
    assert all(fields[name]["here"] for name in ("building/levels", "height", "roof/shape", "building/material"))
    for field in fields.values():
        if field["here"]:
            checked_tags(dict.fromkeys([field["key"], *field["keys"]], "1") | {field["key"]: good(field)}, {})


def good(field):
    return {"date": "2026-05-31", "colour": "red"}.get(field["type"], "1")


@pytest.mark.parametrize(
    ("language", "found", "name"),
    [
        ("de", "de", "Gewächshaus"), ("de-AT", "de-AT", "Gewächshaus"), ("en", "en", "Greenhouse"),
        ("xx", "en", "Greenhouse"), ("ne", "ne", "Greenhouse"), ("../../package", "en", "Greenhouse"),
    ],
)  # fmt: skip
def test_names_are_those_of_the_language_as_far_as_it_has_them(language, found, name):
    presets = building_presets(language)
    assert (presets["language"], by_id(presets)["building/greenhouse"]["name"]) == (found, name)


def test_languages_that_nobody_speaks_are_read_once_as_english():
    assert building_presets("xa") is building_presets("xb-XB") is building_presets("en")
    assert building_presets("de-xx") is building_presets("de")


def test_words_of_english_find_in_every_language():
    assert {"Greenhouse", "treibhaus", "glasshouse"} <= set(
        by_id(building_presets("de"))["building/greenhouse"]["terms"]
    )


@pytest.mark.parametrize(
    "tags",
    [
        {"height": "4.5"}, {"height": "4 m"}, {"height": "15 ft"}, {"height": "12'6\""}, {"roof:height": "0"},
        {"layer": "-1"}, {"building:levels:underground": "2"}, {"start_date": "before 1910"}, {"start_date": "C19"},
        {"check_date": "2026-05-31"}, {"opening_date": "2027-02"}, {"roof:colour": "#aa3322"}, {"roof:colour": "red"},
        {"roof:shape": "double_saltbox"}, {"building:prefabricated": "yes"}, {"nobody:knows": "4 or 5"},
    ],
)  # fmt: skip
def test_values_that_a_field_takes_and_keys_without_one_are_taken(tags):
    assert checked_tags(tags, {}) == tags


@pytest.mark.parametrize(
    ("tags", "remedy"),
    [
        ({"height": "high"}, "in metres"), ({"height": "-3"}, "in metres"), ({"height": "4,5"}, "in metres"),
        ({"capacity": "-1"}, "at least 0"), ({"capacity": "two"}, "a number"), ({"layer": "1e9"}, "a number"),
        ({"check_date": "31.5.2026"}, "a day"), ({"check_date": "2026-02-31"}, "a day"),
        ({"opening_date": "soon"}, "a day"), ({"roof:colour": "#12"}, "a colour"),
        ({"roof:colour": "red;"}, "a colour"),
    ],
)  # fmt: skip
def test_values_that_a_field_does_not_take_are_refused_with_what_it_takes(tags, remedy):
    with pytest.raises(InvalidError, match=remedy):
        checked_tags(tags, {})


def test_a_value_that_the_map_has_is_nobodys_fault_here():
    assert checked_tags({"height": "high"}, {"height": "high"}) == {"height": "high"}


def test_the_guards_hold_without_the_package_and_its_fields_do_not(settings, tmp_path):
    settings.PRESETS_DIR = tmp_path
    assert fields_by_key() == {}
    assert checked_tags({"height": "high"}, {}) == {"height": "high"}
    with pytest.raises(InvalidError):
        checked_tags({"name": "Mill"}, {})


def test_a_part_of_a_building_is_no_building_by_itself():
    assert new_building({}) == {"building": "yes"}
    assert new_building({"building:part": "yes"}) == {"building:part": "yes"}
    assert new_building({"building:part": "yes", "building": "house"}) == {"building:part": "yes", "building": "house"}


@pytest.mark.django_db
def test_a_new_part_leaves_as_one_and_values_are_checked_as_it_is_answered(client_of):
    scan = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    client, change = client_of(UserFactory(role="editor")), ChangeFactory(scan=scan)
    refused = accept(client, change, {"building:part": "yes", "height": "high"})
    assert (refused.status_code, refused.json()["code"]) == (400, "invalid")
    assert accept(client, change, {"building:part": "yes", "height": "4"}).status_code == 200
    assert list(written(client, scan).values()) == [{"building:part": "yes", "height": "4"}]


@pytest.mark.django_db
def test_presets_come_over_http_once_and_then_only_if_they_changed(client_of):
    client = client_of(UserFactory())
    first = client.get(URL, {"language": "de"})
    assert first.json()["language"] == "de" and first.json()["licence"] == "ISC"
    again = client.get(URL, {"language": "de"}, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert client.get(URL)["ETag"] != first["ETag"]
    assert client.get(URL, {"language": "../de"}).status_code == 400


@pytest.mark.django_db
def test_without_the_package_the_answer_names_the_remedy(client_of, settings, tmp_path):
    shutil.copytree(settings.PRESETS_DIR, tmp_path / "dist", ignore=shutil.ignore_patterns("translations", "[!f]*"))
    for folder in (tmp_path / "none", tmp_path / "dist"):
        settings.PRESETS_DIR = folder
        answer = client_of(UserFactory()).get(URL)
        assert (answer.status_code, answer.json()["code"]) == (503, "no_presets")
        assert "npm ci" in answer.json()["detail"]


@pytest.mark.django_db
def test_the_sample_of_the_readme_sets_tags_as_it_says(client_of):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    sample = re.search(
        r'building-presets/\?language=(\w+)".*?changes/1/tags/ -X PUT -d \'(.*?)\'\n\s+(\{.*?\})\n', text, re.S
    )
    assert sample is not None
    language, body, answer = sample.groups()
    scan = ScanFactory(model=ModelVersionFactory(region=RegionFactory(open_to_all=True)))
    client, change = client_of(UserFactory(role="editor")), ChangeFactory(scan=scan)
    accept(client, change, {})
    assert client.get(URL, {"language": language}).json()["version"] == version_installed()
    told = client.put(f"/api/changes/{change.pk}/tags/", json.loads(body), format="json").json()
    assert told == json.loads(answer)


def version_installed() -> str:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    return lock["packages"]["node_modules/@openstreetmap/id-tagging-schema"]["version"]


def test_the_folder_is_where_npm_puts_the_package():
    assert Path(settings.PRESETS_DIR).is_dir(), "npm ci brings it, as deploy/test does"
