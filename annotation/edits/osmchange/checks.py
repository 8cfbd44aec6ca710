"""What is looked at before an edit is written: ids and versions that are known, members, tags that OSM takes."""

from __future__ import annotations

from collections.abc import Mapping

from annotation.changes.tagging import is_address
from annotation.edits.osmchange.accepted import Base
from annotation.edits.osmchange.elements import MAX_MEMBERS, MAX_TAG_CHARS, RefusedError, check_known
from annotation.edits.osmchange.nodes import Outline


def check_outlines(base: Base, tags: Mapping[str, str]) -> None:
    """Refuse to say of a relation what the outline, tagged as the same building, would go on contradicting."""
    if base.osm_type != "relation" or not base.outlines:
        return
    changed = sorted(key for key in tags if tags[key] != base.tags.get(key, ""))
    said = [key for key in changed if key.startswith("building") or (is_address(key) and _outline_has(base, key))]
    if said:
        raise RefusedError(
            "outline_tagged",
            f"{base.outlines[0]}, the outline of {base.key}, is tagged as the building too and would keep its own "
            f"{said[0]}; take the building's tags off one of both in JOSM, or leave {said[0]} as it is",
        )


def _outline_has(base: Base, key: str) -> bool:
    """Whether an outline that is tagged as the building has this key, as far as its tags are known."""
    known = {f"way/{way.id}": way.tags for way in base.ways or ()}
    return any(key in known.get(outline, {key: ""}) for outline in base.outlines)


def check_members(base: Base) -> None:
    if not base.members or len(base.members) > MAX_MEMBERS:
        raise RefusedError("no_members", f"the members of {base.key} are unknown; import an .osm or .osm.pbf extract")


def check_tags(tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        if len(key) > MAX_TAG_CHARS or len(value) > MAX_TAG_CHARS:
            raise RefusedError(
                "long_tag", f"the tag {key[:40]!r} is longer than {MAX_TAG_CHARS} characters; mend the map"
            )


def check_uploaded(base: Base) -> None:
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


def check_way(base: Base) -> None:
    if not base.nodes:
        raise RefusedError(
            "no_nodes",
            f"the node ids of {base.key} are unknown (a GeoJSON map has none); import an .osm or .osm.pbf extract",
        )
    if base.nodes[0].id != base.nodes[-1].id:
        raise RefusedError("open_way", f"{base.key} is not closed in the map; mend it in JOSM")
    check_version(base)


def check_version(base: Base) -> None:
    check_known([(base.key, base.version)])


def check_node_versions(outline: Outline) -> None:
    versions = [(node.id, node.version) for node in outline.moved]
    versions += [(node.id, node.version) for node in outline.dropped]
    check_known((f"node/{number}", version) for number, version in versions)
