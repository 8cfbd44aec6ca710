"""The tools of the drill: what each makes of the exported file, as maps that can be held to the decisions."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import shapely
from django.db import connection

from annotation.sources.models import Footprint
from annotation.sources.services.store_features import store_features
from mlcore.maps.osm_files import read_map
from mlcore.progress import SilentProgress
from tests.annotation.edits.drill import Decided, _same
from tests.annotation.edits.extract import Extract
from tests.annotation.edits.josm_tool import josm_is_here
from tests.annotation.edits.osmium_tool import run_osmium
from tests.annotation.edits.town import as_accepted, polygon_of
from tests.factories import SnapshotFactory

WANTED = ("osmium", "ogr2ogr", "osm2pgsql", "osmosis")
SCHEMA = "roundtrip"


def installed() -> dict[str, bool]:
    """Which of the tools are here."""
    return {**{tool: shutil.which(tool) is not None for tool in WANTED}, "josm": josm_is_here()}


def applied(base: Path, osc: Path, to: Path) -> Extract:
    """The map after, by `osmium apply-changes`."""
    run_osmium("apply-changes", str(base), str(osc), "-o", str(to), "--overwrite")
    return Extract.read(to)


def applied_by_osmosis(base: Path, osc: Path, to: Path) -> Extract:
    """The map after, by osmosis; both are sorted by id already."""
    reads = ["--read-xml-change", f"file={osc}", "--sort-change", "--read-xml", f"file={base}"]
    _run("osmosis", *reads, "--apply-change", "--write-xml", f"file={to}")
    return Extract.read(to)


def by_osm2pgsql(base: Path, osc: Path, decided: list[Decided], first: int) -> list[str]:
    """Import the map, append the file: every decision is a row, or none, and no other row differs."""
    with _schema() as (ask, dsn):
        common = ["--slim", "--latlong", "-d", dsn, "--number-processes=1", "-C", "100"]
        common += [f"--middle-schema={SCHEMA}", f"--output-pgsql-schema={SCHEMA}"]
        _run("osm2pgsql", "--create", *common, str(base))
        before = _table(ask)
        _run("osm2pgsql", "--append", *common, str(osc))
        return judge_table(before, _table(ask), decided, first)


@contextmanager
def _schema() -> Iterator[tuple[Any, str]]:
    """A schema of its own, on a connection beside the test's transaction, and how others connect."""
    settings = connection.settings_dict
    names = {"dbname": "NAME", "user": "USER", "host": "HOST", "port": "PORT", "password": "PASSWORD"}
    dsn = " ".join(f"{name}={settings[key]}" for name, key in names.items() if settings[key])
    beside = connection.copy()
    try:
        with beside.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            cursor.execute(f"CREATE SCHEMA {SCHEMA}")
            yield cursor, dsn
            cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    finally:
        beside.close()


def by_ogr2ogr(base: Path, after: Path, decided: list[Decided], first: int) -> list[str]:
    """Both maps as GeoJSON by ogr2ogr."""
    return judge_table(_layer(base), _layer(after), decided, first)


def by_reimport(base: dict[str, Any], region: Any, after: Path, decided: list[Decided], first: int) -> list[str]:
    """The map after, imported as the region's next snapshot: the same objects go on, with the accepted shapes."""
    snapshot = SnapshotFactory(region=region)
    store_features(snapshot, iter(read_map(after).features), SilentProgress())
    rows = {row.key: row for row in Footprint.objects.filter(snapshot=snapshot).select_related("object")}
    before = {key: polygon_of(row) for key, row in base.items()}
    faults = judge_table(before, {key: polygon_of(row) for key, row in rows.items()}, decided, first)
    return faults + [f"{key} is another object" for key in rows if key in base and rows[key].object != base[key].object]


def judge_table(
    before: dict[str, shapely.Geometry], after: dict[str, shapely.Geometry], decided: list[Decided], first: int
) -> list[str]:
    """Buildings by key before and after against the decisions."""
    faults: list[str] = []
    about = {one.key: one for one in decided if one.key is not None}
    new = {key: shape for key, shape in after.items() if int(key.split("/")[1]) >= first}
    for one in (one for one in decided if one.key is None):
        there = sum(as_accepted(shape, one.shape) for shape in new.values())
        faults += [f"a new building is there {there} times"] if there != 1 else []
    faults += [f"{len(new)} new buildings"] if len(new) != sum(one.key is None for one in decided) else []
    for key, shape in before.items():
        wanted = about[key].shape if key in about else shape
        if (wanted is None) != (key not in after):
            faults.append(f"{key} {'still stands' if wanted is None else 'is gone'}")
        elif wanted is not None and not (as_accepted if key in about else _same)(after[key], wanted):
            faults.append(f"{key} has another shape than wanted")
    return faults + [f"{key} came from nowhere" for key in after.keys() - before.keys() - new.keys()]


def _table(cursor: Any) -> dict[str, shapely.Geometry]:
    cursor.execute(
        f"SELECT osm_id, ST_AsBinary(ST_Collect(way)) FROM {SCHEMA}.planet_osm_polygon "
        "WHERE building IS NOT NULL GROUP BY osm_id"
    )
    return {_key(number): _single(shapely.from_wkb(bytes(wkb))) for number, wkb in cursor.fetchall()}


def _layer(path: Path) -> dict[str, shapely.Geometry]:
    out = path.with_suffix(".ogr.geojson")
    out.unlink(missing_ok=True)
    query = "SELECT osm_id, osm_way_id FROM multipolygons WHERE building IS NOT NULL"
    options = ["-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=8", "-oo", "USE_CUSTOM_INDEXING=NO"]
    _run("ogr2ogr", *options, "-sql", query, str(out), str(path))
    found = {}
    for one in json.loads(out.read_text())["features"]:
        ids = one["properties"]
        number = int(ids["osm_way_id"]) if ids.get("osm_way_id") else -int(ids["osm_id"])
        shape = shapely.from_geojson(json.dumps(one["geometry"]), on_invalid="ignore")
        if shape is not None:  # an open way tagged as a building is no area
            found[_key(number)] = _single(shape)
    return found


def _key(number: int) -> str:
    return f"way/{number}" if number > 0 else f"relation/{-number}"


def _single(shape: shapely.Geometry) -> shapely.Geometry:
    parts = shapely.get_parts(shape)
    return parts[0] if len(parts) == 1 else shapely.multipolygons([*shapely.get_parts(parts)])


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"
    return done.stdout
