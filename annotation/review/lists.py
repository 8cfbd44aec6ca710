"""Lists of a stage's items: any filter in any order is a few walks along an index, merged, however long the queue is.

Items that agree in state, decision and kind lie side by side in the index of an order. A list asks each such run for
the rows of one page and merges what they give; a run that holds nothing costs next to nothing.

Where a filter asks for what only the stage's own rows know, the merged walk goes on window by window and each window is
looked through at once: what is common is met soon. What is not is rare, or lies at the far end: then all that fits is
found first, and sorted. Where it asks for what brought the items, the walk passes over the others without a look at
their rows, unless so few came from there that they are sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL

from annotation.common.keyset import Cursor, Order, Page
from annotation.review.models import ItemState, QueueItem

ORDERS: dict[str, Order] = {
    "newest": Order(("-created_at", "-id"), (datetime, int)),
    "oldest": Order(("created_at", "id"), (datetime, int)),
    "confidence": Order(("-priority", "-id"), (float, int)),
    "unsure": Order(("priority", "id"), (float, int)),
    "decided": Order(("-decided_at", "-id"), (datetime, int)),
}
"""`decided` lists what people answered, the latest first."""
WINDOWS = (1000, 2000, 4000)
"""So many items are looked through, one window after the other, before all that fits is sorted."""
ALL = 2**62
HELD = ("\ufdd0state", "\ufdd0decision", "\ufdd0kind")
"""Stand for what tells one run from another; no text of anybody's holds such characters."""
Narrow = Callable[[QuerySet[QueueItem]], QuerySet[QueueItem]]


@dataclass(frozen=True)
class Wish:
    """What a list is to hold.

    Attributes:
        kinds, decisions: those wanted; all the stage has where nothing is said.
        states: those wanted.
        narrow: all other conditions.
        plain: of the other conditions those on the items themselves.
        those: the stage's own row of the item that is named, where it has what only such rows know; None where nothing
            of them is asked.
        few: ids of all items that have it, or more; None where they are too many to be sorted for every page. Asked of
            what brought the items as well.
    """

    kinds: Sequence[str]
    states: Sequence[str]
    decisions: Sequence[str]
    narrow: Narrow = lambda rows: rows
    plain: Narrow = lambda rows: rows
    those: Callable[[RawSQL], QuerySet[Any]] | None = None
    few: Callable[[], Sequence[int] | None] | None = None


def page_of(stage: str, scope_id: int, wish: Wish, order: str, cursor: Cursor | None, size: int) -> Page[int]:
    """Ids of the items on one page of a list."""
    wanted = ORDERS[order]
    way = wanted.reversed() if cursor is not None and cursor.backwards else wanted
    if wish.those is not None:
        found = _walked(stage, scope_id, wish, order, way, cursor, size + 1)
    elif wish.few is not None and (known := wish.few()) is not None:
        found = list(_sorted(stage, scope_id, wish, order, way, cursor, size + 1, known))
    else:
        found = _merged(stage, scope_id, wish, wish.narrow, order, way, cursor, size + 1)
    more, found = len(found) > size, found[:size]
    if cursor is not None and cursor.backwards:
        found.reverse()
        return Page([row[0] for row in found], _at(found[-1:]), _at(found[:1], backwards=True) if more else None)
    before = _at(found[:1], backwards=True) if cursor is not None else None
    return Page([row[0] for row in found], _at(found[-1:]) if more else None, before)


def _runs_of(wish: Wish, order: str) -> list[tuple[str, str, str]]:
    """(state, decision, kind) of every run of the index; an item has a decision where it is decided."""
    stands = []
    for state in wish.states:
        if state == ItemState.DECIDED:
            stands += [(state, decision) for decision in wish.decisions]
        elif order != "decided":
            stands.append((state, ""))
    return [(state, decision, kind) for (state, decision), kind in product(stands, wish.kinds)]


def _run(
    stage: str, scope_id: int, state: str, decision: str, kind: str, narrow: Narrow, order: Order,
    cursor: Cursor | None, limit: int,
) -> QuerySet[QueueItem, tuple]:  # fmt: skip
    rows = QueueItem.objects.filter(scope_id=scope_id, stage=stage, state=state, decision=decision, kind=kind)
    return _first(narrow(rows), order, cursor, limit)


def _merged(
    stage: str, scope_id: int, wish: Wish, narrow: Narrow, name: str, order: Order, cursor: Cursor | None, limit: int
) -> list[tuple]:
    """The first rows `(id, ...)` of all runs together, by the order's key."""
    asked = _statement(stage, scope_id, wish, narrow, name, order, cursor, limit)
    return _rows(*asked) if asked is not None else []


