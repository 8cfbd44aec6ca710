"""Accepted changes on a real extract leave as osmChange, and every tool makes the same map of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import shapely

from tests.annotation.edits.drill import Decided, judge
from tests.annotation.edits.drill_tools import installed
from tests.annotation.edits.extract import Extract
from tests.annotation.edits.roundtrip import round_trip
from tests.annotation.edits.town import DATA, town_from


def extract(**ways: tuple[str, list[int]]) -> Extract:
    """Nodes of a grid, a hundredth of a degree apart, and ways on them by number: (building, refs)."""
    nodes = {f"node/{n}": ((n % 10 / 100, n // 10 / 100), ()) for _, refs in ways.values() for n in refs}
    named = {
        f"way/{name[1:]}": (tuple(refs), (("building", building),) if building else ())
        for name, (building, refs) in ways.items()
    }
    return Extract({**nodes, **named})


def test_the_judge_names_what_a_tool_did_not_do_and_what_nobody_decided():
    before = extract(w1=("yes", [1, 2, 12, 11, 1]), w2=("yes", [4, 5, 15, 14, 4]), w3=("yes", [31, 32, 42, 41, 31]))
    rows = {f"way/{n}": SimpleNamespace(nodes=[[ref] for ref in before.elements[f"way/{n}"][0]]) for n in (1, 2, 3)}
    new = shapely.box(0.06, 0.03, 0.07, 0.04)
    decided = [
        Decided("add", None, new),
        Decided("remove", "way/1", None),
        Decided("modify", "way/2", shapely.box(0.04, 0, 0.06, 0.01)),
    ]
    found = judge(before, before, decided, rows).mismatches
    assert [one.split(" ")[-1] for one in found] == ["times", "stands", "accepted", "buildings"]
    moved = dict(before.elements) | {"node/31": ((0.011, 0.03), ())}
    assert "node/31 differs and nobody decided about it" in judge(before, Extract(moved), decided, rows).mismatches
    left = {key: one for key, one in before.elements.items() if key != "way/1"}
    faults = judge(before, Extract(left), decided, rows).mismatches
    assert sum("is used by nothing" in one for one in faults) == 4 and not any("still stands" in one for one in faults)
    twice = dict(before.elements) | {"way/9": before.elements["way/3"]}
    assert any("stand on one place" in one for one in judge(before, Extract(twice), decided, rows).mismatches)
    torn = {key: one for key, one in before.elements.items() if key != "node/42"}
    assert "node/42 is missing" in judge(before, Extract(torn), decided, rows).mismatches


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize(("name", "number"), [("neukolln.osm.gz", 20), ("helsinki.osm.pbf", 60)])
def test_changes_of_all_kinds_come_back_the_same_from_every_tool(tmp_path: Path, name: str, number: int):
    source = DATA / "osm" / name
    if not source.is_file():
        pytest.skip(f"no {source}: set MAPWRIGHT_DATA to the folder of real data")
    told = round_trip(town_from(source), tmp_path, number=number, seed=3)
    assert told.mismatches == {tool: [] for tool in told.mismatches}
    assert min(told.kinds[kind] for kind in ("cut", "merge", "yard")) > 0
    assert told.changes == number and told.elements > 2 * number
    assert told.nodes_kept > 0.6 * told.nodes
    here = installed()
    assert {"osmium", "osmium_upload", "reimport"} <= told.mismatches.keys()
    assert {tool for tool in ("ogr2ogr", "osm2pgsql", "osmosis", "josm") if here[tool]} <= told.mismatches.keys()
