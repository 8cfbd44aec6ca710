"""A single way that gets a courtyard becomes a multipolygon: the way stays as its outline, its tags move."""

from __future__ import annotations

from collections.abc import Sequence

from annotation.changes.tagging import tagged
from annotation.edits.osmchange.accepted import AcceptedChange, Base
from annotation.edits.osmchange.checks import check_node_versions
from annotation.edits.osmchange.elements import NewIds, Operation, RefusedError, Relation, Way
from annotation.edits.osmchange.nodes import LonLat, Outline, corners, fit_outline, new_outline, ring_corners
from annotation.edits.osmchange.rings import SAYS_NOTHING


def reshape_way(change: AcceptedChange, base: Base, ids: NewIds) -> list[Operation]:
    """The way with the accepted outline; with courtyards that it lacked, as the outer way of a new multipolygon.

    Of a multipolygon of the old style, whose tags are on its outer way, the outline follows and the courtyards stay.

    Raises:
        RefusedError: it has several outlines, or the courtyards can't be said without changing something else.
    """
    if len(change.polygons) != 1:
        raise RefusedError(
            "several_parts", f"{base.key} is one building and the accepted shape has several parts; adjust the shape"
        )
    outer, *holes = change.polygons[0]
    if base.holes:
        if not _same_rings(base.holes, holes):
            raise RefusedError(
                "old_multipolygon",
                f"{base.key} is the outline of a multipolygon of the old style: its tags are on the way and not on the "
                "relation that names its courtyards; leave these as they are, or move the tags to the relation in JOSM",
            )
        holes = []
    outline = fit_outline(base.nodes, ring_corners(outer), ids)
    check_node_versions(outline)
    tags = tagged(base.tags, change.tags)
    rings = _with_yards(base, outline, tags, holes, ids) if holes else [_way(base, outline, tags)]
    return [
        *(Operation("create", node) for node in outline.created),
        *(Operation("modify", node) for node in outline.moved),
        *rings,
        *(Operation("delete", node.plain, if_unused=True) for node in outline.dropped),
    ]


def _way(base: Base, outline: Outline, tags: dict[str, str]) -> Operation:
    return Operation("modify", Way(base.osm_id or 0, base.version, outline.refs, tags))


def _with_yards(
    base: Base, outline: Outline, tags: dict[str, str], holes: Sequence[Sequence[LonLat]], ids: NewIds
) -> list[Operation]:
    if base.in_relation:
        raise RefusedError(
            "way_in_relation",
            f"{base.key} is a member of a relation, which would go on naming the way and not the multipolygon that it "
            "becomes by a courtyard; fill the courtyard, or draw it in JOSM",
        )
    if "type" in tags:
        raise RefusedError(
            "way_has_type",
            f"{base.key} is tagged type={tags['type']}, and a multipolygon needs that key; fill the courtyard, or give "
            "the tag another key in JOSM",
        )
    inner = [new_outline(ring_corners(ring), ids) for ring in holes]
    ways = [Way(ids.way(), None, one.refs, {}) for one in inner]
    stay = {key: value for key, value in tags.items() if key in SAYS_NOTHING}
    moved = {key: value for key, value in tags.items() if key not in SAYS_NOTHING}
    members = (("way", base.osm_id or 0, "outer"), *(("way", way.id, "inner") for way in ways))
    return [
        *(Operation("create", node) for one in inner for node in one.created),
        *(Operation("create", way) for way in ways),
        Operation("create", Relation(ids.relation(), None, members, {"type": "multipolygon", **moved})),
        _way(base, outline, stay),
    ]


def _same_rings(one: Sequence[Sequence[LonLat]], other: Sequence[Sequence[LonLat]]) -> bool:
    """Whether both have the same rings, wherever each starts and whichever way round."""

    def told(rings: Sequence[Sequence[LonLat]]) -> list[list[LonLat]]:
        return sorted(sorted(corners(ring)) for ring in rings)

    return told(one) == told(other)
