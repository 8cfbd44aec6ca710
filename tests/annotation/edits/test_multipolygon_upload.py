"""A reshaped multipolygon goes to the map once, and a newer version of any of its parts ends the upload."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import osmium
import pytest

from tests.annotation.edits.test_multipolygons_exported import NEW_YARD, SCHOOL, YARD, area, made_town
from tests.annotation.edits.uploading import ran, sign_in_at, started
from tests.osm_server import OsmServer

pytestmark = pytest.mark.django_db(transaction=True)


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


@pytest.fixture
def school(server: OsmServer, tmp_path: Path) -> School:
    town = made_town(tmp_path)
    put_all(server, town.source)
    town.accept("modify", area([*SCHOOL[:3], (0, 11)], [*YARD[:2], (4, 5), YARD[3]], NEW_YARD), key="relation/51")
    sign_in_at(server, town.user)
    return School(server, town.user, town.changeset())


def mistakes(school: School) -> list[str]:
    """What the map has other than was accepted."""
    found = []
    relation = school.row("relation", 51)
    members = school.body("relation", 51)
    if relation["version"] != 7 or len(members) != 3 or members[:2] != [["way", 61, "outer"], ["way", 62, "inner"]]:
        found.append(f"the school is {members} at {relation['version']}")
    new = [row for row in school.server.present("way") if row["version"] == 1]
    if len(new) != 1 or members[-1] != ["way", new[0]["id"], "inner"]:
        found.append(f"{len(new)} new yards")
    if school.body("way", 63) != [9, 10, 11, 12, 9] or school.row("way", 63)["version"] != 5:
        found.append("the pond was touched")
    if (school.row("node", 4)["version"], school.row("node", 7)["version"]) != (3, 3):
        found.append("corners did not move")
    return found


def test_ways_members_and_the_new_yard_are_in_the_map_with_a_receipt_each(school):
    upload, job = ran(started(school))
    assert (job.state, upload.state) == ("succeeded", "done")
    assert mistakes(school) == []
    assert upload.receipts.count() == upload.elements == 10


def test_an_answer_that_was_lost_is_read_back_and_the_yard_is_there_once(school):
    rule = school.server.hold("POST", "upload", "after")
    school.server.release(rule)
    upload, _ = ran(started(school))
    assert upload.state == "done" and mistakes(school) == []
    assert upload.receipts.count() == upload.elements


@pytest.mark.parametrize(
    ("kind", "number", "told"),
    [
        ("relation", 51, {"body": [["way", 61, "outer"]], "tags": {"building": "yes"}}),
        ("way", 62, {"body": [5, 6, 7, 8, 5], "tags": {"name": "Yard"}}),
        ("node", 4, {"lon": 12.0001, "lat": 55.0011, "tags": {"entrance": "main"}}),
    ],
)
def test_a_newer_relation_way_or_node_ends_it_without_effect_and_names_the_edit(school, kind, number, told):
    school.server.put((kind, number, 9, told))
    before = school.server.rows("SELECT * FROM elements")
    upload, job = ran(started(school))
    assert (upload.state, job.error_code) == ("conflicted", "map_conflict")
    assert (upload.problem["key"], upload.problem["theirs"]) == (f"{kind}/{number}", 9)
    assert upload.problem["change"] == school.changeset.items.get().change_id
    assert school.server.rows("SELECT * FROM elements") == before
