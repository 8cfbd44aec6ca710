"""Corners that meet a neighbour's node are that node; the map that comes back has one node where two houses meet."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
import shapely

from annotation.changes.models import Change
from annotation.edits import selectors
from annotation.edits.models import EditItem
from annotation.edits.osmchange.compile import AcceptedChange, compile_change
from annotation.edits.osmchange.elements import NewIds, Node, Way
from annotation.edits.osmchange.joining import Neighbour
from annotation.edits.osmchange.nodes import OldNode
from annotation.edits.services import exits, export
from annotation.edits.services.compiling import compile_changeset
from annotation.sources.engine import to_geos
from annotation.sources.models import Footprint, Region
from tests.annotation.edits.extract import Extract
from tests.annotation.edits.town import as_accepted, box, differing, same, through, town_from
from tests.factories_changes import ChangeFactory, save_decision

pytestmark = pytest.mark.django_db


def old(keys):
    return {key for key in keys if "/-" not in key}


def new_way(extract):
    (key,) = (key for key in extract.elements if key.startswith("way/-"))
    return key


def test_a_new_house_a_few_centimetres_off_its_neighbour_takes_the_neighbours_nodes(town, tmp_path):
    town.accept("add", box(4.003, 0.002, 1))
    before, after = town.applied(tmp_path)
    refs = after.elements[new_way(after)][0]
    assert {5, 6} < set(refs) and sum(ref < 0 for ref in set(refs)) == 2
    assert after.shape(new_way(after)).intersection(after.shape("way/12")).area == 0
    assert old(differing(before, after)) == set()


def test_a_house_that_reaches_its_neighbour_shares_its_nodes_and_leaves_its_own_behind(town, tmp_path):
    town.accept("modify", box(2, 4, 4, 2), key="way/17")
    before, after = town.applied(tmp_path)
    assert as_accepted(after.shape("way/17"), box(2, 4, 4, 2))
    assert {31, 32, 40} < set(after.elements["way/17"][0])
    assert old(differing(before, after)) == {"way/17", "node/43"} and "node/43" not in after.elements
    assert after.elements["node/40"] == before.elements["node/40"]  # the path goes on


def test_a_corner_that_leaves_a_shared_node_detaches_and_the_neighbour_stays(town, tmp_path):
    town.accept("modify", box(0, 0, 1.5, 2), key="way/11")
    before, after = town.applied(tmp_path)
    assert same(after.shape("way/11"), box(0, 0, 1.5, 2))
    assert not {2, 3} & set(after.elements["way/11"][0])
    assert old(differing(before, after)) == {"way/11"}


def test_a_corner_within_centimetres_of_a_node_that_it_shared_keeps_it(town, tmp_path):
    west, south = box(0, 0).bounds[:2]
    drawn = shapely.Polygon(
        [(west, south), (west + 2.002e-4, south + 1e-7), (west + 2e-4, south + 2e-4), (west, south + 3e-4)]
    )
    town.accept("modify", drawn, key="way/11")
    before, after = town.applied(tmp_path)
    assert set(after.elements["way/11"][0]) == {1, 2, 3, 4}
    assert old(differing(before, after)) == {"node/4"}


def test_a_corner_drawn_onto_a_wall_becomes_a_node_of_the_wall(town, tmp_path):
    shape = box(2, 4.5, 1, 1)
    town.accept("add", box(2.5, 4.5, 1, 1), adjusted=shape)
    before, after = town.applied(tmp_path)
    mine, theirs = after.elements[new_way(after)][0], after.elements["way/16"][0]
    assert same(after.shape(new_way(after)), shape)
    assert [ref for ref in theirs if ref > 0] == list(before.elements["way/16"][0])
    assert set(mine) & set(theirs) == {ref for ref in theirs if ref < 0} and len(set(mine) & set(theirs)) == 2
    assert after.shape("way/16").is_valid and after.tags("way/16") == before.tags("way/16")
    assert after.shape("way/16").symmetric_difference(before.shape("way/16")).area < 1e-14
    assert old(differing(before, after)) == {"way/16"}


def test_a_wall_is_left_alone_where_nobody_drew_the_corner_or_somebody_may_edit_the_neighbour(town, tmp_path):
    town.accept("add", box(2, 4.5, 1, 1))
    before, after = town.applied(tmp_path)
    assert old(differing(before, after)) == set()
    shed = town.building("way/16")
    ChangeFactory(scan=town.scan, kind="modify", geometry=shed.geometry, footprint=shed)
    town.changes[0].edit_items.get().changeset.delete()
    town.changes[0].adjusted = town.changes[0].geometry
    town.changes[0].save()
    before, after = town.applied(tmp_path)
    assert old(differing(before, after)) == set()


def test_a_neighbour_that_the_changeset_edits_itself_is_not_joined(town, tmp_path):
    town.accept("add", box(4, 0, 1))
    town.accept("remove", key="way/12")
    _, after = town.applied(tmp_path)
    assert all(ref < 0 for ref in after.elements[new_way(after)][0])
    assert not {"way/12", "node/5", "node/6"} & after.elements.keys()


def test_the_map_that_comes_back_has_the_neighbours_as_they_were(town, tmp_path):
    town.accept("add", box(2.6, 4.5, 1, 1), adjusted=box(2, 4.5, 1, 1))
    town.accept("add", box(4, 0, 1))
    town.applied(tmp_path)
    again = town_from(tmp_path / "after.osm")
    rows = Footprint.objects.filter(snapshot=again.snapshot)
    assert rows.count() == Footprint.objects.filter(snapshot=town.snapshot).count() + 2
    new = [shapely.from_wkb(bytes(row.geometry.wkb)) for row in rows.filter(osm_id__lt=0)]
    assert sorted(shape.bounds for shape in new) == sorted(shape.bounds for shape in (box(2, 4.5, 1, 1), box(4, 0, 1)))


def test_the_josm_file_has_every_node_of_the_walls_that_are_shared_and_the_page_counts_them(town, client_of):
    town.accept("add", box(4, 0, 1))
    town.accept("add", box(2.6, 4.5, 1, 1), adjusted=box(2, 4.5, 1, 1))
    changeset = town.changeset()
    assert client_of(town.user).get(f"/api/changesets/{changeset.pk}/").json()["shared_nodes"] == 2
    for _ in range(2):  # drawn up, and again as it was exported
        josm = ET.fromstring("".join(exits.josm(changeset)))
        there = {int(node.get("id")) for node in josm.findall("node")}
        assert {int(nd.get("ref")) for way in josm.findall("way") for nd in way.iter("nd")} <= there
    assert selectors.change_about(changeset, "way/16") == town.changes[1].pk


SIDE = 1e-4
HOUSE = [(10.0, 50.0), (10.0 + SIDE, 50.0), (10.0 + SIDE, 50.0 + SIDE), (10.0, 50.0 + SIDE), (10.0, 50.0)]
BESIDE = Neighbour(
    9, 3, {"building": "yes"},
    tuple(OldNode(90 + n % 2, 1, 10.0 + SIDE, 50.0 + SIDE * (n % 2), False) for n in range(3)), open=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("mine", "theirs", "shared"),
    [
        ({}, {}, 2), ({"layer": "0"}, {}, 2), ({}, {"layer": "-1"}, 0), ({"layer": "-1"}, {"layer": "-1"}, 2),
        ({}, {"location": "underground"}, 0),
    ],
)  # fmt: skip
def test_buildings_of_two_levels_have_no_node_in_common(mine, theirs, shared):
    beside = [replace(BESIDE, tags={**BESIDE.tags, **theirs})]
    done = compile_change(AcceptedChange("add", [[HOUSE]], tags=mine, beside=beside), NewIds())
    (way,) = (one.element for one in done if isinstance(one.element, Way))
    assert len({90, 91} & set(way.refs)) == shared
    assert sum(isinstance(one.element, Node) for one in done) == 4 - shared


def test_a_shape_that_joining_would_fold_stays_as_it_was_drawn():
    thin = [(10.0, 50.0), (10.0 + 3e-7, 50.0), (10.0 + 3e-7, 50.0 + SIDE), (10.0, 50.0 + SIDE), (10.0, 50.0)]
    at = [(10.0 + 6e-7, 50.0), (10.0 - 3e-7, 50.0 + SIDE)]
    beside = replace(BESIDE, nodes=tuple(OldNode(90 + n, 1, *place, False) for n, place in enumerate(at)))
    done = compile_change(AcceptedChange("add", [[thin]], beside=[beside], drawn=True), NewIds())
    (way,) = (one.element for one in done if isinstance(one.element, Way))
    places = {one.element.id: (one.element.lon, one.element.lat) for one in done if isinstance(one.element, Node)}
    places |= {node.id: (node.lon, node.lat) for node in beside.nodes}
    assert shapely.Polygon([places[ref] for ref in way.refs]).is_valid


def accepted_later(town, kind, key, shape=None):
    """An answer that is in no changeset, about a building."""
    row = town.building(key)
    change = ChangeFactory(scan=town.scan, kind=kind, footprint=row, geometry=to_geos(shape) if shape else row.geometry)
    save_decision(town.user, change)
    return change


def writes_of(operations, number):
    return [one for one in operations if isinstance(one.element, Way) and one.element.id == number]


def test_two_new_houses_at_walls_of_one_neighbour_write_it_once(town, tmp_path):
    for at in (box(2, 4.5, 1, 1), box(-1, 4.5, 1, 1)):
        town.accept("add", at, adjusted=at)
    compiled = compile_changeset(town.changeset())
    assert len(writes_of(compiled.operations, 16)) == 1
    assert [len(writes_of(one, 16)) for one in compiled.by_edit.values()] == [1, 0]


def test_a_wall_that_a_file_of_another_changeset_enters_is_entered_by_no_second_one(town):
    east, west = box(2, 4.5, 1, 1), box(-1, 4.5, 1, 1)
    town.accept("add", east, adjusted=east)
    first = town.changeset()
    "".join(export.osc(first))
    town.accept("add", west, adjusted=west)
    second = town.changeset()
    assert writes_of(compile_changeset(second).operations, 16) == []
    Footprint.objects.filter(snapshot=town.snapshot, osm_id=16).update(version=9)  # the map has the first one by now
    assert len(writes_of(compile_changeset(second).operations, 16)) == 1


def test_a_wall_stays_closed_while_an_answer_in_force_writes_its_building_alone(town):
    Region.objects.update(confirm_standing=True)
    shape = box(2, 4.5, 1, 1)
    town.accept("add", shape, adjusted=shape)
    changeset = town.changeset()
    shed = town.building("way/16")
    standing = ChangeFactory(scan=town.scan, kind="remove", geometry=shed.geometry, footprint=shed)
    save_decision(town.user, standing, "still_stands")
    assert writes_of(compile_changeset(changeset).operations, 16) == []


@pytest.mark.parametrize("how", ["moved", "removed", "taken in", "asked"])
def test_nodes_that_another_edit_is_about_to_move_are_not_joined_until_the_map_has_it(town, how):
    town.accept("add", box(4, 0, 1))
    changeset = town.changeset()
    assert compile_changeset(changeset).shared == {5, 6}
    if how == "taken in":
        change = accepted_later(town, "add", "way/13")
        Change.objects.filter(pk=change.pk).update(
            kind="add", object=None, footprint=None, merged=town.building("way/12")
        )
    elif how == "asked":
        ChangeFactory(scan=town.scan, kind="shifted", geometry=to_geos(box(3, 0)), footprint=town.building("way/12"))
    else:
        accepted_later(town, "shifted" if how == "moved" else "remove", "way/12")
    assert compile_changeset(changeset).shared == set()
    town.newer(town.source.read_text().replace('<way id="12" version="5"', '<way id="12" version="6"'))
    assert compile_changeset(changeset).shared == {5, 6}


def test_the_josm_file_still_has_nodes_that_the_newest_map_lost_since_the_export(town):
    town.accept("add", box(4, 0, 1))
    changeset = town.changeset()
    "".join(exits.josm(changeset))
    text = town.source.read_text()
    start = text.index('<way id="12"')
    town.newer(text[:start] + text[text.index('<way id="13"') :])
    josm = ET.fromstring("".join(exits.josm(changeset, as_exported=True)))
    there = [int(node.get("id")) for node in josm.findall("node")]
    assert {5, 6} < {int(nd.get("ref")) for way in josm.findall("way") for nd in way.iter("nd")} <= set(there)
    assert len(there) == len(set(there))


def places_twice(extract):
    """Nodes that lie where another one of a building does."""
    ways = [refs for key, (refs, _) in extract.elements.items() if key.startswith("way/")]
    at = {ref: extract.elements[f"node/{ref}"][0] for refs in ways for ref in refs}
    return {ref for ref, place in at.items() for other, there in at.items() if ref != other and place == there}


def test_two_houses_that_move_together_keep_their_wall_in_common(town, tmp_path):
    town.accept("shifted", box(0.5, 0.25), key="way/11")
    town.accept("shifted", box(2.5, 0.25), key="way/12")
    _, after = town.applied(tmp_path)
    one, other = (set(after.elements[key][0]) for key in ("way/11", "way/12"))
    assert len(one & other) == 2 and places_twice(after) == set()
    assert same(after.shape("way/11"), box(0.5, 0.25)) and same(after.shape("way/12"), box(2.5, 0.25))


def test_a_new_house_on_the_new_wall_of_another_edit_is_joined_to_it_whatever_is_dropped_later(town, tmp_path):
    town.accept("modify", box(2, 4, 4, 2), key="way/17", adjusted=box(2, 4, 4, 2))
    town.accept("add", box(3, 6, 1, 1), adjusted=box(3, 6, 1, 1))
    changeset = town.changeset()
    after = Extract.read(through(town, tmp_path, changeset)[1])
    mine, theirs = set(after.elements[new_way(after)][0]), set(after.elements["way/17"][0])
    assert len(mine & theirs) == 2 and mine & theirs > {43}, "a corner that stays, and one that both make"
    for item in changeset.items.all():
        alone = compile_changeset(changeset, [item])
        made = {one.element.id for one in alone.operations if one.action == "create"}
        refs = {ref for one in alone.operations if isinstance(one.element, Way) for ref in one.element.refs}
        assert {ref for ref in refs if ref < 0} <= made and alone.refusals == []


def test_an_edit_that_comes_after_the_file_takes_what_that_makes_and_is_refused_where_it_moves_a_node(town):
    town.accept("add", box(8, 0, 1), adjusted=box(8, 0, 1))
    town.accept("shifted", box(4, 5), key="way/17")
    changeset = town.changeset()
    "".join(export.osc(changeset))
    changeset.refresh_from_db()
    for shape in (box(9, 0, 1), box(6, 5, 1, 2)):
        change = ChangeFactory(scan=town.scan, geometry=to_geos(shape))
        save_decision(town.user, change)
        EditItem.objects.create(changeset=changeset, change=change)
    compiled = compile_changeset(changeset)
    (fresh,) = compiled.fresh.values()
    made = [[one.element.id for one in those if one.action == "create" and isinstance(one.element, Node)]
            for those in (fresh, compiled.operations)]  # fmt: skip
    assert len(made[0]) == 3, "two of the house beside it, which are made once in the file"
    assert len(made[1]) == len(set(made[1])) == 4
    (refusal,) = compiled.refusals
    assert refusal.code == "edits_cross" and f"change {town.changes[1].pk}" in refusal.detail
