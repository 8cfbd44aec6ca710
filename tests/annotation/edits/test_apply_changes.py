"""The exported osmChange, applied by osmium to the extract it came from, makes the accepted changes and no others."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import shapely
import shapely.affinity

from annotation.edits.osmchange.nodes import rounded
from annotation.sources.models import Footprint, Region
from tests.annotation.edits.town import DATA, as_accepted, as_drawn, box, differing, polygon_of, same, town_from
from tests.factories_changes import ChangeFactory, save_decision

pytestmark = pytest.mark.django_db


def test_changes_of_every_kind_are_found_again_and_nothing_else_differs(made_osm, tmp_path):
    town = town_from(made_osm)
    town.accept("add", box(20, 20))
    town.accept("add", box(30, 30), adjusted=box(30, 31, 3, 2))
    town.accept("modify", box(0, 0, 2, 3), key="way/11")
    town.accept("shifted", box(4.5, 4), key="way/17")
    town.accept("remove", key="way/16")
    town.accept("remove", key="way/13")
    town.accept("remove", key="relation/51")
    before, after = town.applied(tmp_path)

    new = sorted(key for key in after.elements if key.startswith("way/-"))
    assert len(new) == 2
    assert {tuple(after.tags(key).items()) for key in new} == {(("building", "yes"),)}
    wanted = [box(20, 20), box(30, 31, 3, 2)]
    assert all(any(same(after.shape(key), shape) for key in new) for shape in wanted)
    assert as_accepted(after.shape("way/11"), box(0, 0, 2, 3))
    assert {2, 3} < set(after.elements["way/11"][0])  # where the neighbour ends on the longer wall
    assert after.tags("way/11") == {"building": "house", "note": "café <&>"}
    assert same(after.shape("way/17"), box(4.5, 4))
    assert not {"way/16", "node/30", "node/31", "node/32", "node/33"} & after.elements.keys()
    assert after.tags("way/13") == {"demolished:building": "retail", "shop": "bakery"}
    assert after.tags("relation/51") == {"type": "multipolygon", "demolished:building": "school"}

    touched = {key for key in differing(before, after) if not key.split("/")[1].startswith("-")}
    assert touched == {
        "way/11", "node/4", "way/17", "node/41", "node/42", "node/43", "way/16", "node/30", "node/31", "node/32",
        "node/33", "way/13", "relation/51",
    }  # fmt: skip
    assert same(after.shape("way/12"), before.shape("way/12"))


def test_a_corner_that_two_houses_share_stays_where_it_is(made_osm, tmp_path):
    town = town_from(made_osm)
    town.accept("shifted", box(-1, 0), key="way/11")
    before, after = town.applied(tmp_path)
    assert as_accepted(after.shape("way/11"), box(-1, 0))
    assert 1 in after.elements["way/11"][0]  # on whose wall the path still ends
    assert same(after.shape("way/12"), before.shape("way/12"))
    assert after.elements["way/18"] == before.elements["way/18"]
    assert after.elements["node/1"] == before.elements["node/1"]


def test_buildings_that_still_stand_get_their_check_date_and_nothing_else(made_osm, tmp_path):
    town = town_from(made_osm)
    Region.objects.update(confirm_standing=True)
    for kind, key in (("remove", "way/11"), ("modify", "way/13"), ("remove", "relation/51")):
        building = town.building(key)
        change = ChangeFactory(scan=town.scan, kind=kind, geometry=building.geometry, footprint=building)
        save_decision(town.user, change, "still_stands")
    town.accept("shifted", box(3, 0), key="way/12")
    before, after = town.applied(tmp_path)
    for key in ("way/11", "way/13", "relation/51"):
        assert after.elements[key][0] == before.elements[key][0]
        assert after.tags(key) == {**before.tags(key), "check_date": "2024-03-01"}
    touched = {key for key in differing(before, after) if "/-" not in key}
    assert touched == {"way/11", "way/13", "relation/51", "way/12", "node/5", "node/6"}


def test_removals_can_be_kept_as_demolished_buildings(made_osm, tmp_path):
    town = town_from(made_osm)
    town.accept("remove", key="way/16")
    _, after = town.applied(tmp_path, demolish=True)
    assert after.tags("way/16") == {"demolished:building": "shed"}


@pytest.mark.parametrize("name", ["frederiksted.osm.pbf", "helsinki.osm.pbf"])
def test_a_real_extract_takes_the_changes_and_keeps_all_else(name, tmp_path):
    source = DATA / "osm" / name
    if not source.is_file():
        pytest.skip(f"no {source}: set MAPWRIGHT_DATA to the folder of real data")
    town = town_from(source)
    ways = Footprint.objects.filter(snapshot=town.snapshot, osm_type="way").order_by("osm_id")
    plain = [row for row in ways[:400] if row.geometry.geom_type == "Polygon" and len(row.geometry.coords) == 1]
    closed = [row for row in plain if as_drawn(row)]
    moved, reshaped, removed = closed[0:8], closed[8:16], closed[16:24]
    shapes = {}
    for row in moved:
        shapes[row.key] = _rounded(shapely.affinity.translate(polygon_of(row), 5e-5, -3e-5))
        town.accept("shifted", shapes[row.key], key=row.key)
    for row in reshaped:
        shapes[row.key] = _rounded(polygon_of(row).minimum_rotated_rectangle)
        town.accept("modify", shapes[row.key], key=row.key)
    for row in removed:
        town.accept("remove", key=row.key)
    west, south = closed[0].geometry.extent[:2]
    added = [
        _rounded(shapely.box(west + i * 1e-3, south - 1e-3, west + i * 1e-3 + 1e-4, south - 9e-4)) for i in range(5)
    ]
    for shape in added:
        town.accept("add", shape)
    before, after = town.applied(tmp_path)

    for key, shape in shapes.items():
        assert as_accepted(after.shape(key), shape), key
        assert after.tags(key) == before.tags(key)
    new = [key for key in after.elements if key.startswith("way/-")]
    assert all(any(same(after.shape(key), shape) for key in new) for shape in added) and len(new) == 5
    for row in removed:
        gone = row.key not in after.elements
        assert gone or "building" not in after.tags(row.key)
    own = {f"node/{node[0]}" for row in (*moved, *reshaped, *removed) for node in row.nodes if not node[4]}
    users = Counter(f"node/{ref}" for row in (*moved, *reshaped, *removed) for ref in {node[0] for node in row.nodes})
    own |= {key for key, number in users.items() if number > 1}  # walls that two edited houses had in common
    about = own | set(shapes) | {row.key for row in removed}
    assert {key for key in differing(before, after) if "/-" not in key} <= about


def _rounded(shape: shapely.Polygon) -> shapely.Polygon:
    return shapely.Polygon([rounded(point) for point in shape.exterior.coords])


def test_a_map_without_versions_is_refused_until_they_are_given(tmp_path, made_osm, client_of):
    bare = tmp_path / "bare.osm"
    text = re.sub(r' version="[0-9]" timestamp="[^"]*"', "", made_osm.read_text())
    bare.write_text(
        text.replace(' timestamp="2020-01-01T00:00:00Z"', "").replace(' timestamp="2019-01-01T00:00:00Z"', "")
    )
    town = town_from(bare)
    town.accept("remove", key="way/16")
    changeset, client = town.changeset(), client_of(town.user)
    refused = client.get(f"/api/changesets/{changeset.pk}/edits.osc")
    assert (refused.status_code, refused.json()["code"], refused.json()["missing"]) == (
        409, "unknown_versions", ["way/16"],
    )  # fmt: skip
    assert client.get(f"/api/changesets/{changeset.pk}/edits.geojson").status_code == 200
    versions = f"/api/changesets/{changeset.pk}/versions/"
    client.post(versions, {"way/16": 8}, format="json")
    missing = client.get(f"/api/changesets/{changeset.pk}/edits.osc").json()["missing"]
    assert missing == ["node/30", "node/31", "node/32", "node/33"]
    reply = client.post(versions, dict.fromkeys(missing, 2), format="json")
    assert reply.json() == {"used": 4}
    body = b"".join(client.get(f"/api/changesets/{changeset.pk}/edits.osc").streaming_content).decode()
    assert '<way id="16" version="8" timestamp="' in body
