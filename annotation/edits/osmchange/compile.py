"""What one accepted change turns into: operations on elements, or a refusal that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from annotation.changes.tagging import describes_building, new_building
from annotation.edits.osmchange.elements import (
    MAX_MEMBERS,
    MAX_TAG_CHARS,
    NewIds,
    Node,
    Operation,
    RefusedError,
    Relation,
    Way,
    check_known,
)
from annotation.edits.osmchange.multipolygon import OldRelation, reshape
from annotation.edits.osmchange.nodes import LonLat, OldNode, Outline, fit_outline, new_outline, ring_corners
from annotation.edits.osmchange.rings import OldWay


@dataclass(frozen=True)
class Base:
    """The object in the map that a change is about, as known from the snapshot and from versions given later.

    Attributes:
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
    has_holes: bool = False
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
    """

    kind: str
    polygons: Sequence[Sequence[Sequence[LonLat]]]
    base: Base | None = None
    demolish: bool = False
    check_date: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    keeps_shape: bool = False


def compile_change(change: AcceptedChange, ids: NewIds) -> list[Operation]:
    """Operations that make the map say what was accepted.

    Raises:
        RefusedError: osmChange can't say it, or not without a version that is unknown.
    """
    if change.kind == "add":
        return _add(change, ids)
    base = change.base
    if base is None or base.osm_id is None:
        raise RefusedError(
            "no_osm_id", "the map gives no OSM id for this building; import an .osm or .osm.pbf extract and scan again"
        )
    _check_uploaded(base)
    _check_tags({**base.tags, **change.tags})
    if change.check_date:
        return [_with_tags(base, {**base.tags, "check_date": change.check_date})]
    if change.kind != "remove":
        _check_outlines(base, change.tags)
    if change.keeps_shape and change.kind != "remove":
        return [_with_tags(base, {**base.tags, **change.tags})]
    if base.osm_type == "relation":
        return _demolish_relation(base) if change.kind == "remove" else _reshape_relation(change, base, ids)
    _check_known(base)
    if change.kind == "remove":
        return _demolish_way(base) if change.demolish or keeps_value(base) else _delete_way(base)
    return _reshape_way(change, base, ids)


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


def _add(change: AcceptedChange, ids: NewIds) -> list[Operation]:
    if len(change.polygons) != 1:
        raise RefusedError("several_parts", "a new building has one outline; split it into one change per building")
    rings = [ring_corners(ring) for ring in change.polygons[0]]
    outlines = [new_outline(points, ids) for points in rings]
    tags = new_building(change.tags)
    operations = [Operation("create", node) for outline in outlines for node in outline.created]
    if len(outlines) == 1:
        return [*operations, Operation("create", Way(ids.way(), None, outlines[0].refs, tags))]
    ways = [Way(ids.way(), None, outline.refs, {}) for outline in outlines]
    members = tuple(("way", way.id, "outer" if index == 0 else "inner") for index, way in enumerate(ways))
    relation = Relation(ids.relation(), None, members, {"type": "multipolygon", **tags})
    return [*operations, *(Operation("create", way) for way in ways), Operation("create", relation)]


def _reshape_way(change: AcceptedChange, base: Base, ids: NewIds) -> list[Operation]:
    if base.has_holes or len(change.polygons) != 1 or len(change.polygons[0]) != 1:
        raise RefusedError(
            "way_with_holes", "a way has one outline without holes; adjust the shape, or make a multipolygon in JOSM"
        )
    outline = fit_outline(base.nodes, ring_corners(change.polygons[0][0]), ids)
    _check_node_versions(outline)
    way = Way(base.osm_id or 0, base.version, outline.refs, {**base.tags, **change.tags})
    return [
        *(Operation("create", node) for node in outline.created),
        *(Operation("modify", node) for node in outline.moved),
        Operation("modify", way),
        *(Operation("delete", _as_node(node), if_unused=True) for node in outline.dropped),
    ]


def _delete_way(base: Base) -> list[Operation]:
    own = [node for node in {node.id: node for node in base.nodes}.values() if not node.shared]
    _check_node_versions(Outline((), (), (), tuple(own)))
    refs = tuple(node.id for node in base.nodes)
    return [
        Operation("delete", Way(base.osm_id or 0, base.version, refs, base.tags)),
        *(Operation("delete", _as_node(node), if_unused=True) for node in own),
    ]


def _with_tags(base: Base, tags: Mapping[str, str]) -> Operation:
    """The object with these tags, its nodes or members as they are."""
    if base.osm_type == "relation":
        _check_version(base)
        _check_members(base)
        return Operation("modify", Relation(base.osm_id or 0, base.version, tuple(base.members), tags))
    _check_known(base)
    refs = tuple(node.id for node in base.nodes)
    return Operation("modify", Way(base.osm_id or 0, base.version, refs, tags))


def _demolish_way(base: Base) -> list[Operation]:
    return [_with_tags(base, demolished(base.tags))]


def _reshape_relation(change: AcceptedChange, base: Base, ids: NewIds) -> list[Operation]:
    _check_members(base)
    if base.ways is None:
        raise RefusedError(
            "no_member_ways",
            f"the member ways of {base.key} were not kept when the map was imported; import it again and scan again",
        )
    relation = OldRelation(
        base.osm_id or 0, base.version, {**base.tags, **change.tags}, tuple(base.members), tuple(base.ways)
    )  # fmt: skip
    return reshape(relation, change.polygons, ids)


def _demolish_relation(base: Base) -> list[Operation]:
    _check_version(base)
    _check_members(base)
    if base.outlines:
        raise RefusedError(
            "outline_tagged",
            f"{base.outlines[0]}, the outline of {base.key}, is tagged as the building too and would stay one; take "
            "the tags off both in JOSM",
        )
    return [_with_tags(base, demolished(base.tags))]


def _check_outlines(base: Base, tags: Mapping[str, str]) -> None:
    """Refuse to say of a relation what the outline, tagged as the same building, would go on contradicting."""
    said = sorted(key for key in tags if key.startswith("building") and tags[key] != base.tags.get(key))
    if base.osm_type == "relation" and base.outlines and said:
        raise RefusedError(
            "outline_tagged",
            f"{base.outlines[0]}, the outline of {base.key}, is tagged as the building too and would keep its own "
            f"{said[0]}; take the building's tags off one of both in JOSM, or leave {said[0]} as it is",
        )


def _check_members(base: Base) -> None:
    if not base.members or len(base.members) > MAX_MEMBERS:
        raise RefusedError("no_members", f"the members of {base.key} are unknown; import an .osm or .osm.pbf extract")


def _check_tags(tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        if len(key) > MAX_TAG_CHARS or len(value) > MAX_TAG_CHARS:
            raise RefusedError(
                "long_tag", f"the tag {key[:40]!r} is longer than {MAX_TAG_CHARS} characters; mend the map"
            )


def _check_uploaded(base: Base) -> None:
    """Refuse what refers to elements that only the file of the map knows: OSM would not find them."""
    names = [base.key] if (base.osm_id or 0) <= 0 else []
    names += [f"node/{node.id}" for node in base.nodes if node.id <= 0]
    names += [f"{kind}/{ref}" for kind, ref, _ in base.members if ref <= 0]
    names += [f"node/{node.id}" for way in base.ways or () for node in way.nodes if node.id <= 0]
    if names:
        raise RefusedError(
            "not_uploaded",
            f"{names[0]} is not in OSM yet: upload what this map's file holds, import a new extract and scan again",
        )


def _check_known(base: Base) -> None:
    if not base.nodes:
        raise RefusedError(
            "no_nodes",
            f"the node ids of {base.key} are unknown (a GeoJSON map has none); import an .osm or .osm.pbf extract",
        )
    if base.nodes[0].id != base.nodes[-1].id:
        raise RefusedError("open_way", f"{base.key} is not closed in the map; mend it in JOSM")
    _check_version(base)


def _check_version(base: Base) -> None:
    check_known([(base.key, base.version)])


def _check_node_versions(outline: Outline) -> None:
    versions = [(node.id, node.version) for node in outline.moved]
    versions += [(node.id, node.version) for node in outline.dropped]
    check_known((f"node/{number}", version) for number, version in versions)


def _as_node(node: OldNode) -> Node:
    return Node(node.id, node.version, node.lon, node.lat)
