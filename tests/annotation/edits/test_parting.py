"""Buildings that a person cut in two or made one come back so: ids, tags and nodes of the larger part stay."""

from __future__ import annotations

import json

import pytest
import shapely
from django.contrib.gis.geos import GEOSGeometry

from annotation.edits.errors import NotAcceptedError
from annotation.edits.models import Changeset
from annotation.edits.osmchange.elements import Way
from annotation.edits.osmchange.tools import Tool
from annotation.edits.selectors import conflicts, exportable_changes
from annotation.edits.services.changesets import delete, give_versions
from annotation.edits.services.compiling import compile_changeset
from annotation.edits.services.export import feature
from annotation.sources.models import Footprint
from tests.annotation.edits.extract import Extract
from tests.annotation.edits.town import box, differing, line, same, shapes_of, through

pytestmark = pytest.mark.django_db


def made(before: Extract, after: Extract, kind: str) -> list[str]:
    return sorted(key for key in after.elements if key.startswith(f"{kind}/") and key not in before.elements)


@pytest.mark.parametrize("tool", list(Tool))
def test_a_mapped_building_becomes_two_and_the_larger_part_keeps_all_that_it_is(town, tmp_path, tool):
    town.answer("modify", box(6, 0), "way/13", cut=line((7.5, -0.5), (7.5, 2.5)))
    old, new = (Extract.read(path) for path in through(town, tmp_path, town.changeset(), tool))
    (part,) = made(old, new, "way")
    assert same(new.shape("way/13"), box(6, 0, 1.5, 2)) and same(new.shape(part), box(7.5, 0, 0.5, 2))
    assert new.tags("way/13") == {"building": "retail", "shop": "bakery"} and new.tags(part) == {"building": "retail"}
    mine, other = set(new.elements["way/13"][0]), set(new.elements[part][0])
    assert len(mine & other) == 2 and mine & other == {int(key.split("/")[1]) for key in made(old, new, "node")}
    assert {7, 10} < mine and {8, 9} < other  # every node goes with the part on whose corner it lies
    assert {key for key in differing(old, new) if key in old.elements} == {"way/13"}


def test_a_cut_from_corner_to_corner_makes_no_new_node_and_neighbours_stay(town, tmp_path):
    town.answer("modify", box(0, 0), "way/11", cut=line((0, 0), (2, 2)))
    old, new = (Extract.read(path) for path in through(town, tmp_path, town.changeset()))
    (part,) = made(old, new, "way")
    assert made(old, new, "node") == []
    assert {*new.elements["way/11"][0], *new.elements[part][0]} == {1, 2, 3, 4}
    assert set(new.elements["way/11"][0]) & set(new.elements[part][0]) == {1, 3}
    assert new.elements["way/12"] == old.elements["way/12"]
    assert new.tags(part) == {"building": "house"}  # the note was said of the old one


def test_of_a_cut_house_both_parts_lose_what_is_taken_off_and_one_keeps_the_corrected_address(town):
    tags = {"building": "house", "height": "9", "addr:housenumber": "3"}
    Footprint.objects.filter(osm_id=11, snapshot=town.snapshot).update(tags=tags)
    said = {"height": "", "addr:housenumber": "3a"}
    town.answer("modify", box(0, 0), "way/11", cut=line((0, 0), (2, 2)), tags=said)
    ways = [one for one in compile_changeset(town.changeset()).operations if isinstance(one.element, Way)]
    assert {one.action: one.element.tags for one in ways} == {
        "create": {"building": "house"}, "modify": {"building": "house", "addr:housenumber": "3a"},
    }  # fmt: skip


def test_of_a_cut_house_one_part_alone_keeps_the_name_of_the_building(town):
    tags = {"building": "house", "building:name": "Mill", "building:levels": "2"}
    Footprint.objects.filter(osm_id=11, snapshot=town.snapshot).update(tags=tags)
    town.answer("modify", box(0, 0), "way/11", cut=line((0, 0), (2, 2)))
    ways = [one for one in compile_changeset(town.changeset()).operations if isinstance(one.element, Way)]
    assert {one.action: one.element.tags for one in ways} == {
        "create": {"building": "house", "building:levels": "2"}, "modify": tags,
    }  # fmt: skip


def test_a_new_building_is_cut_and_both_have_the_wall_in_common(town, tmp_path):
    town.answer("add", box(20, 20, 4, 2), cut=line((21, 19), (21, 23)), tags={"building": "terrace"})
    old, new = (Extract.read(path) for path in through(town, tmp_path, town.changeset()))
    one, other = made(old, new, "way")
    assert len(made(old, new, "node")) == 6
    assert sorted(new.shape(key).area for key in (one, other)) == pytest.approx(
        [box(20, 20, 1, 2).area, box(20, 20, 3, 2).area], rel=1e-4
    )
    assert new.tags(one) == new.tags(other) == {"building": "terrace"}


