"""Applies an osmChange to the map, all of it or none, and answers the diffResult."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from tests.osm_server.answers import root, text_of
from tests.osm_server.store import Store, written

MAX_ELEMENTS, MAX_WAY_NODES, MAX_MEMBERS, MAX_TAG = 10_000, 2_000, 32_000, 255


class RefusedError(Exception):
    """An answer other than 200: its status and text."""

    def __init__(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(text)
        self.status, self.text, self.headers = status, text, headers or {}


def parse(body: bytes, name: str) -> Element:
    try:
        told = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise RefusedError(400, f"Cannot parse valid {name} from xml string. {error}") from error
    if told.tag != name:
        raise RefusedError(400, f"XML doesn't contain an {name} element.")
    return told


def tags_of(element: Element) -> dict[str, str]:
    tags: dict[str, str] = {}
    for tag in element.findall("tag"):
        key, value = tag.get("k", ""), tag.get("v", "")
        if len(key) > MAX_TAG or len(value) > MAX_TAG:
            raise RefusedError(400, f"Key or value has more than {MAX_TAG} unicode characters")
        if key in tags:
            raise RefusedError(400, f"Element has duplicate tags with key {key}")
        tags[key] = value
    return tags


def check_open(store: Store, number: int, user: int, now: float) -> Any:
    """The changeset, if this person may still write to it."""
    changeset = store.changeset(number)
    if changeset is None:
        raise RefusedError(404, f"Changeset {number} not found")
    if changeset["user"] != user:
        raise RefusedError(409, "The user doesn't own that changeset")
    if changeset["closes"] <= now:
        raise RefusedError(409, f"The changeset {number} was closed at {written(changeset['closes'])}")
    return changeset


class Diff:
    """One upload: placeholder ids given so far, and what is answered."""

    def __init__(self, store: Store, changeset: int) -> None:
        self.store, self.changeset = store, changeset
        self.given: dict[tuple[str, int], int] = {}
        self.result = root("diffResult")
        self.changes = 0

    def apply(self, body: bytes) -> bytes:
        for action, if_unused, element in _operations(parse(body, "osmChange")):
            self._check_changeset(element)
            getattr(self, f"_{action}")(element, if_unused)
        return text_of(self.result)

    def _check_changeset(self, element: Element) -> None:
        told = element.get("changeset")
        if told is None:
            raise RefusedError(400, "Changeset id is missing")
        if int(told) != self.changeset:
            raise RefusedError(409, f"Changeset mismatch: Provided {told} but only {self.changeset} is allowed")

    def _create(self, element: Element, if_unused: bool) -> None:
        kind, old = element.tag, int(element.get("id", "0"))
        if old >= 0:
            raise RefusedError(400, f"Placeholder id must be negative for {kind} {old}")
        if (kind, old) in self.given:
            raise RefusedError(400, f"Placeholder IDs must be unique for created elements: {kind} {old}")
        content = self._content(element)
        number = self.given[kind, old] = self.store.next_id(kind)
        self._write(kind, number, 1, content)
        SubElement(self.result, kind, old_id=str(old), new_id=str(number), new_version="1")

    def _modify(self, element: Element, if_unused: bool) -> None:
        """One that is deleted comes back, where the version is the newest: as CGImap has it."""
        kind, old, number, version, _ = self._known(element)
        self._check_version(element, number, version)
        self._write(kind, number, version + 1, self._content(element))
        SubElement(self.result, kind, old_id=str(old), new_id=str(number), new_version=str(version + 1))

    def _delete(self, element: Element, if_unused: bool) -> None:
        kind, old, number, version, visible = self._known(element)
        if not visible and not if_unused:
            raise RefusedError(410, f"The {kind} with the id {number} has already been deleted")
        if visible:
            self._check_version(element, number, version)
        users = self.store.users_of(kind, number)
        if if_unused and (users or not visible):
            SubElement(self.result, kind, old_id=str(old), new_id=str(number), new_version=str(version))
            return
        if users:
            by, others = users[0][0], ",".join(str(one[1]) for one in users)
            raise RefusedError(
                412, f"Precondition failed: {kind.capitalize()} {number} is still used by {by}s {others}."
            )
        self._write(kind, number, version + 1, None)
        SubElement(self.result, kind, old_id=str(old))

    def _known(self, element: Element) -> tuple[str, int, int, int, bool]:
        """Kind, id as told, id, newest version, and whether it is visible."""
        kind, old = element.tag, int(element.get("id", "0"))
        number = self._id_of(kind, old)
        row = self.store.element(kind, number)
        if row is None:
            raise RefusedError(404, f"The {kind} with the id {number} could not be found")
        return kind, old, number, row["version"], bool(row["visible"])

    def _check_version(self, element: Element, number: int, version: int) -> None:
        provided = int(element.get("version", "0"))
        if provided != version:
            raise RefusedError(
                409,
                f"Version mismatch: Provided {provided}, server had: {version} of {element.tag.capitalize()} {number}",
            )

    def _id_of(self, kind: str, number: int) -> int:
        if number > 0:
            return number
        if (kind, number) not in self.given:
            raise RefusedError(400, f"Placeholder {kind} not found for reference {number}")
        return self.given[kind, number]

    def _content(self, element: Element) -> dict[str, Any]:
        kind, tags = element.tag, tags_of(element)
        if kind == "node":
            lon, lat = float(element.get("lon", "nan")), float(element.get("lat", "nan"))
            if not (-180 <= lon <= 180 and -90 <= lat <= 90):
                raise RefusedError(400, "The latitude or longitude is out of range")
            return {"lon": round(lon, 7), "lat": round(lat, 7), "tags": tags}
        if kind == "way":
            refs = [self._id_of("node", int(nd.get("ref", "0"))) for nd in element.findall("nd")]
            if not 1 <= len(refs) <= MAX_WAY_NODES:
                raise RefusedError(
                    400, f"You tried to add {len(refs)} nodes to the way, however only {MAX_WAY_NODES} are allowed"
                )
            self._need("node", refs, element)
            return {"tags": tags, "body": refs}
        members = [(m.get("type", ""), self._id_of(m.get("type", ""), int(m.get("ref", "0"))), m.get("role", ""))
                   for m in element.findall("member")]  # fmt: skip
        if len(members) > MAX_MEMBERS:
            raise RefusedError(400, f"only {MAX_MEMBERS} members are allowed")
        for of in ("node", "way", "relation"):
            self._need(of, [ref for kind, ref, _ in members if kind == of], element)
        return {"tags": tags, "body": members}

    def _need(self, kind: str, refs: list[int], element: Element) -> None:
        rows = {ref: self.store.element(kind, ref) for ref in set(refs)}
        missing = [ref for ref, row in sorted(rows.items()) if row is None or not row["visible"]]
        if missing:
            listed = ",".join(map(str, missing))
            raise RefusedError(
                412,
                f"Precondition failed: {element.tag.capitalize()} {element.get('id')} requires the {kind}s with id in "
                f"{listed}, which either do not exist, or are not visible.",
            )

    def _write(self, kind: str, number: int, version: int, content: dict[str, Any] | None) -> None:
        self.store.write(kind, number, version, self.changeset, content)
        self.changes += 1


def _operations(told: Element) -> Iterator[tuple[str, bool, Element]]:
    for block in told:
        if block.tag not in {"create", "modify", "delete"}:
            raise RefusedError(400, f"Unknown action {block.tag}, choices are create, modify, delete")
        for element in block:
            if element.tag not in {"node", "way", "relation"}:
                raise RefusedError(400, f"Unexpected element type {element.tag}, expected node, way or relation")
            yield block.tag, block.get("if-unused") is not None, element
