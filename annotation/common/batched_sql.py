"""Statements of migrations over ranges of ids, each committed: no row is locked for long, and a stopped run goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor

STEP = 50_000


def by_ranges(
    table: str, statements: Sequence[str], step: int = STEP
) -> Callable[[Any, BaseDatabaseSchemaEditor], None]:
    """For `RunPython` of a migration with `atomic = False`.

    Args:
        table: whose ids make the ranges.
        statements: may run twice on a row; they get %(first)s and %(end)s, the range [first, end) of ids.
    """

    def run(apps: Any, schema_editor: BaseDatabaseSchemaEditor) -> None:
        with schema_editor.connection.cursor() as cursor:
            name = schema_editor.quote_name(table)
            cursor.execute(f"SELECT coalesce(min(id), 0), coalesce(max(id), -1) FROM {name}")  # noqa: S608 - a quoted name of ours
            first, last = cursor.fetchone()
            for start in range(first, last + 1, step):
                for statement in statements:
                    cursor.execute(statement, {"first": start, "end": start + step})

    return run
