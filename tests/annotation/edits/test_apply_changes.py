"""The exported osmChange, applied by osmium to the extract it came from, makes the accepted changes and no others."""

from __future__ import annotations

import dataclasses
import os
import re
from collections import Counter
from pathlib import Path

import pytest
import shapely
import shapely.affinity

from annotation.edits.models import Changeset
from annotation.edits.osmchange.nodes import rounded
from annotation.edits.services import changesets, export
from annotation.sources.engine import to_geos
from annotation.sources.models import Footprint, MapSnapshot, Region
from annotation.sources.services.store_features import store_features
from mlcore.maps.osm_files import read_map
from mlcore.progress import SilentProgress
from tests.annotation.edits.extract import Extract
from tests.annotation.edits.osmium_tool import refs_missing, run_osmium
from tests.factories import RegionFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

pytestmark = pytest.mark.django_db

DATA = Path(os.environ.get("MAPWRIGHT_DATA", Path(__file__).resolve().parents[4] / "shared/data"))
MADE = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6" generator="test">
{nodes}
 <way id="11" version="3" timestamp="2020-01-01T00:00:00Z"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/>
  <nd ref="1"/><tag k="building" v="house"/><tag k="note" v="caf&#233; &lt;&amp;&gt;"/></way>
 <way id="12" version="5" timestamp="2020-01-01T00:00:00Z"><nd ref="2"/><nd ref="5"/><nd ref="6"/><nd ref="3"/>
  <nd ref="2"/><tag k="building" v="yes"/></way>
 <way id="13" version="1" timestamp="2020-01-01T00:00:00Z"><nd ref="7"/><nd ref="8"/><nd ref="9"/><nd ref="10"/>
  <nd ref="7"/><tag k="building" v="retail"/><tag k="shop" v="bakery"/></way>
 <way id="14" version="2" timestamp="2020-01-01T00:00:00Z"><nd ref="20"/><nd ref="21"/><nd ref="22"/><nd ref="23"/>
  <nd ref="20"/></way>
 <way id="15" version="2" timestamp="2020-01-01T00:00:00Z"><nd ref="24"/><nd ref="25"/><nd ref="26"/>
  <nd ref="24"/></way>
 <way id="16" version="8" timestamp="2020-01-01T00:00:00Z"><nd ref="30"/><nd ref="31"/><nd ref="32"/><nd ref="33"/>
  <nd ref="30"/><tag k="building" v="shed"/></way>
 <way id="17" version="4" timestamp="2020-01-01T00:00:00Z"><nd ref="40"/><nd ref="41"/><nd ref="42"/><nd ref="43"/>
  <nd ref="40"/><tag k="building" v="yes"/></way>
 <way id="18" version="1" timestamp="2020-01-01T00:00:00Z"><nd ref="1"/><nd ref="40"/><tag k="highway" v="path"/></way>
 <relation id="51" version="6" timestamp="2020-01-01T00:00:00Z"><member type="way" ref="14" role="outer"/>
  <member type="way" ref="15" role="inner"/><tag k="type" v="multipolygon"/><tag k="building" v="school"/></relation>
</osm>
"""
PLACES = {
    1: (0, 0), 2: (2, 0), 3: (2, 2), 4: (0, 2), 5: (4, 0), 6: (4, 2), 7: (6, 0), 8: (8, 0), 9: (8, 2), 10: (6, 2),
    20: (10, 0), 21: (16, 0), 22: (16, 6), 23: (10, 6), 24: (12, 2), 25: (14, 2), 26: (14, 4),
    30: (0, 4), 31: (2, 4), 32: (2, 6), 33: (0, 6), 40: (4, 4), 41: (6, 4), 42: (6, 6), 43: (4, 6),
}  # fmt: skip


@pytest.fixture
def made_osm(tmp_path: Path) -> Path:
    """A small extract: two houses that share a wall, a bakery, a school with a courtyard, a shed, a path."""
    nodes = "\n".join(
        f' <node id="{pk}" version="{pk % 3 + 1}" timestamp="2019-01-01T00:00:00Z" '
        f'lon="{12 + x * 1e-4:.7f}" lat="{55 + y * 1e-4:.7f}"/>'
        for pk, (x, y) in PLACES.items()
    )
    path = tmp_path / "made.osm"
    path.write_text(MADE.format(nodes=nodes), encoding="utf-8")
    return path


@dataclasses.dataclass
class Town:
    """An imported extract with a scan, ready for changes to be accepted."""

    source: Path
    scan: object
    snapshot: MapSnapshot
    user: object
    changes: list

    def building(self, key: str) -> Footprint:
        kind, _, number = key.partition("/")
        return Footprint.objects.get(snapshot=self.snapshot, osm_type=kind, osm_id=int(number))

    def accept(self, kind: str, shape=None, key: str | None = None, adjusted=None) -> None:
        footprint = self.building(key) if key else None
        geometry = to_geos(shape) if shape is not None else footprint.geometry
        change = ChangeFactory(scan=self.scan, kind=kind, geometry=geometry, footprint=footprint)
        save_decision(self.user, change)
        if adjusted is not None:
            change.adjusted = to_geos(adjusted)
            change.save()
        self.changes.append(change)

    def changeset(self, **options) -> Changeset:
        region = self.scan.region
        return changesets.create(user=self.user, region=region, comment="buildings from imagery", **options).changeset

    def applied(self, folder: Path, **options) -> tuple[Extract, Extract]:
        """The extract before and after the exported file was applied to it."""
        osc = folder / "edits.osc"
        osc.write_text("".join(export.osc(self.changeset(**options))), encoding="utf-8")
        before, after = folder / "before.osm", folder / "after.osm"
        run_osmium("cat", str(self.source), "-o", str(before), "-f", "osm", "--overwrite")
        run_osmium("apply-changes", str(before), str(osc), "-o", str(after), "--overwrite")
        assert set(refs_missing(after).splitlines()) <= set(refs_missing(before).splitlines())
        return Extract.read(before), Extract.read(after)


def town_from(source: Path) -> Town:
    """The extract imported into a region of its own."""
    region = RegionFactory(open_to_all=True)
    scan = ScanFactory(model=ModelVersionFactory(region=region))
    store_features(scan.snapshot, iter(read_map(source).features), SilentProgress())
    return Town(source, scan, scan.snapshot, UserFactory(role="editor"), [])


@pytest.fixture
def town_of():
    return town_from


def box(x: float, y: float, w: float = 2, h: float = 2) -> shapely.Polygon:
    """In the made extract's units."""
    west, south = 12 + x * 1e-4, 55 + y * 1e-4
    corners = [(west, south), (west + w * 1e-4, south), (west + w * 1e-4, south + h * 1e-4), (west, south + h * 1e-4)]
    return shapely.Polygon([rounded(corner) for corner in corners])


