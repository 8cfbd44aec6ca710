"""The database server, asked beside Django: other databases of it, its own tools, and a content's digest by table."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

from annotation.operation.errors import BackupError

MAINTENANCE = "postgres"
CLOSING_TRIES = 30
# Text of rows is the same whoever asks: dates, floats and bytes as PostgreSQL writes them under these settings.
SAME_TEXT = "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET extra_float_digits = 1; SET bytea_output = 'hex'"
TABLES = """
    SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind = 'r'
      AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
    ORDER BY c.relname
"""
CLIENTS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
CONTENT = "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM {} t"


@dataclass(frozen=True)
class Content:
    """What a table holds: its rows, and a digest of them in whatever order."""

    rows: int
    digest: str


def own_name() -> str:
    """The database that the application uses."""
    return str(connection.settings_dict["NAME"])


def connect(database: str) -> psycopg.Connection[Any]:
    """A connection of its own to a database of the application's server; statements commit one by one."""
    told = connection.settings_dict
    given = {"host": told["HOST"], "port": told["PORT"], "user": told["USER"], "password": told["PASSWORD"]}
    wanted: dict[str, Any] = {name: value for name, value in given.items() if value}
    try:
        return psycopg.connect(dbname=database, autocommit=True, connect_timeout=10, **wanted)
    except psycopg.OperationalError as error:
        raise BackupError(f"the database {database} does not answer: {error}; is the server running?") from error


def tables_of(database: psycopg.Connection[Any]) -> list[str]:
    """Every table that no extension brought."""
    return [name for (name,) in database.execute(TABLES)]


def contents_of(database: psycopg.Connection[Any], tables: Iterable[str]) -> dict[str, Content]:
    """Rows and digest of each table; reads every row once."""
    database.execute(SAME_TEXT)
    found = {}
    for table in tables:
        row = database.execute(sql.SQL(CONTENT).format(sql.Identifier(table))).fetchone()
        if row is not None:
            found[table] = Content(rows=row[0], digest=row[1])
    return found


def major_version(database: psycopg.Connection[Any]) -> int:
    """The server's major version, such as 15."""
    return database.info.server_version // 10000


def exists(name: str) -> bool:
    """Whether the server has a database of that name."""
    with connect(MAINTENANCE) as server:
        return server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is not None


def is_used(name: str) -> bool:
    """Whether something stays connected to the database; a connection that was just closed is given time to go."""
    with connect(MAINTENANCE) as server:
        for _ in range(CLOSING_TRIES):
            row = server.execute(CLIENTS, [name]).fetchone()
            if not row or not row[0]:
                return False
            server.execute("SELECT pg_sleep(0.1)")
    return True


def create(name: str) -> None:
    """An empty database."""
    with connect(MAINTENANCE) as server:
        server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


def drop(name: str) -> None:
    """Drop the database where it exists; refused by the server while somebody is connected."""
    with connect(MAINTENANCE) as server:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def put_in_use(fresh: str, name: str, before: str) -> None:
    """Give the database `fresh` the name `name`, and what had that name the name `before`: both or neither."""
    renamed = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    with connect(MAINTENANCE) as server, server.transaction():
        if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            server.execute(renamed.format(sql.Identifier(name), sql.Identifier(before)))
        server.execute(renamed.format(sql.Identifier(fresh), sql.Identifier(name)))


def run_tool(name: str, *args: str, database: str) -> None:
    """Run pg_dump or pg_restore on the database; the password goes by the environment, not by the command line.

    Raises:
        BackupError: it is not installed, or it failed; with its own last words.
    """
    if shutil.which(name) is None:
        raise BackupError(f"{name} is not installed: apt-get install postgresql-client of the server's version")
    told = connection.settings_dict
    given = {"PGHOST": told["HOST"], "PGPORT": told["PORT"], "PGUSER": told["USER"], "PGPASSWORD": told["PASSWORD"]}
    environment = {**os.environ, **{key: str(value) for key, value in given.items() if value}, "PGDATABASE": database}
    done = subprocess.run([name, *args], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(f"{name} failed: {' '.join(done.stderr.split()[-60:])}")
