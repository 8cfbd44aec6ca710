"""Digests of a backup, which may be restored later or beside the installation that it was made of."""

from __future__ import annotations

from annotation.edits.services.uploads.after_restore import Database

THERE = "SELECT to_regclass('digest_digest')"
BEGIN_ANEW = "UPDATE digest_digest SET told_to = now()"


def begin_anew(database: Database) -> int:
    """Tell nothing of the time before, which was told since the backup was made; how many digests there are."""
    there = database.execute(THERE).fetchone()
    if there is None or there[0] is None:
        return 0
    return int(database.execute(BEGIN_ANEW).rowcount)
