"""Work that one process does at a time, whoever starts it and on whatever machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def alone(lock: int) -> Iterator[bool]:
    """Whether nobody else has this lock of the database, and nobody gets it until the end; nobody is waited for.

    Who is killed gives it back, as it belongs to the connection.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        (taken,) = cursor.fetchone() or (False,)
    try:
        yield taken
    finally:
        if taken and connection.connection is not None and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])
