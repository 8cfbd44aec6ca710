"""OSM elements as an edit writes them, and operations on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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


def check_known(versions: Iterable[tuple[str, int | None]]) -> None:
    """Refuse to write elements, as (key, version), whose version nobody knows.

    Raises:
        RefusedError: some are unknown; it names them all.
    """
    missing = tuple(name for name, version in versions if version is None)
    if len(missing) == 1:
        raise RefusedError(
            "unknown_version",
            f"the version of {missing[0]} is unknown; give it to this changeset, or import an extract with versions",
            missing,
        )
    if missing:
        raise RefusedError(
            "unknown_version",
            f"the versions of {len(missing)} elements are unknown ({missing[0]}, ...); "
            "give them to this changeset, or import an extract with versions",
            missing,
        )


def key(element: Element) -> str:
    """`way/12`."""
    return f"{type(element).__name__.lower()}/{element.id}"
