"""Reshaped multipolygons and new courtyards leave, and every tool that is here draws the accepted buildings."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely
import shapely.geometry

from annotation.edits.osmchange.tools import LOCAL_IDS, Tool
from annotation.edits.services import exits, export
from tests.annotation.edits import drill_tools, josm_tool, mr_cli_tool
from tests.annotation.edits.drill import Decided, demolish
from tests.annotation.edits.extract import Extract
from tests.annotation.edits.osmium_tool import run_osmium
from tests.annotation.edits.school import put_all
from tests.annotation.edits.test_multipolygons_exported import NEW_YARD, POND, SCHOOL, area, made_town
from tests.annotation.edits.town import Town, differing, shapes_of

pytestmark = pytest.mark.django_db
INSTALL = "apt-get install osmosis osm2pgsql gdal-bin josm default-jdk-headless"
MOVED_YARD = [(2, 2), (4, 2), (5, 5), (2, 4)]
NEW = area([(40, 0), (50, 0), (50, 10), (40, 10)], [(43, 3), (47, 3), (47, 7), (43, 7)])
HALL = area([(20, 0), (31, 0), (30, 10), (20, 10), (20, 5)])


class Leaving:
    """A town's decisions as the files that tools are given."""

    def __init__(self, town: Town, folder: Path, decided: list[Decided]) -> None:
        self.town, self.folder, self.decided = town, folder, decided
        for one in decided:
            kind = {"courtyard": "add", "demolish": "remove", "rings": "modify"}.get(one.kind, one.kind)
            town.accept(kind, one.shape, key=one.key)
        self.changeset = town.changeset()
        items = {item.change.footprint.key: item for item in self.changeset.items.all() if item.change.footprint}
        demolish(decided, items)
        self.base, self.copy = folder / "before.osm", folder / "copy.osc"
        run_osmium("cat", str(town.source), "-o", str(self.base), "-f", "osm", "--overwrite")
        self.copy.write_text("".join(export.osc(self.changeset, tool=Tool.COPY)), encoding="utf-8")

    def judged(self, after: Path) -> list[str]:
        """What our own reader finds in a map after that differs from the decisions."""
        return drill_tools.judge_table(shapes_of(self.base), shapes_of(after), self.decided, LOCAL_IDS)

    def after(self) -> Path:
        path = self.folder / "osmium.osm"
        drill_tools.applied(self.base, self.copy, path)
        return path


CASES = {
    "a yard moves, one is put in, a hall of two open ways grows, a building with a yard is new": [
        Decided("rings", "relation/51", area(SCHOOL, MOVED_YARD, POND, NEW_YARD), ("way/61", "way/62", "way/63")),
        Decided("rings", "relation/52", HALL, ("way/65", "way/66")),
        Decided("courtyard", None, NEW),
    ],
    "yards are filled, a hall is kept as demolished": [
        Decided("rings", "relation/51", area(SCHOOL), ("way/61", "way/62", "way/63")),
        Decided("demolish", "relation/52", None),
    ],
}


@pytest.fixture(params=CASES)
def leaving(request, tmp_path: Path) -> Leaving:
    return Leaving(made_town(tmp_path), tmp_path, CASES[request.param])


def needs(tool: str) -> None:
    if not drill_tools.installed()[tool]:
        pytest.skip(f"no {tool}: {INSTALL}")


def test_osmium_makes_the_accepted_buildings(leaving):
    assert leaving.judged(leaving.after()) == []


def test_osmosis_makes_the_same_map_as_osmium(leaving):
    needs("osmosis")
    path = leaving.folder / "osmosis.osm"
    by_osmosis = drill_tools.applied_by_osmosis(leaving.base, leaving.copy, path)
    assert leaving.judged(path) == []
    assert differing(by_osmosis, Extract.read(leaving.after())) == set()


def test_osm2pgsql_appends_them_to_its_tables(leaving):
    needs("osm2pgsql")
    assert drill_tools.by_osm2pgsql(leaving.base, leaving.copy, leaving.decided, LOCAL_IDS) == []


def test_ogr2ogr_reads_them_of_the_map_after(leaving):
    needs("ogr2ogr")
    assert drill_tools.by_ogr2ogr(leaving.base, leaving.after(), leaving.decided, LOCAL_IDS) == []


def test_josm_joins_their_ways_to_the_accepted_shapes_and_would_upload_what_is_written(leaving):
    if not josm_tool.josm_is_here():
        pytest.skip(josm_tool.MISSING)
    file, osc = leaving.folder / "edits.osm", leaving.folder / "upload.osc"
    osc.write_text("".join(export.osc(leaving.changeset)), encoding="utf-8")
    file.write_text("".join(exits.josm(leaving.changeset)), encoding="utf-8")
    assert josm_tool.by_josm(file, leaving.decided, osc.read_text().count('timestamp="')) == []


def test_josm_is_caught_where_it_would_draw_another_shape(tmp_path: Path):
    if not josm_tool.josm_is_here():
        pytest.skip(josm_tool.MISSING)
    leaving = Leaving(made_town(tmp_path), tmp_path, list(CASES.values())[1])
    file = tmp_path / "edits.osm"
    file.write_text("".join(exits.josm(leaving.changeset)), encoding="utf-8")
    other = [Decided("rings", "relation/51", area(SCHOOL, POND), leaving.decided[0].ways)]
    elements = josm_tool.loaded_by_josm(file).uploads
    faults = josm_tool.by_josm(file, [*other, leaving.decided[1]], elements)
    assert len(faults) == 1 and faults[0].startswith("relation/51")
    assert isinstance(josm_tool.loaded_by_josm(file).areas["relation/51"], shapely.Polygon)


def test_mr_cli_reads_every_task_of_the_challenge_and_draws_the_rings_that_were_accepted(leaving, server):
    if not mr_cli_tool.mr_cli_is_here():
        pytest.skip(mr_cli_tool.MISSING)
    put_all(server, leaving.town.source)
    challenge = leaving.folder / "challenge.geojson"
    challenge.write_text("".join(exits.maproulette(leaving.changeset)), encoding="utf-8")
    tasks = mr_cli_tool.read_by_mr_cli(challenge, server.url)
    relations = {one["key"]: one for task in tasks for one in task if one["key"].startswith("relation/")}
    assert len(tasks) == len(relations) == len(leaving.decided)
    for one in leaving.decided:
        told = relations[one.key or "relation/-1"]
        assert told["operation"] == ("modify" if one.key else "create")
        assert told["tags"].get("building") == {"rings": "school", "courtyard": "yes", "demolish": None}[one.kind]
        wanted = one.shape or shapely.from_wkb(bytes(leaving.town.building(one.key).geometry.wkb))
        assert rings_of(told["geometry"]) == rings_of(shapely.geometry.mapping(wanted.boundary))


def rings_of(lines) -> list[tuple[tuple[float, float], ...]]:
    """The rings that lines make up, wherever they start."""
    drawn = shapely.set_precision(shapely.geometry.shape(lines), 1e-7)
    faces = shapely.get_parts(shapely.polygonize([*shapely.get_parts(drawn)]))
    rings = {shapely.normalize(shapely.Polygon(face.exterior)) for face in faces}
    return sorted(tuple((round(x, 6), round(y, 6)) for x, y in ring.exterior.coords) for ring in rings)
