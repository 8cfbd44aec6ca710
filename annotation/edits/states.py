"""The state of a building that an edit is made for: of the scanned map, or of a newer one that it was laid over."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.gis.geos import GEOSGeometry

from annotation.changes.models import ChangeKind
from annotation.edits.models import EditItem
from annotation.edits.osmchange.compile import keeps_value
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


def is_behind(their: State, base: State) -> bool:
    """Whether a map shows an earlier state of the building than the base: some part of it older, and none newer."""
    return newer_part(their, base) is not None and newer_part(base, their) is None


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
