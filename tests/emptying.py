"""Emptying the database after a test: truncating makes every table's files anew, and takes longer than most tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.management.sql import emit_post_migrate_signal
from django.db import connections, transaction
from django.db.backends.base.operations import BaseDatabaseOperations

MANY = 20_000
"""So many rows of a table are truncated all the same."""
STANDING = ('"django_content_type"', '"auth_permission"')
"""What migrating leaves and no test changes: it stays, unless there is more or less of it than migrating left."""

truncate: Callable[..., None] = BaseDatabaseOperations.execute_sql_flush
_stood: dict[str, list[int]] = {}
"""How many rows stand in each of these, by the name of the database."""


def empty(operations: BaseDatabaseOperations, sql_list: list[str]) -> None:
    """Delete what is there instead of truncating every table; as strict, since nobody else may be at work in any table.

    It follows no order: foreign keys are checked where the transaction ends. What triggers write meanwhile goes too.
    """
    connection: Any = connections[operations.connection.alias]
    database = connection.settings_dict["NAME"]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    names = [connection.ops.quote_name(table) for table in tables]
    counts = " UNION ALL ".join(
        f"SELECT {place}, (SELECT count(*) FROM (SELECT FROM {name} LIMIT {MANY}) AS found)"
        for place, name in enumerate(names)
    )
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE")
        while True:
            cursor.execute(counts)
            filled = {names[place]: count for place, count in cursor.fetchall() if count}
            if _stood.get(database) == [filled.get(name, 0) for name in STANDING]:
                filled = {name: count for name, count in filled.items() if name not in STANDING}
            else:
                _stood.pop(database, None)
            if not filled:
                return
            if max(filled.values()) >= MANY:
                _stood.pop(database, None)
                truncate(operations, sql_list)
                return
            for name in filled:
                cursor.execute(f"DELETE FROM {name}")


def announce(verbosity: int, interactive: bool, db: str, **told: Any) -> None:
    """Tell that the tables are empty, so that what stands is made anew; nobody is told while it stands."""
    connection: Any = connections[db]
    if connection.settings_dict["NAME"] in _stood:
        return
    emit_post_migrate_signal(verbosity, interactive, db, **told)
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f"(SELECT count(*) FROM {name})" for name in STANDING))
        _stood[connection.settings_dict["NAME"]] = list(cursor.fetchone())
