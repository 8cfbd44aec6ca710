"""Lists of a stage's items: any filter in any order is a few walks along an index, merged, however long the queue is.

Items that agree in state, decision and kind lie side by side in the index of an order. A list asks each such run for
the rows of one page and merges what they give; a run that holds nothing costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product

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


@dataclass(frozen=True)
class Wish:
    """What a list is to hold.

    Attributes:
        kinds, decisions: those wanted; all the stage has where nothing is said.
        states: those wanted.
        narrow: more conditions on the items.
        among: ids of all items that may be on the list, where they are few and known; else None.
    """

    kinds: Sequence[str]
    states: Sequence[str]
    decisions: Sequence[str]
    narrow: Callable[[QuerySet[QueueItem]], QuerySet[QueueItem]] = lambda rows: rows
    among: Sequence[int] | None = None


def page_of(stage: str, scope_id: int, wish: Wish, order: str, cursor: Cursor | None, size: int) -> Page[int]:
    """Ids of the items on one page of a list."""
    wanted = ORDERS[order]
    way = wanted.reversed() if cursor is not None and cursor.backwards else wanted
    if wish.among is not None:
        runs = [_sorted(stage, scope_id, wish, order, way, cursor, size + 1)] if wish.among else []
    else:
        runs = [
            _run(stage, scope_id, state, decision, kind, wish, way, cursor, size + 1)
            for state, decision, kind in _runs_of(wish, order)
        ]
    if not runs:
        return Page([], None, None)
    merged = runs[0] if len(runs) == 1 else runs[0].union(*runs[1:], all=True).order_by(*way.fields)[: size + 1]
    found = list(merged)
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
    stage: str, scope_id: int, state: str, decision: str, kind: str, wish: Wish, order: Order, cursor: Cursor | None,
    limit: int,
) -> QuerySet[QueueItem, tuple]:  # fmt: skip
    rows = QueueItem.objects.filter(scope_id=scope_id, stage=stage, state=state, decision=decision, kind=kind)
    return _first(wish.narrow(rows), order, cursor, limit)


def _sorted(
    stage: str, scope_id: int, wish: Wish, name: str, order: Order, cursor: Cursor | None, limit: int
) -> QuerySet[QueueItem, tuple]:
    """The same of items that are few and known, sorted as they are."""
    stands = Q(pk__in=[])
    for state, decision, _ in _runs_of(replace(wish, kinds=[""]), name):
        stands |= Q(state=state, decision=decision)
    known = RawSQL("SELECT unnest(%s::bigint[])", [list(wish.among or ())])  # one parameter, not thousands
    rows = QueueItem.objects.filter(stands, pk__in=known, scope_id=scope_id, stage=stage, kind__in=list(wish.kinds))
    return _first(wish.narrow(rows), order, cursor, limit)


def _first(rows: QuerySet[QueueItem], order: Order, cursor: Cursor | None, limit: int) -> QuerySet[QueueItem, tuple]:
    if cursor is not None:
        rows = rows.filter(order.after(cursor.values))
    return rows.order_by(*order.fields).values_list("id", *(name for name in order.names if name != "id"))[:limit]


def _at(rows: Sequence[tuple], *, backwards: bool = False) -> Cursor | None:
    """The cursor at a row `(id, ...)`, whose key ends with its id."""
    return Cursor((*rows[0][1:], rows[0][0]), backwards) if rows else None
