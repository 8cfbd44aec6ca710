"""Starts the server as a process of its own, and speaks to it as a test does."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.osm_server.oauth import CLIENT, SECRET

__all__ = ["CLIENT", "SECRET", "OsmServer", "osm_server"]
ROOT = Path(__file__).resolve().parents[2]
SCOPES = "read_prefs write_api"


class OsmServer:
    """The running server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._http = httpx.Client(base_url=self.url, timeout=330, trust_env=False)

    def _tell(self, what: str, **told: Any) -> Any:
        return self._http.post(f"/_control/{what}", json=told).raise_for_status().json()

    def person(self, name: str = "mapper", token: str = "a token", scopes: str = SCOPES) -> int:
        """A person with a token; their id."""
        return self._tell("person", name=name, token=token, scopes=scopes)

    def hold(self, method: str, path: str, when: str, then: str = "drop", nth: int = 1) -> int:
        """Hold the nth request of this kind; see `faults.Rule`."""
        return self._tell("rule", method=method, path=path, when=when, then=then, nth=nth)

    def answer(self, method: str, path: str, status: int, text: str = "", times: int = 1, **headers: str) -> int:
        """Answer these requests so, without letting them do anything."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._tell(
            "rule", method=method, path=path, when="answer", status=status, text=text, times=times, headers=given
        )

    def wait_held(self, rule: int, seconds: float = 90) -> bool:
        return self._tell("wait", rule=rule, seconds=seconds)

    def release(self, rule: int) -> None:
        """Let what is held go on, and wait until it is over; one that is still to come will not be held."""
        self._tell("release", rule=rule)

    def put(self, *elements: tuple[str, int, int, dict[str, Any] | None]) -> None:
        """Elements of the map, as (kind, id, version, content); without content they are deleted."""
        self._tell("put", elements=elements)

    def comment(self, changeset: int, name: str, text: str) -> None:
        """What somebody says of a changeset."""
        self._tell("comment", changeset=changeset, name=name, text=text)

    def close(self, changeset: int) -> None:
        """As happens by itself after an hour without an edit."""
        self._tell("close", changeset=changeset)

    def requests(self) -> list[str]:
        return self._tell("requests")

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self._tell("rows", sql=sql)

    def changesets(self) -> list[dict[str, Any]]:
        rows = self.rows("SELECT * FROM changesets ORDER BY id")
        return [{**row, "tags": json.loads(row["tags"]), "open": row["closes"] > time.time()} for row in rows]

    def present(self, kind: str) -> list[dict[str, Any]]:
        """Newest visible versions."""
        newest = "SELECT kind, id, max(version) AS version FROM elements GROUP BY kind, id"
        rows = self.rows(
            f"SELECT e.* FROM elements e JOIN ({newest}) n USING (kind, id, version) WHERE visible ORDER BY id"
        )
        kept = [row for row in rows if row["kind"] == kind]
        return [{**row, "tags": json.loads(row["tags"]), "body": json.loads(row["body"])} for row in kept]


@contextmanager
def osm_server(state: Path) -> Iterator[OsmServer]:
    """The server, with its state in this file."""
    command = [sys.executable, "-m", "tests.osm_server", str(state)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        yield OsmServer(int(line))
    finally:
        process.kill()
        process.wait()
