"""Rings of a multipolygon: how its member ways make them up, and how they follow a ring that was drawn anew."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from annotation.edits.osmchange.elements import NewIds, Node, RefusedError
from annotation.edits.osmchange.nodes import (
    LonLat,
    OldNode,
    assigned,
    corners,
    fit_outline,
    rounded,
    same_turn,
)

SAYS_NOTHING = {"area", "created_by", "source"}
"""Tags that say where a way came from or how it is drawn, and not what it is."""


@dataclass(frozen=True)
class OldWay:
    """A member way as the map has it.

    Attributes:
        used: another relation has it as a member.
        outline: tagged as the building that the relation is, so that it says nothing more than the relation.
    """

    id: int
    version: int | None
    tags: Mapping[str, str]
    nodes: tuple[OldNode, ...]
    used: bool = False
    outline: bool = False

    @property
    def key(self) -> str:
        return f"way/{self.id}"

    @property
    def refs(self) -> tuple[int, ...]:
        return tuple(node.id for node in self.nodes)

    @property
    def closed(self) -> bool:
        return len(self.nodes) > 3 and self.nodes[0].id == self.nodes[-1].id

    @property
    def meaning(self) -> str | None:
        """What the way is beside a part of this relation; None where it is nothing else."""
        if self.used:
            return "a member of another relation as well"
        telling = sorted(key for key in self.tags if key not in SAYS_NOTHING)
        return f"tagged {telling[0]}={self.tags[telling[0]]} as well" if telling and not self.outline else None


@dataclass(frozen=True)
class OldRing:
    """A closed ring: its ways in the order it passes them, each with whether it runs along the way's own direction."""

    parts: tuple[tuple[OldWay, bool], ...]

    @property
    def ways(self) -> tuple[OldWay, ...]:
        return tuple(way for way, _ in self.parts)

    @property
    def stretches(self) -> list[tuple[OldNode, ...]]:
        """The nodes of each part, along the ring; the last of one is the first of the next."""
        return [way.nodes if along else way.nodes[::-1] for way, along in self.parts]

    @property
    def nodes(self) -> list[OldNode]:
        """Every node along the ring; it does not repeat its first."""
        return [node for stretch in self.stretches for node in stretch[:-1]]

    @property
    def points(self) -> list[LonLat]:
        return corners([(node.lon, node.lat) for node in self.nodes])


@dataclass
class Fitted:
    """What follows of a ring that was drawn anew: the node lists of its ways, new nodes and moved ones."""

    refs: dict[int, tuple[int, ...]] = field(default_factory=dict)
    created: list[Node] = field(default_factory=list)
    moved: list[Node] = field(default_factory=list)


def rings_of(ways: Sequence[OldWay], key: str) -> list[OldRing]:
    """The rings that these ways of one role make up.

    Raises:
        RefusedError: they don't, or in more than one manner.
    """
    rings = [OldRing(((way, True),)) for way in ways if way.closed]
    rest = [way for way in ways if not way.closed]
    at_end: dict[int, list[OldWay]] = {}
    for way in rest:
        for end in (way.refs[0], way.refs[-1]):
            at_end.setdefault(end, []).append(way)
    unclear = [number for number, found in at_end.items() if len(found) != 2]
    if unclear:
        raise RefusedError(
            "open_rings",
            f"the ways of {key} do not make up rings: {len(at_end[unclear[0]])} of them end at node/{unclear[0]}; "
            "mend the multipolygon in JOSM",
        )
    while rest:
        parts = [(rest.pop(0), True)]
        start, end = parts[0][0].refs[0], parts[0][0].refs[-1]
        while end != start:
            way = next(one for one in at_end[end] if one in rest)
            rest.remove(way)
            along = way.refs[0] == end
            parts.append((way, along))
            end = way.refs[-1] if along else way.refs[0]
        rings.append(OldRing(tuple(parts)))
    return rings


def unchanged(ring: OldRing, points: Sequence[LonLat]) -> bool:
    """Whether the drawn corners are those of the ring, wherever it starts and whichever way round."""
    old = ring.points
    if len(old) != len(points) or points[0] not in old:
        return False
    at = old.index(points[0])
    along = [*old[at:], *old[:at]]
    return list(points) in (along, [along[0], *along[:0:-1]])


def fit_ring(ring: OldRing, points: Sequence[LonLat], fixed: Collection[int], ids: NewIds) -> Fitted:
    """Bring the ring's ways to drawn corners: as many nodes as possible stay, at the least distance moved.

    Args:
        fixed: nodes that must stay in their place, beside those that are used elsewhere.

    Raises:
        RefusedError: a way that is something else as well would change, or ways would no longer meet.
    """
    if len(ring.parts) == 1:
        way = ring.ways[0]
        _check_free(way)
        outline = fit_outline(_held(way.nodes, fixed), points, ids)
        return Fitted({way.id: outline.refs}, list(outline.created), list(outline.moved))
    return _Several(ring, points, fixed, ids).fitted()


