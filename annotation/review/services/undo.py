"""Take a decision back: one more event, after which the item is open and leased to whoever took it back.

In a closed batch nobody can answer it again: there it is taken out of the queue.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.errors import NotAllowedError
from annotation.review.errors import NotDecidedError
from annotation.review.models import Batch, ItemState, QueueItem, Verdict, VerdictEvent
from annotation.review.selectors import get_item
from annotation.review.services.batch import lock
from annotation.review.services.events import check_version, insert, record, replay


def undo(*, user: User, item_id: int, version: int, idempotency_key: UUID) -> Verdict:
    """Reopen a decided item; one's own, or as an editor or admin anybody's."""
    found, stage = get_item(user, item_id)
    with transaction.atomic():
        # The batch first, as closing it does, so that the two come one after the other.
        batch = (
            Batch.objects.select_for_update(no_key=True).get(pk=found.batch_id) if found.batch_id is not None else None
        )
        item = lock(found)
        earlier = replay(user, item_id, VerdictEvent.UNDO, idempotency_key)
        if earlier is not None:
            return earlier
        undone, decided_by = _in_force(item, user)
        check_version(item, version)
        if decided_by != user.pk and not user.is_editor:
            raise NotAllowedError("you can undo your own decisions; ask an editor to undo this one")
        was = item.state
        if was == ItemState.OPEN:
            item.not_for = None  # the first answer itself is gone
        _reopen(item, user, withdrawn=batch is not None and batch.closed_at is not None)
        verdict = insert(
            Verdict(
                item=item,
                reviewer=user,
                event=VerdictEvent.UNDO,
                decision=undone,
                payload={"state": item.state, "lease_token": item.lease_token, "lease_expires_at": _text(item)},
                item_version=item.version,
                idempotency_key=idempotency_key,
            )
        )
        stage.on_undone(item, verdict, was)
        record(verdict, decision=undone, decided_by=decided_by)
    return verdict


def _in_force(item: QueueItem, user: User) -> tuple[str, int | None]:
    """The decision that is taken back, and whose it is: one that waits for a second person is its own person's."""
    if item.state == ItemState.DECIDED:
        return item.decision, item.decided_by_id
    first = item.verdicts.in_force().first()
    if item.state != ItemState.OPEN or first is None or first.reviewer_id != item.not_for_id:
        raise NotDecidedError("this item carries no decision that could be undone", version=item.version)
    if QueueItem.objects.filter(pk=item.pk, lease_expires_at__gt=Now()).exclude(lease_holder=user).exists():
        raise NotAllowedError("a second person looks at this one right now: their answer counts, ask them")
    return first.decision, first.reviewer_id


def _reopen(item: QueueItem, user: User, *, withdrawn: bool) -> None:
    item.state = ItemState.WITHDRAWN if withdrawn else ItemState.OPEN
    item.decision, item.decided_by, item.decided_at, item.assigned_to = "", None, None, None
    item.assigned_until = None
    # Taken back by who gave it: asked anew. A second answer that is taken back is still asked of somebody else.
    if item.not_for_id == user.pk or item.state == ItemState.WITHDRAWN:
        item.not_for = None
    item.version += 1
    item.lease_token += 1
    if not withdrawn:
        item.lease_holder = user
        item.lease_expires_at = timezone.now() + timedelta(seconds=settings.REVIEW_LEASE_SECONDS)
    item.save()


def _text(item: QueueItem) -> str:
    return item.lease_expires_at.isoformat() if item.lease_expires_at else ""
