"""What keeps two edits of one changeset from leaving together: two nodes on one place, or one node that both write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from annotation.edits.osmchange.accepted import AcceptedChange
from annotation.edits.osmchange.elements import Node, Operation, RefusedError, Way
from annotation.edits.osmchange.joining import Neighbour
from annotation.edits.osmchange.nodes import LonLat, OldNode, rounded

Level = tuple[str, bool]

REMEDY = "adjust one of the two, or drop this edit and export it once the map has the other one"


class Written:
    """The nodes of the edits so far: where each lies, which edit says so, and what its ways use."""

    def __init__(self) -> None:
        self._at: dict[tuple[LonLat, Level], dict[int, int]] = defaultdict(dict)
        self._placed: dict[int, tuple[LonLat, int]] = {}
        self._used: dict[int, int] = {}

    def check(self, change: AcceptedChange, operations: Iterable[Operation]) -> None:
        """Hold an edit against those before it.

        Raises:
            RefusedError: it writes a node that another one uses or writes otherwise, or makes one on such a place.
        """
        written, used = _nodes(change, operations)
        for number, place in written.items():
            other = self._placed.get(number)
            if other is not None and other[0] != place:
                raise _refused(f"node/{number} goes to two places, by this edit and by that of change {other[1]}")
            if number > 0 and number in self._used and other is None:
                by = self._used[number]
                raise _refused(f"this edit moves node/{number}, which the building of change {by} uses")
        for number, place in used.items():
            others = self._at.get((place, change.level), {})
            if number > 0 and number in self._placed and number not in written:
                raise _refused(f"this edit uses node/{number}, which that of change {self._placed[number][1]} moves")
            for twin, by in others.items():
                if twin != number and (number in written or twin in self._placed):
                    raise _refused(f"a corner lies where change {by} has one, and the two can't be one node")

    def add(self, about: int, change: AcceptedChange, operations: Iterable[Operation]) -> None:
        """Remember an edit that leaves.

        Args:
            about: the number of its change.
        """
        written, used = _nodes(change, operations)
        for number, place in written.items():
            self._placed.setdefault(number, (place, about))
        for number, place in used.items():
            self._used.setdefault(number, about)
            self._at[place, change.level].setdefault(number, about)


def stays_of(change: AcceptedChange, operations: Sequence[Operation]) -> Neighbour | None:
    """Of an edit that a file has: nodes of its building that another edit may use, none that it moves."""
    moved = {one.element.id for one in operations if isinstance(one.element, Node) and one.action == "modify"}
    created = {one.element.id for one in operations if one.action == "create"}
    known = {node.id: node for node in change.own}
    nodes = [
        known.get(number, OldNode(number, None, *place, False))
        for number, place in _nodes(change, operations)[1].items()
        if number not in moved and (number in known or number in created)
    ]
    layer, underground = change.level
    tags = {"layer": layer, **({"location": "underground"} if underground else {})}
    return Neighbour(0, None, tags, tuple(nodes)) if nodes else None


def _nodes(change: AcceptedChange, operations: Iterable[Operation]) -> tuple[dict[int, LonLat], dict[int, LonLat]]:
    """Where an edit puts nodes, and where those lie that its ways use, as far as that is known."""
    operations = list(operations)
    written = {
        one.element.id: (one.element.lon, one.element.lat)
        for one in operations
        if isinstance(one.element, Node) and one.action != "delete"
    }
    known = [*change.own, *(node for way in change.beside for node in way.nodes)]
    places = {node.id: rounded((node.lon, node.lat)) for node in known} | written
    ways = [one.element for one in operations if isinstance(one.element, Way) and one.action != "delete"]
    return written, {ref: places[ref] for way in ways for ref in way.refs if ref in places}


def _refused(what: str) -> RefusedError:
    return RefusedError("edits_cross", f"{what}; {REMEDY}")
