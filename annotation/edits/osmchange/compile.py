"""What one accepted change turns into: operations on elements, or a refusal that says why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from annotation.changes.tagging import new_building, tagged
from annotation.edits.osmchange.accepted import AcceptedChange, Base, Tagged, demolished, keeps_value
from annotation.edits.osmchange.checks import (
    check_members,
    check_node_versions,
    check_outlines,
    check_tags,
    check_uploaded,
    check_version,
    check_way,
)
from annotation.edits.osmchange.elements import NewIds, Operation, RefusedError, Relation, Way, check_known, key
from annotation.edits.osmchange.joining import Neighbour, brought, ends_joined, joined
from annotation.edits.osmchange.multipolygon import OldRelation, reshape
from annotation.edits.osmchange.nodes import Outline, new_outline, ring_corners
from annotation.edits.osmchange.parting import cut_ends, merge, split
from annotation.edits.osmchange.yards import reshape_way

__all__ = ["AcceptedChange", "Base", "Tagged", "compile_change", "demolished", "keeps_value"]


def compile_change(change: AcceptedChange, ids: NewIds) -> list[Operation]:
    """Operations that make the map say what was accepted, its corners joined to the nodes of buildings beside it.

    Raises:
        RefusedError: osmChange can't say it, or not without a version that is unknown.
    """
    if not change.draws:
        return _compiled(change, ids)
    own = change.own
    beside = [way for way in change.beside if way.level == change.level]
    holes = change.base.holes if change.base is not None else ()
    polygons, joints = brought(change.polygons, own, beside, walls=change.drawn, holes=holes)
    change = replace(change, polygons=polygons)
    joints = ends_joined(joints, cut_ends(change), beside)
    operations = joined(_compiled(change, ids), joints, own)
    operations = [*_in_common(beside, operations), *operations]
    check_known((key(one.element), one.element.version) for one in operations if one.action == "delete")
    return operations


def _compiled(change: AcceptedChange, ids: NewIds) -> list[Operation]:
    if change.draws and (change.merged is not None or change.cut):
        return merge(change, ids) if change.merged is not None else split(change, ids)
    if change.kind == "add":
        return _add(change, ids)
    base = change.base
    if base is None or base.osm_id is None:
        raise RefusedError(
            "no_osm_id", "the map gives no OSM id for this building; import an .osm or .osm.pbf extract and scan again"
        )
    check_uploaded(base)
    check_tags(tagged(base.tags, change.tags))
    if change.check_date:
        return [_with_tags(base, {**base.tags, "check_date": change.check_date})]
    if change.kind != "remove":
        check_outlines(base, change.tags)
    if change.keeps_shape and change.kind != "remove":
        return [_with_tags(base, tagged(base.tags, change.tags))]
    if base.osm_type == "relation":
        return _demolish_relation(base) if change.kind == "remove" else _reshape_relation(change, base, ids)
    check_way(base)
    if change.kind == "remove":
        return _demolish_way(base) if change.demolish or keeps_value(base) else _delete_way(base)
    return reshape_way(change, base, ids)


def _in_common(beside: Iterable[Neighbour], operations: Iterable[Operation]) -> list[Operation]:
    """New nodes that the edit has in common with others of its changeset: each of them makes them."""
    used = {ref for one in operations if isinstance(one.element, Way) for ref in one.element.refs}
    new = {node.id: node for way in beside for node in way.nodes if node.id < 0 and node.id in used}
    return [Operation("create", node.plain) for node in new.values()]


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


def _delete_way(base: Base) -> list[Operation]:
    own = [node for node in {node.id: node for node in base.nodes}.values() if not node.shared]
    check_node_versions(Outline((), (), (), tuple(own)))
    refs = tuple(node.id for node in base.nodes)
    return [
        Operation("delete", Way(base.osm_id or 0, base.version, refs, base.tags)),
        *(Operation("delete", node.plain, if_unused=True) for node in own),
    ]


def _with_tags(base: Base, tags: Mapping[str, str]) -> Operation:
    """The object with these tags, its nodes or members as they are."""
    if base.osm_type == "relation":
        check_version(base)
        check_members(base)
        return Operation("modify", Relation(base.osm_id or 0, base.version, tuple(base.members), tags))
    check_way(base)
    refs = tuple(node.id for node in base.nodes)
    return Operation("modify", Way(base.osm_id or 0, base.version, refs, tags))


def _demolish_way(base: Base) -> list[Operation]:
    return [_with_tags(base, demolished(base.tags))]


def _reshape_relation(change: AcceptedChange, base: Base, ids: NewIds) -> list[Operation]:
    check_members(base)
    if base.ways is None:
        raise RefusedError(
            "no_member_ways",
            f"the member ways of {base.key} were not kept when the map was imported; import it again and scan again",
        )
    relation = OldRelation(
        base.osm_id or 0, base.version, tagged(base.tags, change.tags), tuple(base.members), tuple(base.ways)
    )  # fmt: skip
    return reshape(relation, change.polygons, ids)


def _demolish_relation(base: Base) -> list[Operation]:
    check_version(base)
    check_members(base)
    if base.outlines:
        raise RefusedError(
            "outline_tagged",
            f"{base.outlines[0]}, the outline of {base.key}, is tagged as the building too and would stay one; take "
            "the tags off both in JOSM",
        )
    return [_with_tags(base, demolished(base.tags))]
