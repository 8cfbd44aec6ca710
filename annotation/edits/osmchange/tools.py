"""Which tool an osmChange file is for: what each takes for a version, a new id and a deletion differs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum

from annotation.edits.osmchange.elements import Element, Node, Operation, Relation, Way
from annotation.edits.osmchange.write import by_id, in_order

LOCAL_IDS = 10**12
"""New elements of a copy of one's own are numbered from here: far above OSM's, within what GDAL and osmium index."""


class Tool(StrEnum):
    """UPLOAD: JOSM, OSM's API and what uploads to it. COPY: osmium, osmosis and osm2pgsql, on a copy of the map."""

    UPLOAD = "upload"
    COPY = "copy"


ABOUT = {
    Tool.UPLOAD: "For JOSM and OSM's API: versions are those in OSM now, new elements have negative ids. Apply it to a "
    "copy of the map with the file for copies instead.",
    Tool.COPY: "For a copy of the map: osmium apply-changes, osmosis, osm2pgsql in its append mode. Versions "
    f"are the next ones, new elements are numbered from {LOCAL_IDS}. Never upload this file to OSM.",
}

ORDER = {Tool.UPLOAD: in_order, Tool.COPY: by_id}
"""A server wants users of a node gone before it; osm2pgsql and osmosis want nodes, ways, relations, each by id."""


def written_for(tool: Tool, operations: Iterable[Operation]) -> list[Operation]:
    """The operations as the tool takes them.

    An upload names the version that it replaces and asks the server for ids; a copy of the map takes the state after:
    the next version, an id of its own, and a deletion without a condition, as no server is there to judge it.
    """
    if tool == Tool.UPLOAD:
        return list(operations)
    return [replace(one, element=_after(one.element), if_unused=False) for one in operations]


def _after(element: Element) -> Element:
    version = (element.version or 0) + 1
    if isinstance(element, Node):
        return replace(element, id=_local(element.id), version=version)
    if isinstance(element, Way):
        return replace(element, id=_local(element.id), version=version, refs=tuple(map(_local, element.refs)))
    members = tuple((kind, _local(ref), role) for kind, ref, role in element.members)
    return Relation(_local(element.id), version, members, element.tags)


def _local(number: int) -> int:
    return number if number > 0 else LOCAL_IDS - number
