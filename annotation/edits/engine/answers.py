"""What the API answers, read by a parser that knows no entities and bounds what it keeps."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from xml.parsers import expat

from annotation.edits.errors import UnreadableAnswerError

KINDS = ("node", "way", "relation")
MOST_TAGS = 2_000_000
"""Elements of XML that an answer may have: more than 10,000 ways with 100 nodes each."""


@dataclass(frozen=True)
class Person:
    """An account of the map's server."""

    id: int
    name: str


@dataclass(frozen=True)
class Limits:
    """What the server takes, and whether it takes anything now."""

    elements: int = 10_000
    way_nodes: int = 2_000
    online: bool = True


@dataclass(frozen=True)
class Listed:
    """A changeset as the server lists it; `changes` as it counts them."""

    id: int
    open: bool
    created_at: datetime
    changes: int = 0
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Receipt:
    """What became of one element of a diff.

    Attributes:
        old_id: as the diff named it: negative for a new one.
        new_id, new_version: None for what was deleted.
    """

    kind: str
    old_id: int
    new_id: int | None
    new_version: int | None


@dataclass
class Written:
    """One element of an osmChange, ours or the server's.

    Attributes:
        body: node ids of a way, (type, id, role) of a relation's members.
    """

    action: str
    kind: str
    id: int
    version: int
    lon: str = ""
    lat: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    body: list[int | tuple[str, int, str]] = field(default_factory=list)
    if_unused: bool = False
    timestamp: str = ""


@dataclass
class Present:
    """An element as the server has it in one version.

    Attributes:
        user: who made this version; empty where the server does not say.
        place: longitude and latitude of a node as they were written; of nothing else.
        body: as of `Written`.
    """

    kind: str
    id: int
    version: int
    visible: bool
    user: str
    changeset: int
    place: tuple[str, str] = ("", "")
    tags: dict[str, str] = field(default_factory=dict)
    body: list[int | tuple[str, int, str]] = field(default_factory=list)

    def same(self, other: Present) -> bool:
        """Whether both say the same of the world."""
        places = [tuple(round(float(one), 7) for one in each.place if one) for each in (self, other)]
        return places[0] == places[1] and (self.tags, self.body) == (other.tags, other.body)


@dataclass(frozen=True)
class Comment:
    """What somebody said of a changeset."""

    at: str
    user: str
    text: str


Start = Callable[[str, dict[str, str]], None]


def parse_change(content: bytes) -> list[Written]:
    """The elements of an osmChange in its order.

    Raises:
        UnreadableAnswerError: it is no osmChange.
    """
    return _elements(content, "osmChange")


def parse_written(content: bytes) -> list[Written]:
    """The elements of an answer that shows some, in its order; they have no action."""
    return _elements(content, "osm")


def _elements(content: bytes, root: str) -> list[Written]:
    found: list[Written] = []
    block = {"action": "", "if_unused": ""}

    def start(name: str, said: dict[str, str]) -> None:
        if name in {"create", "modify", "delete"}:
            block.update(action=name, if_unused="yes" if "if-unused" in said else "")
        elif name in KINDS:
            place = (said.get("lon", ""), said.get("lat", ""))
            number, version = _id(said["id"]), int(said.get("version", "0"))
            one = Written(block["action"], name, number, version, *place, timestamp=said.get("timestamp", ""))
            if not all(math.isfinite(float(text)) for text in place if text):
                raise ValueError("a place that is none")
            if one.timestamp:
                datetime.fromisoformat(one.timestamp)  # read later, and refused here where it is none
            one.if_unused = bool(block["if_unused"])
            found.append(one)
        elif name == "tag":
            found[-1].tags[said["k"]] = said["v"]
        elif name == "nd":
            found[-1].body.append(_id(said["ref"]))
        elif name == "member":
            found[-1].body.append((said["type"], _id(said["ref"]), said.get("role", "")))

    _read(content, root, start)
    return found


def _id(text: str) -> int:
    number = int(text)
    if abs(number) >= 2**63:
        raise ValueError("an id that no server has")
    return number


