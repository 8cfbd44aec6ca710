"""Waiting for another connection that waits for this one."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

SECONDS = 30.0
WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def until_somebody_waits() -> None:
    """Come back once somebody waits for what this connection has locked."""
    pause = threading.Event()
    for _ in range(int(SECONDS / 0.02)):
        with connection.cursor() as cursor:
            cursor.execute(WAITS)
            if cursor.fetchone()[0]:
                return
        pause.wait(0.02)
    pytest.fail("nobody waited for what is locked")
