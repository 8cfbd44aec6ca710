"""What the changes of one changeset do together: nodes that only removed buildings had in common go with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from annotation.edits.osmchange.compile import AcceptedChange
from annotation.edits.osmchange.elements import Node, Operation, Way, key
from annotation.edits.osmchange.nodes import OldNode


def shared_by_removed(changes: Iterable[AcceptedChange], operations: Sequence[Operation]) -> dict[int, OldNode]:
    """Nodes that are kept as "used elsewhere", though at least two of these removals use them and no edit of the rest.

    A node with tags of its own is something by itself and stays; so does one of which nobody knows.
    """
    gone = {operation.element.id for operation in operations if _deletes_way(operation)}
    removed = [one.base for one in changes if one.base is not None and one.base.osm_id in gone]
    users = Counter(number for base in removed for number in {node.id for node in base.nodes})
    kept = {
        ref for one in operations if isinstance(one.element, Way) and one.action != "delete" for ref in one.element.refs
    }
    nodes = {node.id: node for base in removed for node in base.nodes}
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


def _deletes_way(operation: Operation) -> bool:
    return operation.action == "delete" and isinstance(operation.element, Way)
