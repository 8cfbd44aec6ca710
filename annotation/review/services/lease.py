"""Keep, give back or take again the lease on one item."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from annotation.accounts.models import User
from annotation.common.errors import NotAllowedError
from annotation.review.errors import AlreadyDecidedError, LeaseLostError, OutdatedError, WithdrawnError
from annotation.review.models import ItemState, QueueItem
from annotation.review.selectors import get_item
from annotation.review.services.batch import check_independent, check_may_work, lock

FREE = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())

RENEWED = "it is renewed before anybody gets it: take the next item"


def lease_end() -> Now:
    """The end of a lease that starts now, by the database's clock."""
    return Now() + timedelta(seconds=settings.REVIEW_LEASE_SECONDS)  # type: ignore[return-value]


def heartbeat(*, user: User, item_id: int, lease_token: int) -> QueueItem:
    """Extend a live lease; LeaseLostError once it ran out."""
    item, _ = get_item(user, item_id)
    kept = QueueItem.objects.filter(
        pk=item_id, state=ItemState.OPEN, lease_holder=user, lease_token=lease_token, lease_expires_at__gt=Now()
    ).update(lease_expires_at=lease_end())
    item.refresh_from_db()
    if not kept:
        raise lease_lost(item, user)
    return item


def release(*, user: User, item_id: int, lease_token: int) -> bool:
    """Give an item back to the queue; True where the lease was still the person's."""
    get_item(user, item_id)
    mine = QueueItem.objects.filter(pk=item_id, lease_holder=user, lease_token=lease_token)
    return bool(mine.update(lease_holder=None, lease_expires_at=None))


def reclaim(*, user: User, item_id: int) -> QueueItem:
    """Take the lease on this very item again, so that a kept draft can be saved.

    Raises:
        AlreadyDecidedError, WithdrawnError, BatchClosedError: nothing is asked any more.
        OutdatedError: it is renewed first, unless this person still holds it.
        LeaseLostError, NotAllowedError: it is somebody else's.
    """
    found, stage = get_item(user, item_id)
    if found.batch is not None:
        check_may_work(user, found.batch)
    with transaction.atomic():
        item = lock(found)
        check_open(item)
        check_independent(user, item, stage)
        _check_not_flagged_away(user, item)
        _check_not_outdated(user, item)
        taken = (
            QueueItem.objects.filter(pk=item_id)
            .filter(FREE | Q(lease_holder=user))
            .update(lease_holder=user, lease_token=F("lease_token") + 1, lease_expires_at=lease_end())
        )
        item.refresh_from_db()
    if not taken:
        raise lease_lost(item, user)
    return item


def _check_not_flagged_away(user: User, item: QueueItem) -> None:
    if item.assigned_to is not None and item.assigned_to_id != user.pk:
        raise NotAllowedError(f"this item is flagged to {item.assigned_to.username}; take the next one")


def _check_not_outdated(user: User, item: QueueItem) -> None:
    if item.outdated and not QueueItem.objects.filter(_held_by(user), pk=item.pk).exists():
        raise OutdatedError(f"what this item is about changed, and your draft is kept; {RENEWED}", version=item.version)


def _held_by(user: User) -> Q:
    return Q(lease_holder=user, lease_expires_at__gt=Now())


def check_open(item: QueueItem) -> None:
    """Refuse a decided or withdrawn item, saying by whom and when."""
    if item.state == ItemState.DECIDED:
        who = item.decided_by.username if item.decided_by else "somebody"
        raise AlreadyDecidedError(
            f"{who} decided this item ({item.decision}); undo that decision first, or take the next item",
            version=item.version,
            decision=item.decision,
            decided_by=who,
            decided_at=item.decided_at,
        )
    if item.state == ItemState.WITHDRAWN:
        raise WithdrawnError("this item was taken out of the queue; take the next one", version=item.version)


def lease_lost(item: QueueItem, user: User) -> LeaseLostError:
    """The error for a lost lease; `free` says whether the person can take it again, as from another page of theirs."""
    takeable = _held_by(user) | Q(FREE | Q(lease_holder=user), outdated=False)
    free = item.state == ItemState.OPEN and QueueItem.objects.filter(takeable, pk=item.pk).exists()
    remedy = "nobody else has it: claim it again and save" if free else "somebody else has it now: take the next item"
    remedy = RENEWED if item.outdated and not free else remedy
    return LeaseLostError(
        f"your lease on this item ended; your draft is kept; {remedy}", free=free, version=item.version
    )
