"""Who stores suggestions of a region takes turns: of two at once, one would undo what the other does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from annotation.changes import engine

LOCK_SPACE = 7304
ASK_AGAIN_MS = 1000


@contextmanager
def turn(region_id: int, progress: engine.Progress, done: float = 0.0) -> Iterator[None]:
    """The region's suggestions are this process's alone to store until the block ends; waits for whoever stores now.

    Whoever reads suggestions to store them (`changes.find`, the main job's last step, each batch of `changes.rescore`)
    does both within a turn. Turns are given in the order they were asked for, and end with the connection at the
    latest, so that a killed worker keeps nobody waiting. Take it outside of a transaction: what is read in the turn is
    to see what the one before stored.

    Args:
        done: how far the work is that waits, 0..1.

    Raises:
        StoppedError: asked to stop while waiting.
    """
    key = [LOCK_SPACE, region_id % 2**31]
    while not _locked(key):
        progress.report(done, "waits until the region's suggestions are stored")
        engine.stop_if_asked(progress)
    try:
        yield
    finally:
        if connection.connection is not None and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _locked(key: list[int]) -> bool:
    """Stand in line for the lock for a while; False where that was not long enough."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('lock_timeout')")
            before = cursor.fetchone()
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{ASK_AGAIN_MS}ms"])
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", key)
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", before)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return False
        raise
    return True
