"""Accepted changes on a real extract leave as osmChange, and every tool makes the same map of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.annotation.edits.drill_tools import installed
from tests.annotation.edits.roundtrip import round_trip
from tests.annotation.edits.test_apply_changes import DATA, town_from

pytestmark = pytest.mark.django_db


def test_twenty_changes_come_back_the_same_from_every_tool(tmp_path: Path):
    source = DATA / "osm" / "neukolln.osm.gz"
    if not source.is_file():
        pytest.skip(f"no {source}: set MAPWRIGHT_DATA to the folder of real data")
    told = round_trip(town_from(source), tmp_path, number=20, seed=3)
    assert told.mismatches == {tool: [] for tool in told.mismatches}
    assert told.changes == 20 and told.elements > 40
    assert told.nodes_kept > 0.6 * told.nodes
    here = installed()
    assert {"osmium", "osmium_upload", "reimport"} <= told.mismatches.keys()
    assert {tool for tool in ("ogr2ogr", "osm2pgsql", "osmosis", "josm") if here[tool]} <= told.mismatches.keys()
