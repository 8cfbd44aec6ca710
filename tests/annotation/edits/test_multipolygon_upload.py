"""A reshaped multipolygon goes to the map once, and a newer version of any of its parts ends the upload."""

from __future__ import annotations

import pytest

from tests.annotation.edits.school import School
from tests.annotation.edits.uploading import ran, started

pytestmark = pytest.mark.django_db(transaction=True)


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
