"""From decisions through the exported files of a changeset and every tool that is here back to a map."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from annotation.edits.osmchange.tools import LOCAL_IDS, Tool
from annotation.edits.services import exits, export
from tests.annotation.edits import drill_tools as tools
from tests.annotation.edits import josm_tool
from tests.annotation.edits.drill import Drill, demolish, judge, renumbered
from tests.annotation.edits.extract import Extract
from tests.annotation.edits.osmium_tool import run_osmium
from tests.annotation.edits.town import Town


@dataclass
class RoundTrip:
    """What came back: `mismatches` by tool, one sentence each; nodes of reshaped ways, and how many kept theirs.

    `kinds`: buildings by what was decided about them.
    """

    changes: int
    elements: int = 0
    nodes: int = 0
    nodes_kept: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    mismatches: dict[str, list[str]] = field(default_factory=dict)


def round_trip(town: Town, folder: Path, *, number: int, seed: int) -> RoundTrip:
    """Decide, export for uploads and for copies, give the files to each tool, compare.

    Needs osmium; ogr2ogr, osm2pgsql, osmosis and JOSM take part where they are installed.
    """
    drill = Drill(town, seed)
    decided = drill.decide(number)
    changeset = town.changeset(change_ids=[change.pk for change in town.changes])
    items = {item.change.footprint.key: item for item in changeset.items.all() if item.change.footprint}
    demolish(decided, items)
    upload, copy = folder / "edits.upload.osc", folder / "edits.copy.osc"
    upload.write_text("".join(export.osc(changeset)), encoding="utf-8")
    copy.write_text("".join(export.osc(changeset, tool=Tool.COPY)), encoding="utf-8")
    base, after = folder / "before.osm", folder / "after.osm"
    run_osmium("cat", str(town.source), "-o", str(base), "-f", "osm", "--overwrite")
    before = Extract.read(base)
    told = RoundTrip(len(town.changes), elements=upload.read_text().count('timestamp="'))
    told.kinds.update(one.kind for one in decided)

    first = judge(before, tools.applied(base, upload, folder / "uploaded.osm"), decided, drill.rows)
    told.nodes, told.nodes_kept = first.nodes, first.kept
    told.mismatches["osmium_upload"] = first.mismatches
    map_after = tools.applied(base, copy, after)
    told.mismatches["osmium"] = judge(before, renumbered(map_after, LOCAL_IDS), decided, drill.rows).mismatches
    here = tools.installed()
    if here["osmosis"]:
        by_osmosis = tools.applied_by_osmosis(base, copy, folder / "osmosis.osm")
        found = judge(before, renumbered(by_osmosis, LOCAL_IDS), decided, drill.rows)
        told.mismatches["osmosis"] = found.mismatches
    if here["osm2pgsql"]:
        told.mismatches["osm2pgsql"] = tools.by_osm2pgsql(base, copy, decided, LOCAL_IDS)
    if here["ogr2ogr"]:
        told.mismatches["ogr2ogr"] = tools.by_ogr2ogr(base, after, decided, LOCAL_IDS)
    if here["josm"]:
        file = folder / "edits.osm"
        file.write_text("".join(exits.josm(changeset)), encoding="utf-8")
        told.mismatches["josm"] = josm_tool.by_josm(file, decided, told.elements)
    region = town.scan.region  # type: ignore[attr-defined]
    told.mismatches["reimport"] = tools.by_reimport(drill.rows, region, after, decided, LOCAL_IDS)
    return told
