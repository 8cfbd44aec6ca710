"""Reshaped multipolygons leave, and osmium, JOSM's file and our own import make the accepted map of them."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import shapely
import shapely.affinity

from annotation.edits.models import EditItem
from annotation.edits.osmchange.nodes import rounded
from annotation.edits.osmchange.tools import LOCAL_IDS, Tool
from annotation.edits.services import exits, export
from annotation.edits.services.compiling import compile_changeset
from annotation.sources.models import Footprint
from tests.annotation.edits.extract import Extract
from tests.annotation.edits.osmium_tool import run_osmium
from tests.annotation.edits.town import DATA, as_accepted, differing, shapes_of, through, town_from

pytestmark = pytest.mark.django_db

STAMP = 'timestamp="2020-01-01T00:00:00Z"'
PLACES = {
    1: (0, 0), 2: (10, 0), 3: (10, 10), 4: (0, 10), 5: (2, 2), 6: (4, 2), 7: (4, 4), 8: (2, 4),
    9: (6, 6), 10: (8, 6), 11: (8, 8), 12: (6, 8), 13: (14, 0), 14: (14, 10),
    21: (20, 0), 22: (30, 0), 23: (30, 10), 24: (20, 10), 25: (20, 5), 26: (18, 5), 27: (18, 10),
}  # fmt: skip
"""A school with a yard and a pond and a house at its wall; a hall whose outline is two ways, and a shed at its wall."""
WAYS = {
    61: ([1, 2, 3, 4, 1], {"source": "survey"}), 62: ([5, 6, 7, 8, 5], {}),
    63: ([9, 10, 11, 12, 9], {"natural": "water"}), 64: ([2, 13, 14, 3, 2], {"building": "house"}),
    65: ([21, 22, 23], {}), 66: ([21, 25, 24, 23], {}), 67: ([25, 26, 27, 24, 25], {"building": "shed"}),
}  # fmt: skip
MEMBERS = {51: [(61, "outer"), (62, "inner"), (63, "inner")], 52: [(65, "outer"), (66, "outer")]}


def at(x, y):
    return rounded((12 + x * 1e-4, 55 + y * 1e-4))


def area(outer, *holes):
    return shapely.Polygon([at(*point) for point in outer], [[at(*point) for point in hole] for hole in holes])


SCHOOL, YARD, POND = (
    [PLACES[n] for n in (1, 2, 3, 4)],
    [PLACES[n] for n in (5, 6, 7, 8)],
    [PLACES[n] for n in range(9, 13)],
)
NEW_YARD = [(6, 2), (8, 2), (8, 4), (6, 4)]


def tags_of(tags):
    return "".join(f'<tag k="{key}" v="{value}"/>' for key, value in tags.items())


@pytest.fixture
def town(tmp_path: Path):
    return made_town(tmp_path)


def made_town(folder: Path):
    lines = [
        f'<node id="{n}" version="{n % 3 + 1}" {STAMP} lon="{at(*p)[0]:.7f}" lat="{at(*p)[1]:.7f}"/>'
        for n, p in PLACES.items()
    ]
    for number, (refs, tags) in WAYS.items():
        nodes = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        lines.append(f'<way id="{number}" version="{number % 4 + 2}" {STAMP}>{nodes}{tags_of(tags)}</way>')
    for number, members in MEMBERS.items():
        named = "".join(f'<member type="way" ref="{ref}" role="{role}"/>' for ref, role in members)
        tags = tags_of({"type": "multipolygon", "building": "school", "name": f"Nr {number}"})
        lines.append(f'<relation id="{number}" version="6" {STAMP}>{named}{tags}</relation>')
    path = folder / "made.osm"
    path.write_text(f'<osm version="0.6">{"".join(lines)}</osm>', encoding="utf-8")
    return town_from(path)


def same(one, other):
    return one.normalize().equals_exact(other.normalize(), 1.1e-7)


def test_member_ways_are_stored_with_their_versions_and_what_else_uses_their_nodes(town):
    ways = {way[0]: way for way in town.building("relation/51").ways}
    assert {number: (version, tags, used) for number, version, tags, _, used in ways.values()} == {
        61: (3, {"source": "survey"}, False), 62: (4, {}, False), 63: (5, {"natural": "water"}, False),
    }  # fmt: skip
    assert [(node[0], node[1], node[4]) for node in ways[61][3]] == [
        (1, 2, False), (2, 3, True), (3, 1, True), (4, 2, False), (1, 2, False),
    ]  # fmt: skip
    hall = {node[0]: node[4] for way in town.building("relation/52").ways for node in way[3]}
    assert hall == {21: False, 22: False, 23: False, 24: True, 25: True}
    assert town.building("way/64").ways is None


@pytest.mark.parametrize("tool", list(Tool))
def test_a_courtyard_is_moved_and_one_added_and_the_map_has_both(town, tmp_path, tool):
    yard = [(2, 2), (4, 2), (5, 5), (2, 4)]
    wanted = {
        "relation/51": area([(-1, -1), *SCHOOL[1:]], yard, POND, NEW_YARD),
        "relation/52": area([(20, 0), (31, 0), (30, 10), (20, 10), (20, 5)]),
    }
    for key, shape in wanted.items():
        town.accept("modify", shape, key=key)
    before, after = through(town, tmp_path, town.changeset(), tool)
    found = shapes_of(after)
    assert all(same(found[key], shape) for key, shape in wanted.items())
    old, new = Extract.read(before), Extract.read(after)
    made = {key for key in new.elements if key not in old.elements}
    assert len([key for key in made if key.startswith("way/")]) == 1 and len(made) == 5
    assert {key for key in differing(old, new) if key in old.elements} == {"node/1", "node/7", "node/22", "relation/51"}
    members = new.elements["relation/51"][0]
    assert members[:3] == old.elements["relation/51"][0] and members[3][2] == "inner"
    assert new.tags("relation/51") == old.tags("relation/51")
    assert {key: found[key] for key in ("way/64", "way/67")} == {
        key: shapes_of(before)[key] for key in ("way/64", "way/67")
    }


def test_courtyards_are_filled_and_a_pond_stays_a_pond(town, tmp_path):
    town.accept("modify", area(SCHOOL), key="relation/51")
    before, after = through(town, tmp_path, town.changeset())
    old, new = Extract.read(before), Extract.read(after)
    assert old.elements.keys() - new.elements.keys() == {"way/62", "node/5", "node/6", "node/7", "node/8"}
    assert new.elements["way/63"] == old.elements["way/63"]
    assert new.elements["relation/51"][0] == (("w", 61, "outer"),)
    assert same(shapes_of(after)["relation/51"], area(SCHOOL))


def test_a_pond_in_the_courtyard_is_not_reshaped_and_the_page_is_told_why(town, client_of):
    town.accept("modify", area(SCHOOL, YARD, [*POND[:2], (9, 9), POND[3]]), key="relation/51")
    changeset = town.changeset()
    reply = client_of(town.user).get(f"/api/changesets/{changeset.pk}/edits.osc")
    assert reply.status_code == 409 and reply.json()["code"] == "refused_items"
    item = reply.json()["items"][0]
    assert (item["key"], item["code"]) == ("relation/51", "way_used_elsewhere")
    assert "way/63" in item["detail"] and "natural=water" in item["detail"]


def test_a_multipolygon_imported_before_its_ways_were_kept_asks_for_another_import(town):
    Footprint.objects.filter(snapshot=town.snapshot).update(ways=None)
    town.accept("modify", area(SCHOOL, YARD, POND, NEW_YARD), key="relation/51")
    refusal = compile_changeset(town.changeset()).refusals[0]
    assert refusal.code == "no_member_ways" and "import it again" in refusal.detail


def test_the_same_file_comes_out_again_and_the_josm_file_has_all_of_the_building(town):
    town.accept("modify", area([*SCHOOL[:3], (0, 11)], YARD, POND, NEW_YARD), key="relation/51")
    changeset = town.changeset()
    first = "".join(export.osc(changeset))
    assert first == "".join(export.osc(changeset))
    josm = ET.fromstring("".join(exits.josm(changeset)))
    done = {f"{one.tag}/{one.get('id')}": one.get("action") for one in josm if one.tag in ("node", "way", "relation")}
    assert {key for key, action in done.items() if action} == {
        "node/4", "way/61", "relation/51", "way/-1", "node/-1", "node/-2", "node/-3", "node/-4",
    }  # fmt: skip
    there = {key for key in done if not key.startswith("relation")}
    assert {f"way/{m.get('ref')}" for m in josm.find("relation").iter("member")} <= there
    assert {f"node/{nd.get('ref')}" for way in josm.iter("way") for nd in way.iter("nd")} <= there


@pytest.mark.parametrize(
    ("element", "code", "named"),
    [("relation", "newer_version", "relation/51"), ("way", "newer_part", "way/62"), ("node", "newer_part", "node/5")],
)
def test_a_newer_version_of_the_relation_a_way_or_a_node_is_a_conflict(town, client_of, element, code, named):
    town.accept("modify", area([*SCHOOL[:3], (0, 11)], YARD, POND), key="relation/51")
    changeset = town.changeset()
    number = named.split("/")[1]
    town.newer(re.sub(rf'(<{element} id="{number}" version=)"\d"', r'\1"9"', town.source.read_text()))
    reply = client_of(town.user).get(f"/api/changesets/{changeset.pk}/edits.osc")
    assert (reply.status_code, reply.json()["code"]) == (409, "conflicting_edits")
    conflict = reply.json()["items"][0]
    assert conflict["code"] == code and named in conflict["detail"]


def test_versions_of_member_ways_can_be_given_where_the_map_has_none(town, client_of):
    bare = re.sub(rf' version="\d" {STAMP}', "", town.source.read_text())
    town.source.write_text(bare, encoding="utf-8")
    town = town_from(town.source)
    town.accept("modify", area([*SCHOOL[:3], (0, 11)], YARD, POND), key="relation/51")
    changeset, client = town.changeset(), client_of(town.user)
    missing = client.get(f"/api/changesets/{changeset.pk}/edits.osc").json()["missing"]
    assert missing == ["node/4", "relation/51", "way/61"]
    given = client.post(f"/api/changesets/{changeset.pk}/versions/", dict.fromkeys(missing, 5), format="json")
    assert given.json() == {"used": 3}
    body = b"".join(client.get(f"/api/changesets/{changeset.pk}/edits.osc").streaming_content).decode()
    assert body.count('version="5"') == 3


def test_a_wall_that_a_multipolygon_and_a_house_leave_together_leaves_no_node_behind(town, tmp_path):
    town.accept("modify", area([(0, 0), (9, 0), (9, 10), (0, 10)], YARD, POND), key="relation/51")
    town.accept("remove", key="way/64")
    _, after = through(town, tmp_path, town.changeset())
    assert not {"node/2", "node/3", "node/13", "node/14", "way/64"} & Extract.read(after).elements.keys()


def test_a_reshaped_multipolygon_that_came_back_may_be_changed_again(town, tmp_path):
    wanted = area([*SCHOOL[:3], (0, 11)], YARD, POND)
    town.accept("modify", wanted, key="relation/51")
    _, after = through(town, tmp_path, town.changeset(), Tool.COPY)
    snapshot = town.imported(after)
    again = Footprint.objects.get(snapshot=snapshot, osm_type="relation", osm_id=51)
    assert again.object == town.building("relation/51").object and again.version == 7
    assert same(shapely.from_wkb(bytes(again.geometry.wkb)), wanted)
    assert EditItem.objects.get().base_version == 6


def drawn_anew(shape: shapely.Polygon, how: int) -> shapely.Polygon | None:
    """One of: a corner pulled out, moved as a whole, a yard put in, all yards filled; None where it can't be drawn."""
    holes = [hole.coords for hole in shape.interiors]
    if how == 0:
        x, y = shape.exterior.coords[0]
        centre = shape.centroid
        pulled = rounded((x + (x - centre.x) * 0.05, y + (y - centre.y) * 0.05))
        drawn = shapely.Polygon([pulled, *shape.exterior.coords[1:-1]], holes)
    elif how == 1:
        drawn = shapely.affinity.translate(shape, 3e-6, -2e-6)
    elif how == 2:
        point, side = shape.representative_point(), 4e-6
        yard = shapely.box(point.x - side, point.y - side, point.x + side, point.y + side)
        drawn = shapely.Polygon(shape.exterior.coords, [*holes, yard.exterior.coords])
    else:
        drawn = shapely.Polygon(shape.exterior.coords)
    rings = [[rounded(point) for point in ring.coords] for ring in (drawn.exterior, *drawn.interiors)]
    drawn = shapely.Polygon(rings[0], rings[1:])
    return drawn if drawn.is_valid else None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "least"),
    [("osm/helsinki.osm.pbf", 50), ("osm/liechtenstein-2013-08-03.osm.pbf", 1), ("osm_history/andorra.osh.pbf", 5)],
)
def test_real_multipolygons_are_reshaped_and_all_else_stays(name, least, tmp_path):
    source = DATA / name
    if not source.is_file():
        pytest.skip(f"no {source}: set MAPWRIGHT_DATA to the folder of real data")
    if source.name.endswith(".osh.pbf"):  # the map as it was on a day
        history, source = source, tmp_path / "then.osm.pbf"
        run_osmium("time-filter", str(history), "2016-06-01T00:00:00Z", "-o", str(source))
    town = town_from(source)
    rows = list(Footprint.objects.filter(snapshot=town.snapshot, osm_type="relation").order_by("osm_id"))
    order = np.random.default_rng(5).permutation(len(rows))
    wanted = {}
    for number, row in zip(order, rows, strict=True):
        shape = shapely.from_wkb(bytes(row.geometry.wkb))
        drawn = drawn_anew(shape, number % 4) if shape.geom_type == "Polygon" else None
        if drawn is not None:
            wanted[row.key] = drawn
            town.accept("modify", drawn, key=row.key)
    changeset = town.changeset(change_ids=[change.pk for change in town.changes])
    refused = {one.key: one for one in compile_changeset(changeset).refusals}
    assert {one.code for one in refused.values()} <= {"way_used_elsewhere"}, refused
    changeset.items.filter(change__in=[one.change for one in refused.values()]).delete()
    wanted = {key: shape for key, shape in wanted.items() if key not in refused}
    assert len(wanted) >= least
    before, after = through(town, tmp_path, changeset, Tool.COPY)
    there, found = shapes_of(before), shapes_of(after)
    assert {key for key, shape in wanted.items() if not as_accepted(found[key], shape)} == set()
    others = there.keys() - wanted.keys()
    assert {key for key in others if key not in found or not same(found[key], there[key])} == set()
    assert found.keys() == there.keys()
    old, new = Extract.read(before), Extract.read(after)
    parts = {key for row in rows if row.key in wanted for key in row.parts} | wanted.keys()
    assert {key for key in differing(old, new) if int(key.split("/")[1]) < LOCAL_IDS} <= parts
    for key in wanted:
        assert new.tags(key) == old.tags(key)
