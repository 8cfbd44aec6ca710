"""What a person accepted, and the object in the map that it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import shapely

from annotation.changes.tagging import describes_building, tagged
from annotation.edits.osmchange.joining import Neighbour, level_of
from annotation.edits.osmchange.nodes import LonLat, OldNode
from annotation.edits.osmchange.rings import OldWay


@dataclass(frozen=True)
class Base:
    """The object in the map that a change is about, as known from the snapshot and from versions given later.

    Attributes:
        holes: courtyards of a single way: it is the outline of a multipolygon of the old style.
        outlines: members that are tagged as the building themselves, such as `way/12`.
        ways: the member ways of a relation; None where the map's import did not keep them.
    """

    osm_type: str
    osm_id: int | None
    version: int | None
    tags: Mapping[str, str]
    nodes: Sequence[OldNode] = ()
    members: Sequence[tuple[str, int, str]] = ()
    in_relation: bool = False
    holes: Sequence[Sequence[LonLat]] = ()
    outlines: Sequence[str] = ()
    ways: Sequence[OldWay] | None = None

    @property
    def key(self) -> str:
        return f"{self.osm_type}/{self.osm_id}"


@dataclass(frozen=True)
class AcceptedChange:
    """What a person accepted: `rings` has the outer ring of each polygon first, then its holes.

    Attributes:
        check_date: the day on which a mapped building was seen to stand, YYYY-MM-DD; then nothing else of it changes.
        tags: set by the person, over those that the building has or would get.
        keeps_shape: of a mapped building: its tags alone change.
        drawn: a person drew the shape, so that its corners are where they were put.
        cut: the line along which it becomes two buildings; empty: it stays one.
        merged: the building beside it that becomes one with it; `polygons` is the outline of both.
        beside: ways of the buildings around it, whose nodes it may share.
    """

    kind: str
    polygons: Sequence[Sequence[Sequence[LonLat]]]
    base: Base | None = None
    demolish: bool = False
    check_date: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    keeps_shape: bool = False
    drawn: bool = False
    cut: Sequence[LonLat] = ()
    merged: Base | None = None
    beside: Sequence[Neighbour] = ()

    @property
    def draws(self) -> bool:
        """Whether it says a shape: a removal does not, nor what changes tags alone."""
        return self.kind != "remove" and not self.check_date and not self.keeps_shape

    @property
    def known(self) -> list[Base]:
        """The mapped buildings that it is about; of two that become one, the one that stays comes first."""
        both = [one for one in (self.base, self.merged if self.draws else None) if one is not None]
        # Of two alike, the one asked about.
        return sorted(both, key=lambda one: (not keeps_value(one), -round(_area(one), 12))) if len(both) > 1 else both

    @property
    def own(self) -> list[OldNode]:
        """The nodes of these buildings."""
        return [
            node for one in self.known for node in (*one.nodes, *(node for way in one.ways or () for node in way.nodes))
        ]

    @property
    def said(self) -> Mapping[str, str]:
        """What is said of the building that stays: nothing is taken off a neighbour."""
        if not self.known or self.known[0] is self.base:
            return self.tags
        return {key: value for key, value in self.tags.items() if value}

    @property
    def level(self) -> tuple[str, bool]:
        """Its level (`level_of`) by the tags that it has in the end."""
        return level_of(tagged(self.known[0].tags if self.known else {}, self.said))


class Tagged(Protocol):
    """What tells whether an object is more than a building."""

    @property
    def osm_type(self) -> str: ...
    @property
    def tags(self) -> Mapping[str, str]: ...
    @property
    def in_relation(self) -> bool: ...


def keeps_value(base: Tagged) -> bool:
    """Whether the object is more than a building outline: a POI, an address, a name, a member of a relation."""
    plain = all(describes_building(key) for key in base.tags)
    return base.in_relation or base.osm_type == "relation" or not plain


def demolished(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags after demolition: `demolished:building` instead of `building`, all else kept."""
    changed = {key: value for key, value in tags.items() if key not in {"building", "building:part"}}
    changed["demolished:building"] = tags.get("building") or tags.get("building:part") or "yes"
    return changed


def _area(base: Base) -> float:
    # What has no outline to tell is refused where it is to become one with another.
    ring = [(node.lon, node.lat) for node in base.nodes]
    return float(shapely.Polygon(ring).area) if len(ring) > 3 else 0.0
