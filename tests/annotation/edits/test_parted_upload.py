"""Houses parted, made one, joined to neighbours or hollowed are on the server once and without a fault."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import shapely

from annotation.changes.models import Change
from annotation.edits.models import Changeset
from annotation.edits.services import changesets
from annotation.sources.models import Footprint
from tests.annotation.edits.killing import Point, killed_at
from tests.annotation.edits.on_server import extract_of, faults, map_of, open_walls, put_all, untrue_receipts
from tests.annotation.edits.town import (
    YARD,
    Town,
    as_accepted,
    box,
    line,
    made_file,
    shapes_of,
    town_from,
    with_old_yard,
    with_yard,
)
from tests.annotation.edits.uploading import Workers, ran, sign_in_at, started, workers
from tests.osm_server import OsmServer

pytestmark = pytest.mark.django_db


@dataclass
class Houses:
    """A town that the server has as well, a changeset of it, and what the map must have once that is uploaded."""

    server: OsmServer
    editor: Any
    town: Town
    changeset: Changeset
    folder: Path
    ways: dict[str, int]
    """Ways of the old map that were edited, with their versions after it; 0: gone."""
    new: dict[str, int]
    """How many new elements there are, by kind."""

    def mistakes(self) -> list[str]:
        old = {row.key: row.version for row in Footprint.objects.filter(snapshot=self.town.snapshot)}
        there = map_of(self.server)
        found = faults(self.server, self.folder) + open_walls(self.server)
        for key, version in {**old, **self.ways}.items():
            now = there[key]["version"] if key in there else 0
            if now != version:
                found.append(f"{key} is at {now}, and was to be at {version}")
        for kind, wanted in self.new.items():
            made = [key for key, row in there.items() if key.startswith(f"{kind}/") and row["version"] == 1 and
                    row["changeset"]]  # fmt: skip
            if len(made) != wanted:
                found.append(f"{len(made)} new {kind}s in place of {wanted}")
        return found

    def shapes(self) -> dict[str, shapely.Geometry]:
        return shapes_of(extract_of(self.server, self.folder / "served.osm"))


def drawn(shape: shapely.Polygon) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[list(place) for place in shape.exterior.coords]]}


def hollow(town: Town) -> Change:
    return town.answer("modify", with_yard(box(6, 0), box(6.5, 0.5, 1, 1)), "way/13")


def parted(server: OsmServer, folder: Path) -> Houses:
    """One house cut at the wall to its neighbour, one hollowed, one grown by a new part, two reshaped or new beside."""
    town = town_from(with_old_yard(made_file(folder)))
    put_all(server, town.source)
    town.answer("modify", box(0, 0), "way/11", cut=line((-0.5, 1), (2.5, 1)))
    hollow(town)
    town.answer("add", box(0, 6), merge="way/16")
    town.answer("add", box(4, 0, 1, 2))
    town.answer("modify", with_yard(box(4, 4, 2, 3), YARD), "way/17")
    sign_in_at(server, town.user)
    ways = {"way/11": 4, "way/12": 6, "way/13": 2, "way/16": 9, "way/17": 5}
    return Houses(server, town.user, town, town.changeset(), folder, ways, {"way": 3, "relation": 1})


def made_one(server: OsmServer, folder: Path) -> Houses:
    """Two houses that become one, one cut by itself, and a new one that was drawn against a neighbour's wall."""
    town = town_from(made_file(folder))
    put_all(server, town.source)
    town.answer("modify", box(0, 0), "way/11", geometry=drawn(box(-1, 0, 3, 2)), merge="way/12")
    town.answer("modify", box(6, 0), "way/13", cut=line((7.5, -0.5), (7.5, 2.5)))
    town.answer("add", box(2.5, 4.5, 1, 1), geometry=drawn(box(2, 4.5, 1, 1)))
    sign_in_at(server, town.user)
    ways = {"way/11": 4, "way/12": 0, "way/13": 2, "way/16": 9}
    return Houses(server, town.user, town, town.changeset(), folder, ways, {"way": 2, "relation": 0})


@pytest.fixture(params=[parted, made_one], ids=["parted", "made one"])
def houses(request, server: OsmServer, tmp_path: Path) -> Houses:
    return request.param(server, tmp_path)


def test_each_house_is_there_once_and_the_receipts_say_what_the_server_has(houses: Houses):
    upload, job = ran(started(houses))
    assert (job.state, upload.state) == ("succeeded", "done"), upload.problem
    assert houses.mistakes() == []
    assert untrue_receipts(houses.server, upload) == []