def test_two_adjoining_houses_become_one_under_the_id_of_the_larger(town, tmp_path):
    town.answer("modify", box(0, 0, 2, 2), "way/11", geometry=drawn(box(-1, 0, 3, 2)), merge="way/12")
    old, new = (Extract.read(path) for path in through(town, tmp_path, town.changeset()))
    kept = next(key for key in ("way/11", "way/12") if key in new.elements)
    assert kept == "way/11" and "way/12" not in new.elements
    assert same(shapely.Polygon(new.shape("way/11").simplify(1e-8)), box(-1, 0, 5, 2))
    assert new.tags("way/11") == old.tags("way/11")
    assert "node/1" in new.elements  # of the path
    used = {ref for key, (refs, _) in new.elements.items() if key.startswith("way/") for ref in refs}
    assert {int(key.split("/")[1]) for key in new.elements if key.startswith("node/")} <= used


def test_a_house_with_an_address_is_never_deleted_for_a_larger_neighbour(town, tmp_path):
    Footprint.objects.filter(osm_id=12, snapshot=town.snapshot).update(
        tags={"building": "yes", "addr:housenumber": "3"}
    )
    Footprint.objects.filter(osm_id=11, snapshot=town.snapshot).update(tags={"building": "house"})
    town.answer("modify", box(0, 0), "way/11", geometry=drawn(box(-2, 0, 4, 2)), merge="way/12")
    compiled = compile_changeset(town.changeset())
    assert {(one.action, f"{type(one.element).__name__}/{one.element.id}") for one in compiled.operations} >= {
        ("delete", "Way/11"), ("modify", "Way/12"),
    }  # fmt: skip


def test_what_is_taken_off_a_shed_stays_on_the_house_that_takes_it_in(town):
    surveyed = {"building": "house", "height": "9", "source": "survey 2025", "addr:housenumber": "7"}
    Footprint.objects.filter(osm_id=12, snapshot=town.snapshot).update(tags=surveyed)
    Footprint.objects.filter(osm_id=11, snapshot=town.snapshot).update(
        tags={"building": "shed", "height": "3", "source": "bad"}
    )
    said = {"height": "", "source": "", "roof:shape": "flat"}
    town.answer("modify", box(0, 0), "way/11", merge="way/12", tags=said)
    ways = {
        one.element.id: one for one in compile_changeset(town.changeset()).operations if isinstance(one.element, Way)
    }
    assert ways[12].element.tags == {**surveyed, "roof:shape": "flat"} and ways[11].action == "delete"


def test_the_files_tell_the_tags_of_the_house_that_stays_and_its_level_is_where_its_walls_meet_others(town):
    house = {"building": "house", "layer": "1", "addr:housenumber": "7"}
    Footprint.objects.filter(osm_id=12, snapshot=town.snapshot).update(tags=house)
    Footprint.objects.filter(osm_id=11, snapshot=town.snapshot).update(tags={"building": "shed", "layer": "-1"})
    Footprint.objects.filter(osm_id=13, snapshot=town.snapshot).update(tags={"building": "yes", "layer": "1"})
    outline = drawn(box(0, 0, 6, 2))
    change = town.answer("modify", box(0, 0), "way/11", merge="way/12", tags={"layer": "", "roof:shape": "flat"})
    type(change).objects.filter(pk=change.pk).update(adjusted=GEOSGeometry(json.dumps(outline), srid=4326))
    changeset = town.changeset()
    assert feature(changeset.items.get())["properties"]["tags"] == {**house, "roof:shape": "flat"}
    (grown,) = (
        one.element
        for one in compile_changeset(changeset).operations
        if isinstance(one.element, Way) and one.action == "modify" and one.element.id == 12
    )
    assert {7, 10} <= set(grown.refs), "the shop beside it is of the level of the house, not of the shed"


def test_a_house_loses_what_is_taken_off_it_when_it_takes_another_one_in(town):
    for number, tags in ((11, {"building": "house", "height": "3"}), (12, {"building": "yes"})):
        Footprint.objects.filter(osm_id=number, snapshot=town.snapshot).update(tags=tags)
    town.answer("modify", box(0, 0), "way/11", geometry=drawn(box(-1, 0, 3, 2)), merge="way/12", tags={"height": ""})
    ways = {
        one.element.id: one for one in compile_changeset(town.changeset()).operations if isinstance(one.element, Way)
    }
    assert ways[11].element.tags == {"building": "house"} and ways[12].action == "delete"


