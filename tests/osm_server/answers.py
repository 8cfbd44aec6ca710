"""Elements and changesets as the API writes them."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, tostring

from tests.osm_server.store import Store, written


def root(name: str = "osm") -> Element:
    return Element(name, version="0.6", generator="test server")


def text_of(element: Element) -> bytes:
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(element)


def add_element(parent: Element, row: sqlite3.Row) -> None:
    said = {"id": row["id"], "version": row["version"], "visible": "true" if row["visible"] else "false",
            "changeset": row["changeset"], "timestamp": written(row["at"]), "user": "mapper", "uid": 1}  # fmt: skip
    if row["kind"] == "node" and row["visible"]:
        said |= {"lat": f"{row['lat']:.7f}", "lon": f"{row['lon']:.7f}"}
    one = SubElement(parent, row["kind"], {key: str(value) for key, value in said.items()})
    for part in json.loads(row["body"]):
        if row["kind"] == "way":
            SubElement(one, "nd", ref=str(part))
        else:
            SubElement(one, "member", type=part[0], ref=str(part[1]), role=part[2])
    for key, value in json.loads(row["tags"]).items():
        SubElement(one, "tag", k=key, v=value)


def add_changeset(parent: Element, store: Store, row: sqlite3.Row) -> None:
    name = store.one("SELECT name FROM users WHERE id = ?", row["user"])
    is_open = row["closes"] > time.time()
    said = {"id": row["id"], "created_at": written(row["created"]), "open": str(is_open).lower(), "uid": row["user"],
            "user": name["name"] if name else "", "changes_count": row["changes"], "comments_count": 0}  # fmt: skip
    if not is_open:
        said["closed_at"] = written(row["closes"])
    one = SubElement(parent, "changeset", {key: str(value) for key, value in said.items()})
    for key, value in json.loads(row["tags"]).items():
        SubElement(one, "tag", k=key, v=value)


def add_discussion(changeset: Element, store: Store, number: int) -> None:
    rows = store.all("SELECT * FROM comments WHERE changeset = ? ORDER BY id", number)
    changeset.set("comments_count", str(len(rows)))
    talk = SubElement(changeset, "discussion")
    for row in rows:
        comment = SubElement(talk, "comment", date=written(row["at"]), uid="2", user=row["name"])
        SubElement(comment, "text").text = row["text"]


def osm_change(rows: Iterable[sqlite3.Row]) -> bytes:
    """What a changeset did, as its download: one block for each element, in the order it was done."""
    told = root("osmChange")
    for row in rows:
        action = "delete" if not row["visible"] else "create" if row["version"] == 1 else "modify"
        add_element(SubElement(told, action), row)
    return text_of(told)


def capabilities(elements: int, way_nodes: int) -> bytes:
    told = root()
    api = SubElement(told, "api")
    SubElement(api, "version", minimum="0.6", maximum="0.6")
    SubElement(api, "area", maximum="0.25")
    SubElement(api, "waynodes", maximum=str(way_nodes))
    SubElement(api, "relationmembers", maximum="32000")
    SubElement(api, "changesets", maximum_elements=str(elements), default_query_limit="100", maximum_query_limit="100")
    SubElement(api, "timeout", seconds="300")
    SubElement(api, "status", database="online", api="online", gpx="online")
    return text_of(told)
