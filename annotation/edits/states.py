"""The state of a building that an edit is made for: of the scanned map, or of a newer one that it was laid over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.gis.geos import GEOSGeometry

from annotation.changes.models import ChangeKind
from annotation.edits.models import EditItem
from annotation.edits.osmchange.compile import keeps_value
from annotation.edits.osmchange.nodes import rounded
from annotation.sources.models import Footprint

OURS, THEIRS = "ours", "theirs"
SIDES = (OURS, THEIRS)


@dataclass(frozen=True)
class State:
    """A building as one map has it.

    Attributes:
        snapshot: the map; None for what its server said itself.
        nodes, members, ways: as `Footprint` keeps them.
        geometry: EPSG:4326.
    """

    osm_type: str
    osm_id: int | None
    version: int | None
    edited_at: datetime | None
    tags: Mapping[str, str]
    nodes: list[list[Any]]
    members: list[list[Any]]
    ways: list[list[Any]] | None
    in_relation: bool
    geometry: GEOSGeometry
    snapshot: int | None

    @property
    def key(self) -> str:
        return Footprint(osm_type=self.osm_type, osm_id=self.osm_id, geometry=self.geometry).key

    @property
    def parts(self) -> dict[str, int | None]:
        """As `Footprint.parts`."""
        return Footprint(nodes=self.nodes, ways=self.ways).parts

    @property
    def digest(self) -> str:
        """Names exactly this state, so that a choice is about what was seen."""
        return hashlib.sha256(json.dumps(to_json(self), sort_keys=True).encode()).hexdigest()[:16]


def of_footprint(footprint: Footprint) -> State:
    return State(
        footprint.osm_type, footprint.osm_id, footprint.version, footprint.edited_at, footprint.tags, footprint.nodes,
        footprint.members, footprint.ways, footprint.in_relation, footprint.geometry, footprint.snapshot_id,
    )  # fmt: skip


def base_state(item: EditItem) -> State | None:
    """What the edit is based on; None for a new building."""
    if item.rebased is not None:
        return from_json(item.rebased["state"])
    return of_footprint(item.change.footprint) if item.change.footprint is not None else None


def merged_state(item: EditItem) -> State | None:
    """The building beside it that the edit makes one with it; None where it leaves that alone."""
    merged = item.change.merged
    return of_footprint(merged) if merged is not None and takes(item, "shape") else None


def versions_of(item: EditItem) -> dict[str, int | None]:
    """Versions of all that an edit is about, by key: its buildings, their parts, and what an exported one writes."""
    written = (one for one in item.operations or () if one["action"] != "create")
    known = {f"{one['kind']}/{one['element']['id']}": one["element"]["version"] for one in written}
    base, merged = base_state(item), merged_state(item)
    for state, version in ((merged, merged.version if merged else None), (base, item.base_version)):
        if state is not None:
            known |= {**state.parts, state.key: version}
    return known


def takes(item: EditItem, part: str) -> bool:
    """Whether the edit still has its own `shape` or `tags`, or those of the state that it was laid over."""
    return item.rebased is None or item.rebased[part] == OURS


def writes_nodes(item: EditItem, base: State) -> bool:
    """Whether the edit moves or deletes nodes of its building, not the way or the relation alone."""
    if item.change.confirmed_on is not None:
        return False
    if item.change.kind == ChangeKind.REMOVE:
        return not item.demolish and not keeps_value(base)
    return takes(item, "shape")


def newer_part(base: State, their: State) -> str | None:
    """A node or member way that both maps know, and the newer one at a higher version."""
    now = their.parts
    for key, known in base.parts.items():
        by_now = now.get(key)
        if known is not None and by_now is not None and by_now > known:
            return key
    return None


def nodes_moved(item: EditItem, base: State) -> dict[int, str]:
    """Nodes that the building alone uses and that the edit moves, with their keys; without a file, those it may."""
    if item.change.kind == ChangeKind.REMOVE or not writes_nodes(item, base):
        return {}
    alone = nodes_alone(base)
    if item.operations is not None:
        moved = {one["element"]["id"] for one in item.operations if (one["kind"], one["action"]) == ("node", "modify")}
        return {number: key for number, key in alone.items() if number in moved}
    shape = item.change.adjusted or item.change.geometry
    kept = {rounded(place) for part in _parts(shape) for ring in part for place in ring}
    stay = {node[0] for node in _all_nodes(base) if rounded(node[2:4]) in kept}
    return {number: key for number, key in alone.items() if number not in stay}


def node_ids(state: State) -> set[int]:
    """Nodes of the building, whoever else uses them."""
    return {node[0] for node in _all_nodes(state)}


def nodes_alone(state: State) -> dict[int, str]:
    """Nodes that the building alone uses, with their keys."""
    return {node[0]: f"node/{node[0]}" for node in _all_nodes(state) if not node[4]}


def used_since(moved: Mapping[int, str], their: State) -> str | None:
    """One of these nodes that a newer map has in something else as well."""
    return next((moved[node[0]] for node in _all_nodes(their) if node[4] and node[0] in moved), None)


def _all_nodes(state: State) -> list[list[Any]]:
    return [*state.nodes, *(node for way in state.ways or () for node in way[3])]


def _parts(shape: GEOSGeometry) -> Any:
    coordinates: Any = shape.coords  # type: ignore[attr-defined]
    return [coordinates] if shape.geom_type == "Polygon" else coordinates


def is_behind(their: State, base: State) -> bool:
    """Whether a map shows an earlier state of the building than the base: some part of it older, and none newer."""
    return newer_part(their, base) is not None and newer_part(base, their) is None


def objects_of(items: Iterable[EditItem]) -> set[int]:
    """The buildings of the map that these edits are about."""
    both = ((item.object_id, item.change.merged.object_id if item.change.merged else None) for item in items)
    return {number for pair in both for number in pair if number is not None}


def against_merged(item: EditItem, theirs: Mapping[int, Footprint]) -> tuple[str, str, str] | None:
    """What a map says against the building that the edit makes one with another: key, code and detail.

    Args:
        theirs: the map's buildings by object.
    """
    merged, state = item.change.merged, merged_state(item)
    if merged is None or state is None:
        return None
    row = theirs.get(merged.object_id)
    their = of_footprint(row) if row is not None else None
    if their is None:
        return state.key, "gone", f"{state.key}, which becomes one with it, is gone from the newest map; drop this edit"
    known = item.node_versions.get(state.key) if state.version is None else state.version
    newer = state.tags != their.tags if known is None or their.version is None else their.version > known
    if newer or newer_part(state, their) or state.geometry != their.geometry:
        return state.key, "newer_version", f"{state.key}, which becomes one with it, was edited since; drop this edit"
    return None


def to_json(state: State) -> dict[str, Any]:
    return {
        "osm_type": state.osm_type, "osm_id": state.osm_id, "version": state.version,
        "edited_at": state.edited_at.isoformat() if state.edited_at else None, "tags": dict(state.tags),
        "nodes": state.nodes, "members": state.members, "ways": state.ways, "in_relation": state.in_relation,
        "geometry": state.geometry.hex.decode(), "snapshot": state.snapshot,
    }  # fmt: skip


def from_json(kept: Mapping[str, Any]) -> State:
    """The state of `to_json`, without loss."""
    edited_at = datetime.fromisoformat(kept["edited_at"]) if kept["edited_at"] else None
    geometry = GEOSGeometry(kept["geometry"], srid=4326)
    return State(**{**kept, "edited_at": edited_at, "geometry": geometry})
