"""Uploads that a backup caught under way: what they did since then is not in it."""

from __future__ import annotations

from typing import Any, Protocol

STOP = """
UPDATE common_job SET state = 'cancelled', cancel_requested = true, finished_at = now(), run_token = NULL
WHERE kind = 'edits.upload' AND state IN ('queued', 'running')
"""


class Database(Protocol):
    """A connection to the restored database, which may be of an older Mapwright: plain SQL alone is safe."""

    def execute(self, query: Any, /) -> Any: ...


def stop_uploads(database: Database) -> int:
    """Cancel their jobs, so that none goes on by itself before somebody looked; returns how many."""
    return int(database.execute(STOP).rowcount)