def parse_result(content: bytes) -> list[Receipt]:
    """The receipts of a diffResult."""
    found: list[Receipt] = []

    def start(name: str, said: dict[str, str]) -> None:
        if name in KINDS:
            new = (int(said[key]) if key in said else None for key in ("new_id", "new_version"))
            found.append(Receipt(name, int(said["old_id"]), *new))

    _read(content, "diffResult", start)
    return found


def parse_changesets(content: bytes) -> list[Listed]:
    """Changesets with their tags."""
    found: list[Listed] = []

    def start(name: str, said: dict[str, str]) -> None:
        if name == "changeset":
            changes = int(said.get("changes_count", "0"))
            created = datetime.fromisoformat(said["created_at"])
            found.append(Listed(int(said["id"]), said["open"] == "true", created, changes))
        elif name == "tag" and found:
            found[-1].tags[said["k"]] = said["v"]

    _read(content, "osm", start)
    return found


def parse_elements(content: bytes) -> list[Present]:
    """Elements, each in the version that was asked for."""
    found: list[Present] = []

    def start(name: str, said: dict[str, str]) -> None:
        if name in KINDS:
            place = (said.get("lon", ""), said.get("lat", "")) if name == "node" else ("", "")
            found.append(
                Present(name, int(said["id"]), int(said["version"]), said.get("visible", "true") == "true",
                        said.get("user", ""), int(said["changeset"]), place)
            )  # fmt: skip
        elif name == "tag":
            found[-1].tags[said["k"]] = said["v"]
        elif name == "nd":
            found[-1].body.append(int(said["ref"]))
        elif name == "member":
            found[-1].body.append((said["type"], int(said["ref"]), said.get("role", "")))

    _read(content, "osm", start)
    return found


def parse_comments(content: bytes) -> list[Comment]:
    """What was said of one changeset, the oldest first."""
    found: list[tuple[str, str, list[str]]] = []
    inside = {"text": False}

    def start(name: str, said: dict[str, str]) -> None:
        inside["text"] = name == "text"
        if name == "comment":
            found.append((said.get("date", ""), said.get("user", ""), []))

    def said_so(text: str) -> None:
        if inside["text"] and found:
            found[-1][2].append(text)

    _read(content, "osm", start, said_so)
    return [Comment(at, user, "".join(parts).strip()) for at, user, parts in found]


def parse_person(content: bytes) -> Person:
    """Whose token it was."""
    found: list[Person] = []

    def start(name: str, said: dict[str, str]) -> None:
        if name == "user" and not found:
            found.append(Person(int(said["id"]), said["display_name"]))

    _read(content, "osm", start)
    if not found:
        raise UnreadableAnswerError("the server does not say whose account this is: sign in again")
    return found[0]


def parse_limits(content: bytes) -> Limits:
    """What the server takes; what it does not say is as the API documents it."""
    told: dict[str, dict[str, str]] = {}

    def start(name: str, said: dict[str, str]) -> None:
        told.setdefault(name, said)

    _read(content, "osm", start)
    return Limits(
        int(told.get("changesets", {}).get("maximum_elements", Limits.elements)),
        int(told.get("waynodes", {}).get("maximum", Limits.way_nodes)),
        told.get("status", {}).get("api", "online") == "online",
    )


def _read(content: bytes, root: str, start: Start, text: Callable[[str], None] | None = None) -> None:
    parser = expat.ParserCreate()
    seen = 0

    def on_start(name: str, said: dict[str, str]) -> None:
        nonlocal seen
        if (not seen and name != root) or seen > MOST_TAGS:
            raise UnreadableAnswerError(f"the server answered something else than {root}: check its address")
        seen += 1
        start(name, said)

    def on_doctype(*_: object) -> None:
        raise UnreadableAnswerError("the server's answer declares a document type, which no answer of the API does")

    parser.StartElementHandler = on_start
    parser.StartDoctypeDeclHandler = on_doctype
    if text is not None:
        parser.CharacterDataHandler = text
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, KeyError, ValueError, IndexError) as error:
        raise UnreadableAnswerError(f"the server's {root} can't be read: check its address") from error
