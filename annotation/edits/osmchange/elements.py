"""OSM elements as an edit writes them, and operations on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Action = Literal["create", "modify", "delete"]

MAX_CHANGES = 10_000
MAX_WAY_NODES = 2_000
MAX_TAG_CHARS = 255
MAX_MEMBERS = 32_000


class RefusedError(Exception):
    """A change that can't become osmChange; the text says why and what to do instead.

    Attributes:
        code: `unknown_version` where a version would help, else another stable word.
        missing: elements whose version is unknown, such as `way/12`.
    """

    def __init__(self, code: str, reason: str, missing: tuple[str, ...] = ()) -> None:
        super().__init__(reason)
        self.code, self.reason, self.missing = code, reason, missing


@dataclass(frozen=True)
class Node:
    id: int
    version: int | None
    lon: float
    lat: float


@dataclass(frozen=True)
class Way:
    """`refs` end where they start."""

    id: int
    version: int | None
    refs: tuple[int, ...]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Relation:
    """`members`: (type, ref, role)."""

    id: int
    version: int | None
    members: tuple[tuple[str, int, str], ...]
    tags: Mapping[str, str]


Element = Node | Way | Relation


@dataclass(frozen=True)
class Operation:
    """One line of an osmChange; `if_unused` deletes a node only where nothing uses it any more.

    Attributes:
        timestamp: when it was written, ISO 8601 in UTC and so not older than the element's own; osmosis refuses
            elements without, and JOSM draws nothing.
    """

    action: Action
    element: Element
    if_unused: bool = False
    timestamp: str = ""


@dataclass
class NewIds:
    """Negative ids, unique by type in one file; `last` is where an earlier export stopped, so that none is drawn twice.

    Nothing of a file refers to a negative id of the map it is based on: such elements are not in OSM yet, and edits of
    them are refused.
    """

    last: dict[str, int] = field(default_factory=dict)

    def node(self) -> int:
        return self._next("node")

    def way(self) -> int:
        return self._next("way")

    def relation(self) -> int:
        return self._next("relation")

    def _next(self, kind: str) -> int:
        self.last[kind] = self.last.get(kind, 0) - 1
        return self.last[kind]


def key(element: Element) -> str:
    """`way/12`."""
    return f"{type(element).__name__.lower()}/{element.id}"
