"""A multipolygon with a yard and a pond, on the test server and in a changeset that reshapes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.annotation.edits.on_server import put_all
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


def made_school(server: OsmServer, folder: Path) -> School:
    town = made_town(folder)
    put_all(server, town.source)
    town.accept("modify", area([*SCHOOL[:3], (0, 11)], [*YARD[:2], (4, 5), YARD[3]], NEW_YARD), key="relation/51")
    sign_in_at(server, town.user)
    return School(server, town.user, town.changeset())
