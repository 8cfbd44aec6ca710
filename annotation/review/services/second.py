"""Ask a second person about what one person decided: the item is open again, for anybody but the first."""

from __future__ import annotations

from django.db.models import F, Q, QuerySet

from annotation.accounts.models import User
from annotation.review.models import ItemState, QueueItem, Verdict

ANSWERED_FIRST = Q(state=ItemState.OPEN, not_for__isnull=False)
"""Items that one person answered and a second one is asked about."""
OPEN_AGAIN = {
    "state": ItemState.OPEN, "decision": "", "decided_by": None, "decided_at": None, "assigned_to": None,
    "assigned_until": None, "lease_holder": None, "lease_expires_at": None, "outdated": False,
}  # fmt: skip
"""Not outdated: it is asked again as it was answered."""


def ask_another(item: QueueItem, first: User) -> None:
    """Open an item that was just decided to everybody but `first`; call it in the transaction of the decision."""
    for name, value in OPEN_AGAIN.items():
        setattr(item, name, value)
    item.not_for = first
    item.save(update_fields=[*OPEN_AGAIN, "not_for"])


def ask_another_about(items: QuerySet[QueueItem]) -> list[QueueItem]:
    """The same for items that were decided by one person each; gives them as they were. Call it in a transaction."""
    alone = items.filter(state=ItemState.DECIDED, not_for=None, decided_by__isnull=False)
    decided = list(alone.select_for_update().order_by("pk"))
    locked = QueueItem.objects.filter(pk__in=[item.pk for item in decided])
    locked.update(**{**OPEN_AGAIN, "not_for": F("decided_by")})
    return decided


def let_first_stand(items: QuerySet[QueueItem]) -> list[tuple[QueueItem, Verdict]]:
    """The first answers of these items count again, where no second one came; gives each item with its answer.

    What a colleague looks at just now, or was given, is closed as well, and told so when they answer. One whose second
    answer was taken back is open to everybody. Call it in a transaction.
    """
    closed: list[tuple[QueueItem, Verdict]] = []
    for item in items.filter(ANSWERED_FIRST).select_for_update().order_by("pk").iterator(chunk_size=500):
        verdict = item.verdicts.in_force().filter(reviewer=item.not_for_id).first()
        if verdict is not None:
            item.state, item.decision = ItemState.DECIDED, verdict.decision
            item.decided_by_id, item.decided_at = verdict.reviewer_id, verdict.at
            item.lease_holder = item.lease_expires_at = item.assigned_to = item.assigned_until = None
            closed.append((item, verdict))
        item.not_for = None
        item.save()
    return closed