class _Several:
    """A ring of several ways: the nodes where two meet stay in it, in their order, and between them lies a way."""

    def __init__(self, ring: OldRing, points: Sequence[LonLat], fixed: Collection[int], ids: NewIds) -> None:
        self.ring, self.fixed, self.ids = ring, fixed, ids
        self.points = same_turn(ring.nodes, points)
        self.done = Fitted()

    def fitted(self) -> Fitted:
        at = self._meetings()
        count = len(self.points)
        for number, (way, along) in enumerate(self.ring.parts):
            start, end = at[number], at[(number + 1) % len(at)]
            self._stretch(way, along, [(start + step) % count for step in range(1, (end - start) % count)])
        return self.done

    def _meetings(self) -> list[int]:
        """The corner at which each part begins."""
        stretches = [_held(stretch, self.fixed) for stretch in self.ring.stretches]
        meeting = [stretch[0] for stretch in stretches]
        there = {point: index for index, point in enumerate(self.points)}
        found = {node.id: there[_place(node)] for node in meeting if _place(node) in there}
        for number, node in enumerate(meeting):
            ways = (self.ring.ways[number], self.ring.ways[number - 1])
            if node.id not in found and (node.shared or any(way.meaning for way in ways)):
                raise RefusedError(
                    "ways_meet",
                    f"{ways[1].key} and {ways[0].key} meet at node/{node.id}, which must stay where it is: "
                    "keep a corner there",
                )
        loose = [node for node in meeting if node.id not in found]
        inside = [node for stretch in stretches for node in stretch[1:-1] if not node.shared]
        kept = {there[_place(node)] for node in inside if _place(node) in there} | set(found.values())
        open_corners = [index for index in range(len(self.points)) if index not in kept]
        free = [node for node in inside if _place(node) not in there]
        pairs = assigned(self.points, open_corners, [*loose, *free], first=len(loose))
        found |= {node.id: index for index, node in pairs}
        at = [found.get(node.id, -1) for node in meeting]
        turned = [(one - at[0]) % len(self.points) for one in at]
        if -1 in at or turned != sorted(set(turned)):
            raise RefusedError(
                "ways_meet",
                f"the ring of {', '.join(way.key for way in self.ring.ways)} would not pass its ways in their order "
                "any more; move fewer corners at once, or draw it in JOSM",
            )
        for node, index in zip(meeting, at, strict=True):
            self._move(node, index)
        return at

    def _stretch(self, way: OldWay, along: bool, between: list[int]) -> None:
        nodes = _held(way.nodes if along else way.nodes[::-1], self.fixed)
        inside = {node.id: node for node in nodes[1:-1]}
        chosen: dict[int, OldNode] = {}
        still = {_place(node): node for node in inside.values()}
        for index in between:
            node = still.pop(self.points[index], None)
            if node is not None:
                chosen[index] = node
        taken = {node.id for node in chosen.values()}
        free = [node for node in inside.values() if node.id not in taken and not node.shared]
        left = [index for index in between if index not in chosen]
        chosen |= dict(assigned(self.points, left, free))
        refs = [nodes[0].id]
        for index in between:
            refs.append(chosen[index].id if index in chosen else self._new(index))
            if index in chosen:
                self._move(chosen[index], index)
        refs.append(nodes[-1].id)
        self.done.refs[way.id] = tuple(refs if along else refs[::-1])
        if self.done.refs[way.id] != way.refs or not {node.id for node in self.done.moved}.isdisjoint(way.refs):
            _check_free(way)

    def _new(self, index: int) -> int:
        node = Node(self.ids.node(), None, *self.points[index])
        self.done.created.append(node)
        return node.id

    def _move(self, node: OldNode, index: int) -> None:
        if _place(node) != self.points[index]:
            self.done.moved.append(Node(node.id, node.version, *self.points[index]))


def _check_free(way: OldWay) -> None:
    if way.meaning:
        raise RefusedError(
            "way_used_elsewhere",
            f"{way.key}, part of the outline that would change, is {way.meaning}: that would change too; leave this "
            "part as it is, or draw it in JOSM",
        )


def _held(nodes: Sequence[OldNode], fixed: Collection[int]) -> tuple[OldNode, ...]:
    return tuple(replace(node, shared=True) if node.id in fixed else node for node in nodes)


def _place(node: OldNode) -> LonLat:
    return rounded((node.lon, node.lat))
