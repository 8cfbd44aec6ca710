"""Real rows of houses move together: the map that comes back has one node wherever two of them meet."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import shapely
from shapely.affinity import translate

from annotation.edits.osmchange.compile import keeps_value
from annotation.edits.osmchange.nodes import rounded
from annotation.sources.models import Footprint
from tests.annotation.edits.extract import Extract, missing, orphans
from tests.annotation.edits.town import DATA, as_accepted, as_drawn, polygon_of, through, town_from

pytestmark = pytest.mark.django_db
ROWS, MOST = 12, 10
EAST, NORTH = 2.31e-5, -1.17e-5


def rows_of(houses: dict[str, Footprint]) -> list[list[str]]:
    """Houses that share nodes, row by row, from the longest that is handled at once."""
    by_node = defaultdict(list)
    for key, house in houses.items():
        for node in house.nodes:
            by_node[node[0]].append(key)
    row_of = {key: {key} for key in houses}
    for keys in by_node.values():
        together = set().union(*(row_of[key] for key in keys))
        for key in together:
            row_of[key] = together
    rows = {min(row): sorted(row) for row in row_of.values() if 1 < len(row) <= MOST}
    return sorted(rows.values(), key=lambda row: (-len(row), row))[:ROWS]


@pytest.mark.parametrize("name", ["frederiksted.osm.pbf", "neukolln.osm.gz"])
def test_rows_that_move_as_a_whole_keep_their_walls_in_common(name: str, tmp_path: Path):
    source = DATA / "osm" / name
    if not source.is_file():
        pytest.skip(f"no {source}: set MAPWRIGHT_DATA to the folder of real data")
    town = town_from(source)
    every = Footprint.objects.filter(snapshot=town.snapshot, osm_type="way").order_by("osm_id")
    houses = {one.key: one for one in every if one.nodes and as_drawn(one) and not keeps_value(one)}
    others = {node[0] for one in every if one.key not in houses for node in one.nodes}
    known = Extract.read(source).elements
    others |= {ref for key, (refs, _) in known.items() if key.startswith("way/") and key not in houses for ref in refs}
    free = {key: one for key, one in houses.items() if not others & {node[0] for node in one.nodes}}
    rows = rows_of(free)
    assert len(rows) > 3
    wanted = {}
    for key in (key for row in rows for key in row):
        moved = translate(polygon_of(free[key]), EAST, NORTH)
        wanted[key] = shapely.Polygon([rounded(place) for place in moved.exterior.coords])
        town.accept("shifted", wanted[key], key=key)
    before, after = (Extract.read(path) for path in through(town, tmp_path, town.changeset()))
    assert {key for key, shape in wanted.items() if not as_accepted(after.shape(key), shape)} == set()
    assert orphans(after) <= orphans(before) and missing(after) <= missing(before)
    for row in rows:
        assert meetings(after, row) == meetings(before, row), "as many as before, no two on one place"
        assert np.isclose(overlap(after, row), overlap(before, row), atol=1e-12)


def meetings(extract: Extract, row: list[str]) -> tuple[int, int]:
    """Nodes that several houses of a row have, and places with more than one node."""
    users, at = defaultdict(set), defaultdict(set)
    for key in row:
        for ref in extract.elements[key][0]:
            users[ref].add(key)
            at[extract.elements[f"node/{ref}"][0]].add(ref)
    return sum(len(keys) > 1 for keys in users.values()), sum(len(refs) > 1 for refs in at.values())


def overlap(extract: Extract, row: list[str]) -> float:
    shapes = [extract.shape(key) for key in row]
    return sum(shape.area for shape in shapes) - shapely.union_all(shapes).area
