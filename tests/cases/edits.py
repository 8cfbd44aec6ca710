"""Cases of edits: what the osmChange of a read map must say; no database."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
import shapely.affinity

from annotation.edits.osmchange.compile import AcceptedChange, Base, compile_change
from annotation.edits.osmchange.elements import NewIds, Operation, RefusedError
from annotation.edits.osmchange.nodes import OldNode
from annotation.edits.osmchange.together import also_dropped, left_by_all
from annotation.edits.osmchange.write import write_osc
from mlcore.maps.features import MapFeature
from mlcore.maps.osm_files import read_map


def base(feature: MapFeature) -> Base:
    nodes = [OldNode(one.id, one.version, one.lon, one.lat, one.shared, one.tagged) for one in feature.nodes]
    return Base(feature.osm_type or "", feature.osm_id, feature.version, feature.tags, nodes)


def outline(feature: MapFeature) -> list[list[list[tuple[float, ...]]]]:
    return [[list(feature.geometry.exterior.coords)]]


def written(operations: list[Operation]) -> ET.Element:
    return ET.fromstring("".join(write_osc(operations)))


def unsaved_nodes(folder: Path, _: Path) -> None:
    (feature,) = (one for one in read_map(folder / "josm_session.osm").features if one.osm_id == 100)
    more = shapely.affinity.scale(feature.geometry, 1.2, 1.2)
    for change in (
        AcceptedChange("modify", [[list(more.exterior.coords)]], base(feature)),
        AcceptedChange("remove", outline(feature), base(feature), demolish=True),
    ):
        with pytest.raises(RefusedError, match="node/-1 is not in OSM yet"):
            compile_change(change, NewIds())


def row_houses(folder: Path, _: Path) -> None:
    houses = [one for one in read_map(folder / "two_houses.osm").features if one.osm_id in {10, 20}]
    changes = [AcceptedChange("remove", outline(one), base(one)) for one in houses]
    ids = NewIds()
    operations = [operation for change in changes for operation in compile_change(change, ids)]
    operations += also_dropped(left_by_all(changes, operations), (), operations, "2026-01-01T00:00:00Z")
    root = written(operations)
    gone = [(block.get("if-unused"), one.tag, one.get("id")) for block in root.iter("delete") for one in block]
    assert {number for _, tag, number in gone if tag == "way"} == {"10", "20"}
    nodes = {node.id for one in houses for node in one.nodes}
    assert len(nodes) == 6
    assert sorted(number for unused, tag, number in gone if tag == "node" and unused) == sorted(map(str, nodes))


CASES: dict[str, Callable[[Path, Path], None]] = {
    "10_unsaved_node_in_osc": unsaved_nodes,
    "11_row_houses_removed": row_houses,
}
