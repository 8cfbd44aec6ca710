"""One building becomes two, or two become one: the larger keeps id, history, address and name, by OSM's custom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from annotation.changes.cutting import halves
from annotation.changes.tagging import describes_building, new_building, tagged
from annotation.common.errors import InvalidError
from annotation.edits.osmchange.accepted import AcceptedChange, Base, keeps_value
from annotation.edits.osmchange.checks import check_node_versions, check_tags, check_uploaded, check_way
from annotation.edits.osmchange.elements import NewIds, Operation, RefusedError, Way
from annotation.edits.osmchange.nodes import LonLat, OldNode, Outline, fit_outline, new_outline, ring_corners, rounded
from annotation.edits.osmchange.yards import reshape_way

NOTES = {"created_by", "fixme", "note"}
"""Tags that are said of the old object, and not of the part that is new."""


def split(change: AcceptedChange, ids: NewIds) -> list[Operation]:
    """Two ways with the nodes of the cut in common.

    The larger part keeps the way, with its nodes and every tag; the smaller one is a new way that takes what describes
    the building, and neither address nor name. Nodes go to the part on whose corners they lie.

    Raises:
        RefusedError: the line does not cut the outline in two, or the object can't be two without losing something.
    """
    base = change.base
    _check_plain(change, [base] if base is not None else [])
    if base is not None and base.in_relation:
        raise RefusedError(
            "way_in_relation",
            f"{base.key} is a member of a relation, which would not name the part that becomes a way of its own; leave "
            "it whole, or split it in JOSM",
        )
    try:
        larger, smaller = halves(change.polygons[0][0], change.cut)
    except InvalidError as error:
        raise RefusedError("no_cut", error.detail) from error
    if base is None:
        one = new_outline(larger, ids)
        two = fit_outline([], smaller, ids, _places(one, []))
        tags = new_building(change.tags)
        ways = [Operation("create", Way(ids.way(), None, outline.refs, tags)) for outline in (one, two)]
        return [*(Operation("create", node) for node in (*one.created, *two.created)), *ways]
    return _split_way(change.tags, base, larger, smaller, ids)


def cut_ends(change: AcceptedChange) -> list[LonLat]:
    """Places of a cut that are no corners of the outline; those on a wall are a neighbour's business, too."""
    if not change.cut:
        return []
    try:
        found = halves(change.polygons[0][0], change.cut)
    except InvalidError:
        return []  # `split` says why
    there = set(map(rounded, change.polygons[0][0]))
    return list(dict.fromkeys(point for half in found for point in half if point not in there))


def _split_way(
    said: Mapping[str, str], base: Base, larger: Sequence[LonLat], smaller: Sequence[LonLat], ids: NewIds
) -> list[Operation]:
    beyond = set(smaller) - set(larger)
    nodes = list({node.id: node for node in base.nodes}.values())
    theirs = [node for node in nodes if rounded((node.lon, node.lat)) in beyond]
    one = fit_outline([node for node in nodes if node not in theirs], larger, ids)
    two = fit_outline([*theirs, *one.dropped], smaller, ids, _places(one, nodes))
    check_node_versions(replace(one, dropped=()))
    check_node_versions(two)
    of_both = {key: value for key, value in said.items() if describes_building(key)}
    new = {key: value for key, value in base.tags.items() if describes_building(key) and key not in NOTES}
    return [
        *(Operation("create", node) for node in (*one.created, *two.created)),
        Operation("create", Way(ids.way(), None, two.refs, tagged(new, of_both))),
        *(Operation("modify", node) for node in (*one.moved, *two.moved)),
        Operation("modify", Way(base.osm_id or 0, base.version, one.refs, tagged(base.tags, said))),
        *(Operation("delete", node.plain, if_unused=True) for node in two.dropped),
    ]


def merge(change: AcceptedChange, ids: NewIds) -> list[Operation]:
    """One way in place of two; of a new building and a mapped one, the mapped one grows.

    The larger way stays, with its tags, unless the other one is more than a building: an address, a name, a member of a
    relation are never deleted. Its way goes, and those of its nodes that nothing uses any more.

    Raises:
        RefusedError: both are more than buildings, or one of them is no single way.
    """
    merged = change.merged
    if merged is None:
        raise RefusedError("no_neighbour", "there is no building to make it one with; adjust it again")
    kept, *gone = change.known
    _check_plain(change, [kept, *gone], whole=False)
    if any(keeps_value(one) for one in gone):
        raise RefusedError(
            "merge_protected",
            f"{kept.key} and {gone[0].key} both carry an address, a name or a relation, of which one would be lost; "
            "take the answer back, or merge them in JOSM",
        )
    nodes = [*kept.nodes, *(node for one in gone for node in one.nodes)]
    grown = reshape_way(replace(change, tags=change.said), replace(kept, nodes=nodes), ids)
    deleted = [Way(one.osm_id or 0, one.version, tuple(node.id for node in one.nodes), one.tags) for one in gone]
    return [*grown, *(Operation("delete", way) for way in deleted)]


def _check_plain(change: AcceptedChange, objects: Sequence[Base], *, whole: bool = True) -> None:
    """Refuse what is no single outline, or not known well enough."""
    several = len(change.polygons) != 1 or (whole and len(change.polygons[0]) != 1)
    for base in objects:
        if base.osm_id is None:
            raise RefusedError(
                "no_osm_id", "the map gives no OSM id for this building; import an .osm or .osm.pbf extract"
            )
        if base.osm_type != "way" or base.holes:
            raise RefusedError(
                "not_a_way", f"{base.key} is a multipolygon, which is not split or joined here; do it in JOSM"
            )
        check_uploaded(base)
        check_tags(tagged(base.tags, change.tags))
        check_way(base)
    if several:
        raise RefusedError("several_rings", "only one outline without courtyards is cut in two; fill them first")
    for ring in change.polygons[0]:
        ring_corners(ring)


def _places(outline: Outline, nodes: Sequence[OldNode]) -> dict[LonLat, int]:
    """Which node lies where once an outline is drawn."""
    used = set(outline.refs)
    there = {rounded((node.lon, node.lat)): node.id for node in nodes if node.id in used}
    moved = {node.id for node in outline.moved}
    there = {place: number for place, number in there.items() if number not in moved}
    return there | {(node.lon, node.lat): node.id for node in (*outline.created, *outline.moved)}
