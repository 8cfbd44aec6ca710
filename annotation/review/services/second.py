"""Ask a second person about what one person decided: the item is open again, for anybody but the first."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, QuerySet

from annotation.accounts.models import User
from annotation.review.models import ItemState, QueueItem, Verdict, VerdictEvent

OPEN_AGAIN = {
    "state": ItemState.OPEN, "decision": "", "decided_by": None, "decided_at": None, "assigned_to": None,
    "assigned_until": None, "lease_holder": None, "lease_expires_at": None,
}  # fmt: skip


def ask_another(item: QueueItem, first: User) -> None:
    """Open an item that was just decided to everybody but `first`; call it in the transaction of the decision."""
    for name, value in OPEN_AGAIN.items():
        setattr(item, name, value)
    item.not_for = first
    item.save(update_fields=[*OPEN_AGAIN, "not_for"])


def ask_another_about(items: QuerySet[QueueItem]) -> int:
    """The same for items that were decided by one person each; gives how many."""
    decided = items.filter(state=ItemState.DECIDED, not_for=None, decided_by__isnull=False)
    return decided.update(**{**OPEN_AGAIN, "not_for": F("decided_by")})


def let_first_stand(items: QuerySet[QueueItem]) -> int:
    """The first answers of these items count again, where no second one came; gives how many.

    What a colleague looks at just now is closed as well, and told so when they answer. An item that was handed on
    since its first answer is open to everybody.
    """
    waiting = items.filter(state=ItemState.OPEN, not_for__isnull=False)
    given = Verdict.objects.filter(
        item=OuterRef("pk"), item_version=OuterRef("version"), event=VerdictEvent.DECIDE, reviewer=OuterRef("not_for")
    )
    closed = 0
    for item in waiting.filter(Exists(given)).select_for_update().order_by("pk").iterator(chunk_size=500):
        verdict = item.verdicts.get(item_version=item.version)
        item.state, item.decision = ItemState.DECIDED, verdict.decision
        item.decided_by_id, item.decided_at = verdict.reviewer_id, verdict.at
        item.not_for = item.lease_holder = item.lease_expires_at = item.assigned_to = item.assigned_until = None
        item.save()
        closed += 1
    items.filter(state=ItemState.OPEN, not_for__isnull=False).update(not_for=None)
    return closed
