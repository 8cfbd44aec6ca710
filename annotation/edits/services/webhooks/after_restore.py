"""Deliveries that a backup caught waiting: whether they were sent since then is not in it."""

from __future__ import annotations

from annotation.edits.services.uploads.after_restore import Database

THERE = "SELECT to_regclass('edits_delivery')"
GIVE_UP = """
UPDATE edits_delivery SET state = 'dead', due_at = now(),
    problem = 'it waited in a backup that was restored, and may have been sent since'
WHERE state = 'waiting'
"""


def stop_deliveries(database: Database) -> int:
    """Give them up, so that none goes out twice, or from a copy for practice, before somebody looked; how many."""
    there = database.execute(THERE).fetchone()
    if there is None or there[0] is None:  # of a Mapwright without webhooks
        return 0
    return int(database.execute(GIVE_UP).rowcount)
