"""Writes an osmChange 0.6 file as a stream, through an XML writer that escapes everything."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from annotation.edits.osmchange.elements import Element, Node, Operation, Relation, Way

GENERATOR = "Mapwright"
FLUSH_CHARS = 64 * 1024
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 can't carry and OSM refuses."""

# New elements: nodes before the ways that use them. Deletions: the other way round.
BLOCKS = [
    ("create", Node), ("create", Way), ("create", Relation),
    ("modify", Node), ("modify", Way), ("modify", Relation),
    ("delete", Relation), ("delete", Way), ("delete", Node),
]  # fmt: skip
ORDER = {block: index for index, block in enumerate(BLOCKS)}


def in_order(operations: Iterable[Operation]) -> list[Operation]:
    """Operations in the order a server can apply them."""
    return sorted(operations, key=lambda operation: ORDER[operation.action, type(operation.element)])


def by_id(operations: Iterable[Operation]) -> list[Operation]:
    """Operations by type and id, as what reads a change beside a sorted map needs them."""
    types = [Node, Way, Relation]
    return sorted(operations, key=lambda operation: (types.index(type(operation.element)), operation.element.id))


def write_osc(
    operations: Iterable[Operation],
    about: str = "",
    order: Callable[[Iterable[Operation]], list[Operation]] = in_order,
) -> Iterator[str]:
    """The file, piece by piece; `about` stands in it as a comment, without `--`, and says what it is for."""
    buffer = io.StringIO()
    xml = XMLGenerator(buffer, encoding="utf-8", short_empty_elements=True)
    xml.startDocument()
    xml.startElement("osmChange", AttributesImpl({"version": "0.6", "generator": GENERATOR}))
    xml.characters("\n")
    if about:
        buffer.write(f"<!-- {about} -->\n")
    for (action, if_unused), block in groupby(order(operations), key=lambda op: (op.action, op.if_unused)):
        xml.startElement(action, AttributesImpl({"if-unused": "true"} if if_unused else {}))
        xml.characters("\n")
        for operation in block:
            _element(xml, operation.element, operation.timestamp)
            if buffer.tell() > FLUSH_CHARS:
                yield take(buffer)
        xml.endElement(action)
        xml.characters("\n")
    xml.endElement("osmChange")
    xml.endDocument()
    yield take(buffer)


def clean(text: str) -> str:
    """Text without characters that XML can't carry."""
    return ILLEGAL.sub("", text)


def take(buffer: io.StringIO) -> str:
    """What was written since the last time."""
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _element(xml: XMLGenerator, element: Element, timestamp: str) -> None:
    attributes = {"id": str(element.id)}
    attributes["version"] = str(element.version if element.version is not None else 0)
    if timestamp:
        attributes["timestamp"] = timestamp
    attributes["changeset"] = "0"  # the API wants one on every element; who uploads the file puts theirs in
    write_element(xml, element, attributes)


def write_element(xml: XMLGenerator, element: Element, attributes: dict[str, str]) -> None:
    """One node, way or relation with these attributes, a node's place among them."""
    if isinstance(element, Node):
        empty(xml, "node", attributes | {"lat": f"{element.lat:.7f}", "lon": f"{element.lon:.7f}"})
        return
    name = "way" if isinstance(element, Way) else "relation"
    xml.startElement(name, AttributesImpl(attributes))
    if isinstance(element, Way):
        for ref in element.refs:
            empty(xml, "nd", {"ref": str(ref)})
    else:
        for kind, ref, role in element.members:
            empty(xml, "member", {"type": kind, "ref": str(ref), "role": clean(role)})
    write_tags(xml, element.tags)
    xml.endElement(name)
    xml.characters("\n")


def write_tags(xml: XMLGenerator, tags: Mapping[str, Any]) -> None:
    """Tags of an element or of a changeset."""
    for key, value in tags.items():
        empty(xml, "tag", {"k": clean(key), "v": clean(str(value))})


def empty(xml: XMLGenerator, name: str, attributes: dict[str, str]) -> None:
    """An element without content."""
    xml.startElement(name, AttributesImpl(attributes))
    xml.endElement(name)