def test_two_buildings_that_are_more_than_buildings_are_not_made_one(town):
    for number, tags in ((11, {"building": "yes", "name": "One"}), (12, {"building": "yes", "name": "Two"})):
        Footprint.objects.filter(osm_id=number, snapshot=town.snapshot).update(tags=tags)
    town.answer("modify", box(0, 0), "way/11", merge="way/12")
    (refusal,) = compile_changeset(town.changeset()).refusals
    assert refusal.code == "merge_protected" and "way/11" in refusal.detail and "way/12" in refusal.detail


def test_a_new_part_becomes_one_with_the_mapped_building_beside_it(town, tmp_path):
    town.answer("add", box(2, 4), merge="way/16")
    old, new = (Extract.read(path) for path in through(town, tmp_path, town.changeset()))
    assert made(old, new, "way") == []
    assert same(shapely.Polygon(new.shape("way/16").simplify(1e-8)), box(0, 4, 4, 2))
    assert new.tags("way/16") == {"building": "shed"}
    assert {key for key in differing(old, new) if key in old.elements} <= {"way/16", "node/31", "node/32"}


def test_what_was_parted_and_joined_is_in_the_map_that_comes_back(town, tmp_path):
    town.answer("modify", box(6, 0), "way/13", cut=line((7.5, -0.5), (7.5, 2.5)))
    town.answer("add", box(2, 4), merge="way/16")
    _, after = through(town, tmp_path, town.changeset(), Tool.COPY)
    snapshot = town.imported(after)
    rows = {row.key: row for row in Footprint.objects.filter(snapshot=snapshot)}
    assert rows["way/13"].object == town.building("way/13").object and rows["way/13"].version == 2
    assert len(rows) == Footprint.objects.filter(snapshot=town.snapshot).count() + 1
    found = shapes_of(after)
    assert sum(shape.area for shape in found.values()) == pytest.approx(
        sum(shapely.from_wkb(bytes(row.geometry.wkb)).area for row in Footprint.objects.filter(snapshot=town.snapshot))
        + box(2, 4).area, rel=1e-6,
    )  # fmt: skip


def test_a_newer_state_of_the_building_that_it_joins_is_a_conflict(town, client_of):
    town.answer("add", box(2, 4), merge="way/16")
    changeset = town.changeset()
    town.newer(town.source.read_text().replace('<way id="16" version="8"', '<way id="16" version="9"'))
    reply = client_of(town.user).get(f"/api/changesets/{changeset.pk}/edits.osc")
    assert (reply.status_code, reply.json()["code"]) == (409, "conflicting_edits")
    assert "way/16" in reply.json()["items"][0]["detail"]


def merged_without_versions(town, now: str) -> Changeset:
    """A merge on a map that tells no versions, and a newer map that tells them."""
    Footprint.objects.filter(snapshot=town.snapshot).update(version=None)
    town.answer("add", box(2, 4), merge="way/16")
    town.newer(town.source.read_text().replace('<way id="16" version="8"', f'<way id="16" version="{now}"'))
    return town.changeset()


def test_a_version_that_the_scanned_map_did_not_tell_is_no_conflict_of_a_merge(town):
    changeset = merged_without_versions(town, "8")
    assert conflicts(changeset) == []
    give_versions(user=town.user, changeset=changeset, versions={"way/16": 8})
    assert conflicts(changeset) == []


def test_a_version_given_by_hand_tells_that_the_building_it_joins_was_edited_since(town):
    changeset = merged_without_versions(town, "9")
    give_versions(user=town.user, changeset=changeset, versions={"way/16": 8})
    (conflict,) = conflicts(changeset)
    assert (conflict.key, conflict.code) == ("way/16", "newer_version")


def test_other_tags_tell_it_where_no_version_does(town):
    Footprint.objects.filter(snapshot=town.snapshot, osm_id=16).update(tags={"building": "garage"})
    (conflict,) = conflicts(merged_without_versions(town, "8"))
    assert (conflict.key, conflict.code) == ("way/16", "newer_version")


def test_a_merge_waits_while_another_changeset_edits_the_building_that_it_takes_in(town):
    joined = town.answer("add", box(2, 4), merge="way/16")
    other = town.answer("shifted", box(0, 4.5), "way/16")
    region = town.scan.region
    assert {one.pk for one in exportable_changes(region)} == {joined.pk, other.pk}
    changeset = town.changeset(change_ids=[other.pk])
    assert list(exportable_changes(region)) == []
    with pytest.raises(NotAcceptedError):
        town.changeset(change_ids=[joined.pk])
    delete(user=town.user, changeset=changeset)
    town.changeset(change_ids=[joined.pk])


def drawn(shape: shapely.Polygon) -> dict:
    return {"type": "Polygon", "coordinates": [[list(place) for place in shape.exterior.coords]]}
