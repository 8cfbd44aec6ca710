"""Writes an osmChange 0.6 file as a stream, through an XML writer that escapes everything."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping
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


def write_osc(operations: Iterable[Operation]) -> Iterator[str]:
    """The file, piece by piece."""
    buffer = io.StringIO()
    xml = XMLGenerator(buffer, encoding="utf-8", short_empty_elements=True)
    xml.startDocument()
    xml.startElement("osmChange", AttributesImpl({"version": "0.6", "generator": GENERATOR}))
    xml.characters("\n")
    for (action, if_unused), block in groupby(in_order(operations), key=lambda op: (op.action, op.if_unused)):
        xml.startElement(action, AttributesImpl({"if-unused": "true"} if if_unused else {}))
        xml.characters("\n")
        for operation in block:
            _element(xml, operation.element, operation.timestamp)
            if buffer.tell() > FLUSH_CHARS:
                yield _take(buffer)
        xml.endElement(action)
        xml.characters("\n")
    xml.endElement("osmChange")
    xml.endDocument()
    yield _take(buffer)


def clean(text: str) -> str:
    """Text without characters that XML can't carry."""
    return ILLEGAL.sub("", text)


def _take(buffer: io.StringIO) -> str:
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
    if isinstance(element, Node):
        attributes |= {"lat": f"{element.lat:.7f}", "lon": f"{element.lon:.7f}"}
        _empty(xml, "node", attributes)
        return
    name = "way" if isinstance(element, Way) else "relation"
    xml.startElement(name, AttributesImpl(attributes))
    if isinstance(element, Way):
        for ref in element.refs:
            _empty(xml, "nd", {"ref": str(ref)})
    else:
        for kind, ref, role in element.members:
            _empty(xml, "member", {"type": kind, "ref": str(ref), "role": clean(role)})
    _tags(xml, element.tags)
    xml.endElement(name)
    xml.characters("\n")


def _tags(xml: XMLGenerator, tags: Mapping[str, Any]) -> None:
    for key, value in tags.items():
        _empty(xml, "tag", {"k": clean(key), "v": clean(str(value))})


def _empty(xml: XMLGenerator, name: str, attributes: dict[str, str]) -> None:
    xml.startElement(name, AttributesImpl(attributes))
    xml.endElement(name)