def test_ids_tags_and_nodes_of_what_was_parted_are_as_decided(server: OsmServer, tmp_path: Path):
    houses = parted(server, tmp_path)
    before = map_of(server)
    upload, _ = ran(started(houses))
    there, shapes = map_of(server), houses.shapes()
    new = {f"way/{receipt.new_id}" for receipt in upload.receipts.filter(kind="way", old_id__lt=0)}
    made = {key: row["tags"] for key, row in there.items() if key in new}
    (half,) = (key for key, tags in made.items() if tags.get("building") == "house")
    assert sorted(map(str, made.values())) == ["{'building': 'house'}", "{'building': 'yes'}", "{}"]
    assert there["way/11"]["tags"] == before["way/11"]["tags"]
    wall = set(there["way/11"]["body"]) & set(there[half]["body"])
    assert len(wall) == 2 and len(wall & set(there["way/12"]["body"])) == 1
    assert there["way/12"]["tags"] == before["way/12"]["tags"]
    assert as_accepted(shapely.union(shapes["way/11"], shapes[half]), box(0, 0)) and as_accepted(
        shapes["way/12"], box(2, 0)
    )
    (relation,) = (key for key in shapes if key.startswith("relation/") and key != "relation/51")
    assert there[relation]["tags"] == {"type": "multipolygon", "building": "retail", "shop": "bakery"}
    assert there["way/13"]["tags"] == {} and as_accepted(shapes[relation], with_yard(box(6, 0), box(6.5, 0.5, 1, 1)))
    assert there["way/16"]["tags"] == before["way/16"]["tags"] and as_accepted(shapes["way/16"], box(0, 4, 2, 4))
    assert there["relation/60"] == before["relation/60"]
    assert as_accepted(shapes["way/17"], with_yard(box(4, 4, 2, 3), YARD))
    assert there["node/1"] == before["node/1"] and there["node/40"] == before["node/40"]  # of the path


def test_ids_tags_and_nodes_of_what_became_one_are_as_decided(server: OsmServer, tmp_path: Path):
    houses = made_one(server, tmp_path)
    before = map_of(server)
    ran(started(houses))
    there, shapes = map_of(server), houses.shapes()
    assert as_accepted(shapes["way/11"], box(-1, 0, 5, 2)) and there["way/11"]["tags"] == before["way/11"]["tags"]
    assert "way/12" not in shapes and there["node/1"] == before["node/1"]
    (beside,) = (key for key, shape in shapes.items() if as_accepted(shape, box(2, 4.5, 1, 1)))
    assert len(set(there[beside]["body"]) & set(there["way/16"]["body"])) == 2
    assert [ref for ref in there["way/16"]["body"] if ref in before["way/16"]["body"]] == before["way/16"]["body"]
    assert there["way/16"]["tags"] == before["way/16"]["tags"]


def test_an_answer_that_was_lost_is_read_back_and_nothing_is_there_twice(houses: Houses):
    houses.server.release(houses.server.hold("POST", "upload", "after"))
    upload, _ = ran(started(houses))
    assert upload.state == "done" and sum("upload" in one for one in houses.server.requests()) == 1
    assert houses.mistakes() == [] and untrue_receipts(houses.server, upload) == []


def test_what_came_back_is_the_map_that_was_decided_and_the_next_import_asks_nothing_anew(houses: Houses):
    ran(started(houses))
    snapshot = houses.town.imported(extract_of(houses.server, houses.folder / "served.osm"))
    rows = {row.key: row for row in Footprint.objects.filter(snapshot=snapshot)}
    kept = [key for key, version in houses.ways.items() if version and key != "way/13"]
    assert all(rows[key].object == houses.town.building(key).object for key in kept)
    assert rows.keys() == houses.shapes().keys()


@pytest.mark.parametrize(
    ("kind", "number", "told"),
    [
        ("way", 12, {"body": [2, 5, 6, 3, 2], "tags": {"building": "yes", "name": "Theirs"}}),
        ("relation", 70, {"body": [["way", 12, "outer"]], "tags": {"type": "site"}}),
    ],
    ids=["a newer neighbour", "a relation names what would go"],
)
def test_a_neighbour_that_changed_meanwhile_ends_it_without_effect_and_names_the_edit(
    server: OsmServer, tmp_path: Path, kind, number, told
):
    houses = made_one(server, tmp_path)
    server.put((kind, number, 9, told))
    before = server.rows("SELECT * FROM elements")
    upload, job = ran(started(houses))
    assert (upload.state, job.error_code, upload.problem["key"]) == ("conflicted", "map_conflict", "way/12")
    joined = houses.changeset.items.get(change__merged__isnull=False).change_id
    assert upload.problem["change"] == joined and server.rows("SELECT * FROM elements") == before
    changesets.drop(user=houses.editor, changeset=houses.changeset, change_id=joined)
    upload, _ = ran(started(houses))
    assert upload.state == "done" and faults(server, tmp_path) == [] and untrue_receipts(server, upload) == []


@pytest.fixture
def crew(server: OsmServer):
    with workers(server) as crew:
        yield crew


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "point", [Point("send", "took effect"), Point("send", "takes effect late", 2), Point("send", "answer unstored")],
    ids=str,
)  # fmt: skip
def test_a_worker_that_is_killed_as_it_sends_leaves_nothing_twice(houses: Houses, crew: Workers, point: Point):
    upload = started(houses)
    assert killed_at(point, houses, upload, crew) == []
    upload.refresh_from_db()
    assert untrue_receipts(houses.server, upload) == []
