"""What the server keeps, in SQLite: people with their tokens, changesets, and every version of every element."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

IDLE_S, LONGEST_S = 3600, 24 * 3600
"""A changeset closes by itself after so long without an edit, and after so long in all."""
SCHEMA = """
CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, name TEXT UNIQUE);
CREATE TABLE IF NOT EXISTS tokens (token TEXT PRIMARY KEY, user INTEGER, scopes TEXT);
CREATE TABLE IF NOT EXISTS codes (code TEXT PRIMARY KEY, user INTEGER, client TEXT, redirect TEXT, scopes TEXT,
    challenge TEXT, made REAL);
CREATE TABLE IF NOT EXISTS changesets (id INTEGER PRIMARY KEY AUTOINCREMENT, user INTEGER, tags TEXT, created REAL,
    closes REAL, changes INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS elements (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, id INTEGER, version INTEGER,
    visible INTEGER, lon REAL, lat REAL, tags TEXT, body TEXT, changeset INTEGER, at REAL, UNIQUE (kind, id, version));
CREATE INDEX IF NOT EXISTS elements_changeset ON elements (changeset);
CREATE TABLE IF NOT EXISTS comments (id INTEGER PRIMARY KEY, changeset INTEGER, name TEXT, text TEXT, at REAL);
CREATE TABLE IF NOT EXISTS uses (kind TEXT, id INTEGER, by_kind TEXT, by_id INTEGER);
CREATE INDEX IF NOT EXISTS uses_of ON uses (kind, id);
CREATE INDEX IF NOT EXISTS uses_by ON uses (by_kind, by_id);
"""


class Store:
    """One connection behind one lock: requests are served one after the other, each in a transaction."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        self.db.executescript(SCHEMA)
        self.lock = threading.RLock()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self.lock:
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.db.execute("ROLLBACK")
                raise
            self.db.execute("COMMIT")

    def all(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        with self.lock:
            return self.db.execute(sql, values).fetchall()

    def one(self, sql: str, *values: Any) -> sqlite3.Row | None:
        return next(iter(self.all(sql, *values)), None)

    def run(self, sql: str, *values: Any) -> int:
        with self.lock:
            return self.db.execute(sql, values).lastrowid or 0

    def person(self, name: str) -> int:
        self.run("INSERT OR IGNORE INTO users (name) VALUES (?)", name)
        found = self.one("SELECT id FROM users WHERE name = ?", name)
        return int(found["id"]) if found else 0

    # changesets

    def open_changeset(self, user: int, tags: dict[str, str]) -> int:
        now = time.time()
        return self.run("INSERT INTO changesets (user, tags, created, closes) VALUES (?, ?, ?, ?)",
                        user, json.dumps(tags), now, now + IDLE_S)  # fmt: skip

    def changeset(self, number: int) -> sqlite3.Row | None:
        return self.one("SELECT * FROM changesets WHERE id = ?", number)

    def touch(self, number: int, changes: int) -> None:
        """Edits came in: it stays open for another hour, at most a day in all."""
        self.run("UPDATE changesets SET changes = changes + ?, closes = min(created + ?, ?) WHERE id = ?",
                 changes, LONGEST_S, time.time() + IDLE_S, number)  # fmt: skip

    def close(self, number: int) -> None:
        self.run("UPDATE changesets SET closes = ? WHERE id = ?", time.time() - 0.001, number)

    # elements

    def element(self, kind: str, number: int, version: int | None = None) -> sqlite3.Row | None:
        """A version, else the newest one, visible or not."""
        if version is not None:
            return self.one("SELECT * FROM elements WHERE kind = ? AND id = ? AND version = ?", kind, number, version)
        return self.one("SELECT * FROM elements WHERE kind = ? AND id = ? ORDER BY version DESC LIMIT 1", kind, number)

    def next_id(self, kind: str) -> int:
        found = self.one("SELECT coalesce(max(id), 0) + 1 AS next FROM elements WHERE kind = ?", kind)
        return int(found["next"]) if found else 1

    def users_of(self, kind: str, number: int) -> list[tuple[str, int]]:
        """(kind, id) of visible ways and relations that use an element."""
        rows = self.all("SELECT DISTINCT by_kind, by_id FROM uses WHERE kind = ? AND id = ?", kind, number)
        return [(row["by_kind"], row["by_id"]) for row in rows]

    def write(self, kind: str, number: int, version: int, changeset: int, element: dict[str, Any] | None) -> None:
        """A new version; without `element` it is deleted."""
        told = element or {}
        self.run(
            "INSERT INTO elements (kind, id, version, visible, lon, lat, tags, body, changeset, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            kind, number, version, int(element is not None), told.get("lon"), told.get("lat"),
            json.dumps(told.get("tags", {})), json.dumps(told.get("body", [])), changeset, time.time(),
        )  # fmt: skip
        self.run("DELETE FROM uses WHERE by_kind = ? AND by_id = ?", kind, number)
        for part in told.get("body", []):
            of = ("node", part) if kind == "way" else (part[0], part[1])
            self.run("INSERT INTO uses VALUES (?, ?, ?, ?)", *of, kind, number)


def written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
