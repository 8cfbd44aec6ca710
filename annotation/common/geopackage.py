"""GeoPackage 1.3 written row by row into a file: SQLite with the tables that OGC 12-128r17 asks for, nothing in memory.

One layer of polygons in EPSG:4326. No spatial index: tools make one where they want it, and its triggers would slow
every row.
"""

from __future__ import annotations

import datetime as dt
import errno
import os
import sqlite3
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

APPLICATION_ID = 0x47504B47
VERSION = 10300
HEADER = struct.Struct("<2sBBi4d")
LITTLE_ENDIAN_WITH_BOX = 0b0000_0011
ROWS_AT_ONCE = 5000
WGS84 = (
    'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],'
    'UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]]'
)
TABLES = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL, min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE,
  srs_id INTEGER REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL UNIQUE REFERENCES gpkg_contents(table_name),
  column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL REFERENCES gpkg_spatial_ref_sys(srs_id), z TINYINT NOT NULL, m TINYINT NOT NULL,
  PRIMARY KEY (table_name, column_name));
"""
SYSTEMS = [
    ("Undefined cartesian SRS", -1, "NONE", -1, "undefined", None),
    ("Undefined geographic SRS", 0, "NONE", 0, "undefined", None),
    ("WGS 84 geodetic", 4326, "EPSG", 4326, WGS84, None),
]

Box = tuple[float, float, float, float]


def write_layer(
    path: Path,
    name: str,
    columns: Mapping[str, str],
    rows: Iterable[tuple[bytes, Box, Sequence[Any]]],
    description: str = "",
) -> int:
    """Write a new file with one layer; returns how many rows it holds.

    Args:
        name: of the layer, a plain word.
        columns: type by name, as GeoPackage has them: TEXT, INTEGER, DOUBLE, DATE, DATETIME.
        rows: a polygon or multipolygon as WKB, its box (west, south, east, north), and a value for each column; a
            moment is written in UTC.

    Raises:
        ValueError: a name is not a plain word, or one that the format keeps for itself.
        OSError: the disk is full (ENOSPC).
    """
    if not all(one.isidentifier() and one.lower() not in {"fid", "geom"} for one in (name, *columns)):
        raise ValueError("names of layer and columns are plain words, and not fid or geom")
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {VERSION}")
        database.execute("PRAGMA journal_mode = OFF")  # the file is handed out whole or not at all
        database.execute("PRAGMA synchronous = OFF")
        database.executescript(TABLES)
        database.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", SYSTEMS)
        typed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
        database.execute(f'CREATE TABLE "{name}" (fid INTEGER PRIMARY KEY AUTOINCREMENT, geom GEOMETRY, {typed})')
        written, box = _insert(database, name, columns, iter(rows))
        now = _utc(dt.datetime.now(dt.UTC))
        about = (name, "features", name, description, now, *(box or (None,) * 4), 4326)
        database.execute("INSERT INTO gpkg_contents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", about)
        database.execute("INSERT INTO gpkg_geometry_columns VALUES (?, 'geom', 'GEOMETRY', 4326, 0, 0)", (name,))
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
    finally:
        database.close()
    return written


def _insert(
    database: sqlite3.Connection, name: str, columns: Mapping[str, str], rows: Iterator[tuple[bytes, Box, Sequence]]
) -> tuple[int, Box | None]:
    listed = ", ".join(f'"{column}"' for column in columns)
    marks = ", ".join("?" * len(columns))
    statement = f'INSERT INTO "{name}" (geom, {listed}) VALUES (?, {marks})'  # noqa: S608 - plain words
    written, box = 0, None
    while batch := list(islice(rows, ROWS_AT_ONCE)):
        database.execute("BEGIN")
        database.executemany(statement, ((_blob(wkb, one), *map(_value, values)) for wkb, one, values in batch))
        database.execute("COMMIT")
        west, south, east, north = zip(*([*(one for _, one, _ in batch), *([box] if box else [])]), strict=True)
        box = (min(west), min(south), max(east), max(north))
        written += len(batch)
    return written, box


def _blob(wkb: bytes, box: Box) -> bytes:
    west, south, east, north = box
    return HEADER.pack(b"GP", 0, LITTLE_ENDIAN_WITH_BOX, 4326, west, east, south, north) + bytes(wkb)


def _value(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return _utc(value)
    return value.isoformat() if isinstance(value, dt.date) else value


def _utc(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
