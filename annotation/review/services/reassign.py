"""Flag an item to a colleague, who alone gets it next; or put a flagged one back for everyone."""

from uuid import UUID

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import InvalidError, NotAllowedError
from annotation.review.batches import may_work
from annotation.review.models import QueueItem, Verdict, VerdictEvent
from annotation.review.selectors import get_item
from annotation.review.services.batch import is_independent, lock
from annotation.review.services.events import check_lease, check_version, insert, record, replay
from annotation.review.services.lease import check_open
from annotation.review.stages import ReviewStage


def reassign(
    *, user: User, item_id: int, lease_token: int, version: int, to: int | None, comment: str, idempotency_key: UUID
) -> Verdict:
    """Append the event, end the lease, and keep the item for `to`; None puts it back for everyone.

    Whoever holds the item may flag it; whoever flagged it, and an editor, may put it back.
    """
    found, stage = get_item(user, item_id)
    with transaction.atomic():
        item = lock(found)
        earlier = replay(user, item_id, VerdictEvent.REASSIGN, idempotency_key)
        if earlier is not None:
            return earlier
        check_open(item)
        check_version(item, version)
        colleague = _colleague(stage, item, to)
        if to is None:
            _check_may_put_back(user, item)
        else:
            check_lease(item, user, lease_token)
        item.assigned_to, item.version = colleague, item.version + 1
        item.lease_holder, item.lease_expires_at, item.assigned_until = None, None, None
        item.save(update_fields=["assigned_to", "assigned_until", "version", "lease_holder", "lease_expires_at"])
        verdict = insert(
            Verdict(
                item=item,
                reviewer=user,
                event=VerdictEvent.REASSIGN,
                comment=comment,
                payload={"to": colleague.username if colleague else None},
                item_version=item.version,
                idempotency_key=idempotency_key,
            )
        )
        record(verdict, to=colleague.username if colleague else None)
    return verdict


def _colleague(stage: ReviewStage, item: QueueItem, to: int | None) -> User | None:
    if to is None:
        return None
    colleague = stage.people(item.scope_id).filter(pk=to).first()
    if colleague is None:
        raise InvalidError("there is no such person among those who see this region; choose a colleague from the list")
    if item.batch is not None and not may_work(colleague, item.batch):
        raise InvalidError(f"{colleague.username} does not work in this batch; choose somebody who does")
    if not is_independent(colleague, item, stage):
        raise InvalidError(f"{colleague.username} can't take this one; choose somebody else")
    return colleague


def _check_may_put_back(user: User, item: QueueItem) -> None:
    flags = item.verdicts.filter(event=VerdictEvent.REASSIGN).order_by("-item_version")
    last = flags.first()
    if item.assigned_to_id is None or last is None:
        raise InvalidError("this item is flagged to nobody")
    if user.pk not in {last.reviewer_id, item.assigned_to_id} and not user.is_editor:
        raise NotAllowedError("whoever flagged this item can put it back; or ask an editor")
