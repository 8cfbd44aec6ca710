"""A multipolygon with a yard and a pond, on the test server and in a changeset that reshapes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import osmium

from tests.annotation.edits.test_multipolygons_exported import NEW_YARD, SCHOOL, YARD, area, made_town
from tests.annotation.edits.uploading import sign_in_at
from tests.osm_server import OsmServer


@dataclass
class School:
    """A changeset that moves a corner of the school, puts a yard in and fills the pond, which stays a pond."""

    server: OsmServer
    editor: Any
    changeset: Any

    def body(self, kind: str, number: int) -> Any:
        return self.row(kind, number)["body"]

    def row(self, kind: str, number: int) -> Any:
        return next(row for row in self.server.present(kind) if row["id"] == number)


def put_all(server: OsmServer, path: Path) -> None:
    """The extract on the server."""
    rows: list[tuple[str, int, int, dict[str, Any]]] = []
    for one in osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY | osmium.osm.RELATION):
        tags = {tag.k: tag.v for tag in one.tags}
        if one.is_node():
            rows.append(("node", one.id, one.version, {"lon": one.location.lon, "lat": one.location.lat, "tags": tags}))
        elif one.is_way():
            rows.append(("way", one.id, one.version, {"body": [node.ref for node in one.nodes], "tags": tags}))
        else:
            members = [["way", member.ref, member.role] for member in one.members]
            rows.append(("relation", one.id, one.version, {"body": members, "tags": tags}))
    server.put(*rows)


def made_school(server: OsmServer, folder: Path) -> School:
    town = made_town(folder)
    put_all(server, town.source)
    town.accept("modify", area([*SCHOOL[:3], (0, 11)], [*YARD[:2], (4, 5), YARD[3]], NEW_YARD), key="relation/51")
    sign_in_at(server, town.user)
    return School(server, town.user, town.changeset())