def _statement(
    stage: str, scope_id: int, wish: Wish, narrow: Narrow, name: str, order: Order, cursor: Cursor | None, limit: int
) -> tuple[str, list[Any]] | None:
    """The same as text and values; None where nothing can be there."""
    runs = _runs_of(wish, name)
    if not runs:
        return None
    # All runs are one text with other values: put together by the ORM, dozens of them cost more than they ask.
    try:
        text, said = _run(stage, scope_id, *HELD, narrow, order, cursor, limit).query.sql_with_params()
    except EmptyResultSet:
        return None
    values = [value for run in runs for value in _with(said, run)]
    merged = " UNION ALL ".join([f"({text})"] * len(runs))
    whole = f"SELECT {_columns(order)} FROM ({merged}) AS runs ORDER BY {_sorting(order)} LIMIT %s"  # noqa: S608
    return whole, [*values, limit]


def _window(
    stage: str, scope_id: int, wish: Wish, name: str, order: Order, cursor: Cursor | None, limit: int
) -> tuple[list[tuple], int, tuple | None]:
    """Of the first so many rows: those that have what only the stage's own rows know, how many they are, the last."""
    asked = _statement(stage, scope_id, wish, wish.plain, name, order, cursor, limit)
    try:
        fits, values = wish.those(RawSQL("seen.id", [])).query.sql_with_params() if wish.those else ("SELECT 1", ())
    except EmptyResultSet:
        return [], 0, None
    if asked is None:
        return [], 0, None
    # Looked at one by one (OFFSET keeps the database from turning that round): it costs what the window holds.
    columns = _columns(order)
    text = f"""
        WITH seen AS MATERIALIZED ({asked[0]})
        SELECT {columns}, fits, (SELECT count(*) FROM seen)
        FROM (SELECT {columns}, EXISTS ({fits} OFFSET 0) AS fits FROM seen OFFSET 0) AS looked
        WHERE fits OR id = (SELECT id FROM seen ORDER BY {_sorting(order.reversed())} LIMIT 1)
        ORDER BY {_sorting(order)}
    """  # noqa: S608
    rows = _rows(text, [*asked[1], *values])
    met = [tuple(row[:-2]) for row in rows if row[-2]]
    return met, rows[-1][-1] if rows else 0, tuple(rows[-1][:-2]) if rows else None


def _rows(text: str, values: Sequence[Any]) -> list[tuple]:
    with connection.cursor() as opened:
        opened.execute(text, values)
        return opened.fetchall()


def _columns(order: Order) -> str:
    return ", ".join(["id", *(one for one in order.names if one != "id")])


def _sorting(order: Order) -> str:
    return ", ".join(f"{one.lstrip('-')} {'DESC' if one.startswith('-') else 'ASC'}" for one in order.fields)


def _with(said: Sequence[Any], run: tuple[str, str, str]) -> list[Any]:
    return [run[HELD.index(value)] if isinstance(value, str) and value in HELD else value for value in said]


def _walked(
    stage: str, scope_id: int, wish: Wish, name: str, order: Order, cursor: Cursor | None, limit: int
) -> list[tuple]:
    """The same of what only the stage's own rows know."""
    found: list[tuple] = []
    known: Sequence[int] | None = None
    asked, seen, rest = wish.few is None, 0, sum(WINDOWS)
    for window in WINDOWS:
        met, looked_at, last = _window(stage, scope_id, wish, name, order, cursor, window)
        found += met
        if len(found) >= limit or last is None or looked_at < window:
            return found[:limit]
        cursor, seen, rest = _at([last]), seen + window, rest - window
        if not asked and len(found) * rest < (limit - len(found)) * seen:  # the other windows would hold too little
            known, asked = wish.few() if wish.few else None, True
            if known is not None:
                break
    return found + list(_sorted(stage, scope_id, wish, name, order, cursor, limit - len(found), known))


def _sorted(
    stage: str, scope_id: int, wish: Wish, name: str, order: Order, cursor: Cursor | None, limit: int,
    known: Sequence[int] | None,
) -> QuerySet[QueueItem, tuple]:  # fmt: skip
    """The same of all that fits, or of the known ones, sorted as they are."""
    stands = Q(pk__in=[])
    for state, decision, _ in _runs_of(replace(wish, kinds=[""]), name):
        stands |= Q(state=state, decision=decision)
    rows = QueueItem.objects.filter(stands, scope_id=scope_id, stage=stage, kind__in=list(wish.kinds))
    if known is not None:
        among = RawSQL("SELECT unnest(%s::bigint[])", [list(known)])  # one parameter, not thousands
        return _first(wish.narrow(rows.filter(pk__in=among)), order, cursor, limit)
    # Found before they are sorted: with the limit of a page alone the database would go on walking.
    found = wish.narrow(rows).order_by().values("pk")[:ALL]
    return _first(QueueItem.objects.filter(pk__in=found), order, cursor, limit)


def _first(rows: QuerySet[QueueItem], order: Order, cursor: Cursor | None, limit: int) -> QuerySet[QueueItem, tuple]:
    if cursor is not None:
        rows = rows.filter(order.after(cursor.values))
    return rows.order_by(*order.fields).values_list("id", *(name for name in order.names if name != "id"))[:limit]


def _at(rows: Sequence[tuple], *, backwards: bool = False) -> Cursor | None:
    """The cursor at a row `(id, ...)`, whose key ends with its id."""
    return Cursor((*rows[0][1:], rows[0][0]), backwards) if rows else None
