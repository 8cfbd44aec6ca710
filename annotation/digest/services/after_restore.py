"""Digests of a backup, which may be restored later or beside the installation that it was made of."""

from __future__ import annotations

from annotation.edits.services.uploads.after_restore import Database

THERE = "SELECT to_regclass('digest_digest')"
BEGIN_ANEW = "UPDATE digest_digest SET told_to = now()"
REMEMBERS = "SELECT 1 FROM information_schema.columns WHERE table_name = 'digest_digest' AND column_name = 'regions'"
FORGET = "UPDATE digest_digest SET regions = '[]'"
"""What others undid since the backup was told as well, and is found again: each digest takes stock once more first."""


def begin_anew(database: Database) -> int:
    """Tell nothing of the time before, which was told since the backup was made; how many digests there are."""
    there = database.execute(THERE).fetchone()
    if there is None or there[0] is None:
        return 0
    if database.execute(REMEMBERS).fetchone() is not None:  # an older Mapwright has no such column: empty once it has
        database.execute(FORGET)
    return int(database.execute(BEGIN_ANEW).rowcount)
