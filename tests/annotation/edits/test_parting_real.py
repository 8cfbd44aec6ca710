"""Real houses are cut, made one with their neighbours and given courtyards; the map that comes back says that alone."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import shapely

from annotation.changes.cutting import halves, made_one, square_m
from annotation.common.errors import InvalidError
from annotation.edits.osmchange.compile import keeps_value
from annotation.edits.osmchange.tools import LOCAL_IDS, Tool
from annotation.sources.models import Footprint
from tests.annotation.edits.drill import _plain, renumbered
from tests.annotation.edits.extract import Extract, missing, orphans
from tests.annotation.edits.town import DATA, as_accepted, differing, polygon_of, shapes_of, through, town_from

pytestmark = pytest.mark.django_db
EACH = 8


def entered(old: tuple, new: tuple) -> bool:
    """Whether a way, a neighbour's, has new nodes between those that it had, and is the same otherwise."""
    left = iter(new[0])
    return old[1] == new[1] and all(ref in left for ref in old[0]) and all(n < 0 for n in {*new[0]} - {*old[0]})


class Drawn:
    """What is decided about houses that lie apart from each other; `wanted` has what must be there, by key or new."""

    def __init__(self, town) -> None:
        self.town = town
        self.rows = {row.key: row for row in Footprint.objects.filter(snapshot=town.snapshot).order_by("osm_id")}
        plain = [key for key, row in self.rows.items() if row.osm_type == "way" and _plain(row) and row.nodes]
        self.plain = [key for key in plain if not self.rows[key].in_relation]
        self.used: set[str] = set()
        self.about: set[str] = set()
        self.wanted: dict[str, shapely.Geometry] = {}
        self.new: list[shapely.Geometry] = []
        self.gone: set[str] = set()
        self.by_node = defaultdict(set)
        for key in self.plain:
            for node in self.rows[key].nodes:
                self.by_node[node[0]].add(key)

    def beside(self, key: str) -> set[str]:
        return {other for node in self.rows[key].nodes for other in self.by_node[node[0]]} - {key}

    def take(self, *keys: str) -> None:
        for key in keys:
            self.used |= {key} | self.beside(key)
            self.about |= {key, *self.rows[key].parts}

    def cut(self, key: str) -> bool:
        shape = polygon_of(self.rows[key])
        a, b, c, d = shape.minimum_rotated_rectangle.exterior.coords[:4]
        long = np.hypot(*np.subtract(b, a)) > np.hypot(*np.subtract(c, b))
        ends = [(a, b), (d, c)] if long else [(b, c), (a, d)]
        line = [list(map(float, (np.add(p, q) * 0.5 + np.subtract(q, p) * 0.05))) for p, q in ends]
        try:
            parts = [shapely.Polygon(half) for half in halves(shape.exterior.coords, line)]
        except InvalidError:
            return False
        self.town.answer("modify", shape, key, cut=line)
        self.wanted[key] = parts[0]
        self.new.append(parts[1])
        return True

    def merge(self, key: str) -> bool:
        others = sorted(other for other in self.beside(key) if other not in self.used)
        for other in others:
            rows = [self.rows[key], self.rows[other]]
            try:
                both = made_one(*map(polygon_of, rows))
            except InvalidError:
                continue
            if both.interiors or all(keeps_value(row) for row in rows):
                continue
            self.town.answer("modify", polygon_of(rows[0]), key, merge=other)
            kept = min(rows, key=lambda row: (not keeps_value(row), -polygon_of(row).area))
            self.wanted[kept.key] = both
            self.gone |= {row.key for row in rows} - {kept.key}
            self.take(other)
            return True
        return False

    def yard(self, key: str) -> bool:
        shape = polygon_of(self.rows[key])
        point, side = shape.representative_point(), 5e-6
        hole = shapely.box(point.x - side, point.y - side, point.x + side, point.y + side)
        hole = shapely.Polygon(np.round(hole.exterior.coords, 7))
        if "type" in self.rows[key].tags or square_m(shape) < 30 or not shape.buffer(-side).contains(hole):
            return False
        drawn = shapely.Polygon(shape.exterior.coords, [hole.exterior.coords])
        self.town.answer("modify", drawn, key)
        self.new.append(drawn)
        self.gone.add(key)
        return True


@pytest.mark.parametrize("name", ["frederiksted.osm.pbf", "neukolln.osm.gz"])
def test_real_houses_are_parted_joined_and_hollowed_and_all_else_stays(name: str, tmp_path: Path):
    source = DATA / "osm" / name
    if not source.is_file():
        pytest.skip(f"no {source}: set MAPWRIGHT_DATA to the folder of real data")
    town = town_from(source)
    drawn, rng = Drawn(town), np.random.default_rng(7)
    counts = {}
    for act in (drawn.merge, drawn.cut, drawn.yard):
        for key in map(str, rng.permutation(drawn.plain)):
            if counts.get(act.__name__, 0) == EACH:
                break
            if key not in drawn.used and act(key):
                drawn.take(key)
                counts[act.__name__] = counts.get(act.__name__, 0) + 1
    assert counts["cut"] == counts["yard"] == EACH and counts.get("merge", 0) > 0

    before, after = through(town, tmp_path, town.changeset(), Tool.COPY)
    old, new = Extract.read(before), renumbered(Extract.read(after), LOCAL_IDS)
    beside = {key for key in differing(old, new) if "/-" not in key} - drawn.about
    assert {key for key in beside if not entered(old.elements[key], new.elements[key])} == set()
    assert orphans(new) <= orphans(old) and missing(new) <= missing(old)
    there, found = shapes_of(before), shapes_of(after)
    assert {key for key, shape in drawn.wanted.items() if not as_accepted(found[key], shape)} == set()
    made = [shape for key, shape in found.items() if key not in there]
    assert len(made) == len(drawn.new)
    assert all(sum(as_accepted(shape, wanted) for shape in made) == 1 for wanted in drawn.new)
    assert there.keys() - found.keys() == drawn.gone
    others = there.keys() - drawn.gone - drawn.wanted.keys()
    assert all(as_accepted(found[key], there[key]) for key in others & beside)
    assert all(found[key].equals_exact(there[key], 1e-9) for key in others - beside)
    for key in drawn.wanted:
        assert new.tags(key) == old.tags(key)

    snapshot = town.imported(after)
    again = {row.key: row for row in Footprint.objects.filter(snapshot=snapshot)}
    assert again.keys() == found.keys()
    assert all(again[key].object_id == drawn.rows[key].object_id for key in drawn.wanted)