def same(one: shapely.Polygon, other: shapely.Polygon) -> bool:
    return one.normalize().equals_exact(other.normalize(), 1e-7)


def as_accepted(one: shapely.Geometry, wanted: shapely.Geometry) -> bool:
    """The same shape, but for corners that were brought onto a neighbour's node, by centimetres."""
    return one.hausdorff_distance(wanted) < 1e-6


def differing(before: Extract, after: Extract) -> set[str]:
    keys = before.elements.keys() | after.elements.keys()
    return {key for key in keys if before.elements.get(key) != after.elements.get(key)}


def test_changes_of_every_kind_are_found_again_and_nothing_else_differs(made_osm, tmp_path, town_of):
    town = town_of(made_osm)
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
    assert same(after.shape("way/11"), box(0, 0, 2, 3))
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


def test_a_corner_that_two_houses_share_stays_where_it_is(made_osm, tmp_path, town_of):
    town = town_of(made_osm)
    town.accept("shifted", box(-1, 0), key="way/11")
    before, after = town.applied(tmp_path)
    assert same(after.shape("way/11"), box(-1, 0))
    assert same(after.shape("way/12"), before.shape("way/12"))
    assert after.elements["way/18"] == before.elements["way/18"]
    assert after.elements["node/1"] == before.elements["node/1"]


def test_buildings_that_still_stand_get_their_check_date_and_nothing_else(made_osm, tmp_path, town_of):
    town = town_of(made_osm)
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


def test_removals_can_be_kept_as_demolished_buildings(made_osm, tmp_path, town_of):
    town = town_of(made_osm)
    town.accept("remove", key="way/16")
    _, after = town.applied(tmp_path, demolish=True)
    assert after.tags("way/16") == {"demolished:building": "shed"}


@pytest.mark.parametrize("name", ["frederiksted.osm.pbf", "helsinki.osm.pbf"])
def test_a_real_extract_takes_the_changes_and_keeps_all_else(name, tmp_path, town_of):
    source = DATA / "osm" / name
    if not source.is_file():
        pytest.skip(f"no {source}: set MAPWRIGHT_DATA to the folder of real data")
    town = town_of(source)
    ways = Footprint.objects.filter(snapshot=town.snapshot, osm_type="way").order_by("osm_id")
    plain = [row for row in ways[:400] if row.geometry.geom_type == "Polygon" and len(row.geometry.coords) == 1]
    closed = [row for row in plain if _as_drawn(row)]
    moved, reshaped, removed = closed[0:8], closed[8:16], closed[16:24]
    shapes = {}
    for row in moved:
        shapes[row.key] = _rounded(shapely.affinity.translate(_polygon(row), 5e-5, -3e-5))
        town.accept("shifted", shapes[row.key], key=row.key)
    for row in reshaped:
        shapes[row.key] = _rounded(_polygon(row).minimum_rotated_rectangle)
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


def _polygon(row: Footprint) -> shapely.Polygon:
    return shapely.from_wkb(bytes(row.geometry.wkb))


def _as_drawn(row: Footprint) -> bool:
    """Closed and not repaired on import."""
    nodes = [(node[2], node[3]) for node in row.nodes]
    return len(nodes) > 3 and nodes[0] == nodes[-1] and same(shapely.Polygon(nodes), _polygon(row))


def _rounded(shape: shapely.Polygon) -> shapely.Polygon:
    return shapely.Polygon([rounded(point) for point in shape.exterior.coords])


def test_a_map_without_versions_is_refused_until_they_are_given(tmp_path, made_osm, town_of, client_of):
    bare = tmp_path / "bare.osm"
    text = re.sub(r' version="[0-9]" timestamp="[^"]*"', "", made_osm.read_text())
    bare.write_text(
        text.replace(' timestamp="2020-01-01T00:00:00Z"', "").replace(' timestamp="2019-01-01T00:00:00Z"', "")
    )
    town = town_of(bare)
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
