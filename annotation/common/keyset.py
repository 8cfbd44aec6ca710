"""Pages by key: a page begins right after the last row of the page before, however long the list is."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any, Generic, TypeVar

from django.db.models import Q
from django.utils.dateparse import parse_datetime

from annotation.common.errors import InvalidError

MAX_CURSOR_CHARS = 400
Row = TypeVar("Row")


@dataclass(frozen=True)
class Order:
    """The order of a list: fields with `-` for falling ones; together they name one row.

    Attributes:
        fields: such as ("-priority", "-id").
        types: of their values: int, float or datetime.
    """

    fields: tuple[str, ...]
    types: tuple[type, ...]

    def reversed(self) -> Order:
        return Order(tuple(one[1:] if one.startswith("-") else f"-{one}" for one in self.fields), self.types)

    @property
    def names(self) -> tuple[str, ...]:
        """The fields without their direction."""
        return tuple(one.lstrip("-") for one in self.fields)

    def after(self, values: Sequence[Any]) -> Q:
        """Rows that come after the one with these values.

        Of `(a, b) > (x, y)` PostgreSQL walks an index only where the first field is bounded on its own as well.
        """
        choices = []
        for depth, field in enumerate(self.fields):
            same = Q(**dict(zip(self.names[:depth], values[:depth], strict=True)))
            choices.append(same & Q(**{f"{self.names[depth]}__{self._way(field)}": values[depth]}))
        bound = Q(**{f"{self.names[0]}__{self._way(self.fields[0])}e": values[0]})
        return bound & reduce(lambda first, second: first | second, choices)

    @staticmethod
    def _way(field: str) -> str:
        return "lt" if field.startswith("-") else "gt"


@dataclass(frozen=True)
class Cursor:
    """Where a page begins: the values of the row before it; `backwards` for the page before that row."""

    values: tuple[Any, ...]
    backwards: bool = False

    def text(self) -> str:
        """The cursor as it stands in an address."""
        values = [one.isoformat() if isinstance(one, datetime) else one for one in self.values]
        packed = json.dumps([int(self.backwards), *values], separators=(",", ":"))
        return base64.urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, order: Order) -> Cursor:
        """A cursor of an address.

        Raises:
            InvalidError: it is none, or of another order.
        """
        try:
            if len(text) > MAX_CURSOR_CHARS:
                raise ValueError("too long")
            backwards, *values = json.loads(
                base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            )
            read = tuple(_read(value, kind) for value, kind in zip(values, order.types, strict=True))
            return cls(read, {0: False, 1: True}[backwards])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise InvalidError("this cursor is not of this list: begin at its first page") from error


def _read(value: Any, kind: type) -> Any:
    if kind is datetime:
        stamp = parse_datetime(value)
        if stamp is None or stamp.tzinfo is None:
            raise ValueError("no time")
        return stamp
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) >= 2**63:
        raise ValueError("no number")
    if kind is int and not isinstance(value, int):
        raise ValueError("no whole number")
    return kind(value)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """One page of a list."""

    rows: list[Row]
    next: Cursor | None
    previous: Cursor | None
