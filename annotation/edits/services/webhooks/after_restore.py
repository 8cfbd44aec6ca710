"""Webhooks of a backup, which may be restored beside the installation that it was made of, and what waited for them."""

from __future__ import annotations

from annotation.edits.services.uploads.after_restore import Database

THERE = "SELECT to_regclass('edits_delivery')"
GIVE_UP = """
UPDATE edits_delivery SET state = 'dead', due_at = now(),
    problem = 'it waited in a backup that was restored, and may have been sent since'
WHERE state = 'waiting'
"""

SWITCH_OFF = "UPDATE edits_webhook SET active = false WHERE active"


def stop_deliveries(database: Database) -> int:
    """Give them up, so that none goes out twice, or from a copy for practice, before somebody looked; how many."""
    return int(database.execute(GIVE_UP).rowcount) if _there(database) else 0


def switch_off(database: Database) -> int:
    """Tell nobody anything before somebody says so, since a copy for practice has the receivers of the real one.

    Returns:
        How many webhooks were on.
    """
    return int(database.execute(SWITCH_OFF).rowcount) if _there(database) else 0


def _there(database: Database) -> bool:
    """Whether the backup is of a Mapwright with webhooks."""
    there = database.execute(THERE).fetchone()
    return there is not None and there[0] is not None
