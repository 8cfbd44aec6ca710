"""A JOSM file: the elements with what is done to each, the nodes they lie on, and the tags of the changeset to be."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping
from xml.sax.saxutils import XMLGenerator
from xml.sax.xmlreader import AttributesImpl

from annotation.edits.osmchange.elements import Node, Operation, Way, key
from annotation.edits.osmchange.write import FLUSH_CHARS, GENERATOR, by_id, take, write_element, write_tags


def write_josm(operations: Iterable[Operation], beside: Iterable[Node | Way], tags: Mapping[str, str]) -> Iterator[str]:
    """The file, piece by piece.

    JOSM asks before it uploads a layer of this file (`upload="false"`), and fills its form in from `tags`.

    Args:
        operations: what is done; new elements have negative ids.
        beside: nodes and ways of the edited objects that stay as they are: without them JOSM draws nothing.
        tags: of the changeset.
    """
    buffer = io.StringIO()
    xml = XMLGenerator(buffer, encoding="utf-8", short_empty_elements=True)
    xml.startDocument()
    xml.startElement("osm", AttributesImpl({"version": "0.6", "generator": GENERATOR, "upload": "false"}))
    xml.characters("\n")
    xml.startElement("changeset", AttributesImpl({}))  # with an id JOSM would take it for another one
    write_tags(xml, tags)
    xml.endElement("changeset")
    xml.characters("\n")
    done = {key(one.element): one for one in operations}
    kept = {key(one): Operation("modify", one) for one in beside if one.version is not None}
    for operation in by_id({**kept, **done}.values()):
        element = operation.element
        attributes = {"id": str(element.id), "visible": "true"}
        if operation.action != "create":
            attributes["version"] = str(element.version or 1)
        if key(element) in done:
            attributes["action"] = "delete" if operation.action == "delete" else "modify"
        if operation.timestamp:
            attributes["timestamp"] = operation.timestamp
        write_element(xml, element, attributes)
        if buffer.tell() > FLUSH_CHARS:
            yield take(buffer)
    xml.endElement("osm")
    xml.endDocument()
    yield take(buffer)
