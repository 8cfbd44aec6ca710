"""A small made town whose changes are accepted and exported: two houses that share a wall, a bakery, a school, a shed.

Other extracts become towns by `town_from`.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import shapely

from annotation.changes.models import Change
from annotation.edits.models import Changeset
from annotation.edits.osmchange.nodes import rounded
from annotation.edits.osmchange.tools import Tool
from annotation.edits.services import changesets, export
from annotation.sources.engine import to_geos
from annotation.sources.models import Footprint, MapSnapshot
from annotation.sources.services.store_features import store_features
from mlcore.maps.osm_files import read_map
from mlcore.progress import SilentProgress
from tests.annotation.edits.extract import Extract
from tests.annotation.edits.osmium_tool import refs_missing, run_osmium
from tests.factories import RegionFactory, SnapshotFactory, UserFactory
from tests.factories_changes import ChangeFactory, ModelVersionFactory, ScanFactory, save_decision

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


def made_file(folder: Path) -> Path:
    """The made town as an extract."""
    nodes = "\n".join(
        f' <node id="{pk}" version="{pk % 3 + 1}" timestamp="2019-01-01T00:00:00Z" '
        f'lon="{12 + x * 1e-4:.7f}" lat="{55 + y * 1e-4:.7f}"/>'
        for pk, (x, y) in PLACES.items()
    )
    path = folder / "made.osm"
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

    def answer(self, kind: str, shape: shapely.Polygon, key: str | None = None, **payload) -> Change:
        """An accepted change with what a person does beside it: a cut, a building that it is made one with."""
        footprint = self.building(key) if key else None
        change = ChangeFactory(scan=self.scan, kind=kind, geometry=to_geos(shape), footprint=footprint)
        save_decision(self.user, change, **payload)
        change.refresh_from_db()
        return change

    def imported(self, path: Path, **more: Any) -> MapSnapshot:
        """The file as the newest map of the region."""
        snapshot = SnapshotFactory(region=self.scan.region, **more)
        store_features(snapshot, iter(read_map(path).features), SilentProgress())
        return snapshot

    def newer(self, text: str, **more: Any) -> MapSnapshot:
        """The extract, edited by somebody else meanwhile, as the newest map of the region."""
        path = self.source.with_name("newer.osm")
        path.write_text(text, encoding="utf-8")
        return self.imported(path, **more)

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


def line(*places) -> list[list[float]]:
    """In the made extract's units."""
    return [[round(12 + x * 1e-4, 7), round(55 + y * 1e-4, 7)] for x, y in places]


def with_yard(outer: shapely.Polygon, yard: shapely.Polygon) -> shapely.Polygon:
    return shapely.Polygon(outer.exterior.coords, [yard.exterior.coords])


def shapes_of(path: Path) -> dict[str, shapely.Geometry]:
    return {one.key: one.geometry for one in read_map(path).features if one.kind == "building"}


def through(town: Town, folder: Path, changeset: Changeset, tool: Tool = Tool.UPLOAD) -> tuple[Path, Path]:
    """The extract before and after a tool's file was applied to it."""
    osc, before, after = folder / "edits.osc", folder / "before.osm", folder / f"after.{tool}.osm"
    osc.write_text("".join(export.osc(changeset, tool=tool)), encoding="utf-8")
    run_osmium("cat", str(town.source), "-o", str(before), "-f", "osm", "--overwrite")
    run_osmium("apply-changes", str(before), str(osc), "-o", str(after), "--overwrite")
    assert set(refs_missing(after).splitlines()) <= set(refs_missing(before).splitlines())
    return before, after


def polygon_of(row: Footprint) -> shapely.Polygon:
    return shapely.from_wkb(bytes(row.geometry.wkb))


def as_drawn(row: Footprint) -> bool:
    """Closed and not repaired on import."""
    nodes = [(node[2], node[3]) for node in row.nodes]
    return len(nodes) > 3 and nodes[0] == nodes[-1] and same(shapely.Polygon(nodes), polygon_of(row))


YARD = box(4.5, 4.5, 1, 1)

OLD_STYLE = """
 <way id="19" version="2" timestamp="2020-01-01T00:00:00Z"><nd ref="50"/><nd ref="51"/><nd ref="52"/><nd ref="53"/>
  <nd ref="50"/></way>
 <relation id="60" version="2" timestamp="2020-01-01T00:00:00Z"><member type="way" ref="17" role="outer"/>
  <member type="way" ref="19" role="inner"/><tag k="type" v="multipolygon"/></relation>
</osm>"""


def with_old_yard(path: Path) -> Path:
    """The made town where way/17 has the courtyard `YARD`, by a relation without tags of its own."""
    nodes = "".join(
        f'<node id="{n}" version="1" timestamp="2019-01-01T00:00:00Z" lon="{lon:.7f}" lat="{lat:.7f}"/>'
        for n, (lon, lat) in enumerate(YARD.exterior.coords[:-1], 50)
    )
    text = path.read_text().replace("</osm>", OLD_STYLE).replace(' <way id="11"', nodes + '<way id="11"')
    path.write_text(text, encoding="utf-8")
    return path
