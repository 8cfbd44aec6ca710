"""What the changes of one changeset do together: nodes that only buildings have in common that leave them go too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from annotation.edits.osmchange.compile import AcceptedChange
from annotation.edits.osmchange.elements import Node, Operation, Way, key
from annotation.edits.osmchange.nodes import OldNode


def left_by_all(changes: Iterable[AcceptedChange], operations: Sequence[Operation]) -> dict[int, OldNode]:
    """Nodes that each edit keeps as "used elsewhere", though all it means is others of these buildings that leave them.

    A building leaves a node when it is deleted, or reshaped without it; a member way that its relation's edit does not
    write keeps its nodes. A node with tags of its own is something by itself and stays; so does one of which nobody
    knows. Where two maps know a node, the higher version is the one that is deleted.
    """
    ways = [one for one in operations if isinstance(one.element, Way)]
    written = {one.element.id for one in ways if one.action != "create"}
    bases = [base for one in changes for base in (one.base, one.merged) if base is not None]
    courses = [(base.osm_id, base.nodes) for base in bases if base.osm_type == "way"]
    courses += [(way.id, way.nodes) for base in bases for way in base.ways or ()]
    edited = [course for number, course in courses if number in written]
    users = Counter(number for course in edited for number in {node.id for node in course})
    kept = {ref for one in ways if one.action != "delete" for ref in one.element.refs}  # type: ignore[union-attr]
    kept |= {node.id for number, course in courses if number not in written for node in course}
    known = sorted((node for course in edited for node in course), key=lambda node: node.version or 0)
    nodes = {node.id: node for node in known}
    return {
        number: node
        for number, node in nodes.items()
        if node.shared
        and node.tagged is False
        and users[number] > 1
        and number not in kept
        and node.version is not None
    }


def also_dropped(
    shared: dict[int, OldNode], used_elsewhere: Collection[int], operations: Sequence[Operation], timestamp: str
) -> list[Operation]:
    """Their deletions, `if-unused`: a way that the map's extract does not know may still use one."""
    done = {key(one.element) for one in operations if one.action == "delete"}
    nodes = (node for number, node in sorted(shared.items()) if number not in used_elsewhere)
    return [
        Operation("delete", Node(node.id, node.version, node.lon, node.lat), if_unused=True, timestamp=timestamp)
        for node in nodes
        if f"node/{node.id}" not in done
    ]


def of_neighbours(change: AcceptedChange, operations: Iterable[Operation]) -> set[int]:
    """Nodes of other buildings that the outlines of one edit share by now: neither its own ones nor new ones."""
    bases = [base for base in (change.base, change.merged) if base is not None]
    own = {node.id for base in bases for node in base.nodes}
    own |= {node.id for base in bases for way in base.ways or () for node in way.nodes}
    mine = {base.osm_id for base in bases if base.osm_type == "way"} | {w.id for base in bases for w in base.ways or ()}
    ways = [one.element for one in operations if isinstance(one.element, Way) and one.action != "delete"]
    return {ref for way in ways if way.id < 0 or way.id in mine for ref in way.refs if ref > 0} - own
