"""OSM's code of conduct for automated edits, as a guard: every object that leaves was decided by a person."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Exists, F, OuterRef

from annotation.changes.models import LEAVING
from annotation.edits.errors import NoVerdictError
from annotation.edits.models import EditItem
from annotation.review.models import ItemState, Verdict

AT_ONCE = 5000


def without_verdict(items: Iterable[EditItem]) -> list[int]:
    """Changes of these edits whose present state no person's verdict accounts for, by id."""
    asked = {item.change.item_id: item.change_id for item in items}
    numbers, vouched = list(asked), set()
    # Its last event need not be the answer itself: a first one of two may have been handed on before it came to count.
    at_this_version = Verdict.objects.filter(item=OuterRef("item"), item_version=OuterRef("item__version"))
    for start in range(0, len(numbers), AT_ONCE):
        verdicts = Verdict.objects.in_force().filter(
            Exists(at_this_version),
            item_id__in=numbers[start : start + AT_ONCE],
            decision__in=LEAVING,
            reviewer=F("item__decided_by"),
            item__state=ItemState.DECIDED,
            item__decision=F("decision"),
        )
        vouched |= set(verdicts.values_list("item_id", flat=True))
    return sorted(change for item, change in asked.items() if item not in vouched)


def check(items: Iterable[EditItem]) -> None:
    """Every edit was decided by a person, in a verdict that is in force.

    Raises:
        NoVerdictError: with the changes of which this does not hold.
    """
    changes = without_verdict(items)
    if changes:
        raise NoVerdictError(
            f"{len(changes)} of these edits carry no person's verdict in force: nothing leaves that nobody decided; "
            "drop them, or decide them first",
            change_ids=changes,
        )
