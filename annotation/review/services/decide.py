"""Record one person's decision on one item: an event, exactly once."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.errors import InvalidError
from annotation.review.models import ItemState, QueueItem, Verdict, VerdictEvent
from annotation.review.selectors import get_item
from annotation.review.services.batch import check_independent, let_go_of_twins, lock
from annotation.review.services.events import check_lease, check_version, insert, record, replay
from annotation.review.services.lease import check_open, lease_lost
from annotation.review.stages import ReviewStage


@dataclass(frozen=True)
class Decision:
    """What a person says of an item."""

    decision: str
    reason: str = ""
    comment: str = ""
    payload: dict[str, Any] = field(default_factory=dict)
    seconds: float | None = None


def decide(
    *, user: User, item_id: int, lease_token: int, version: int, said: Decision, idempotency_key: UUID
) -> Verdict:
    """Append the verdict and close the item; a repeated key gives the first verdict back and changes nothing."""
    item, stage = get_item(user, item_id)
    _check_allowed(stage, said)
    with transaction.atomic():
        if item.batch_id is not None:
            lock(item)
        if not _closed(item, user, lease_token, version, said.decision):
            return _repeated(item, user, lease_token, version, idempotency_key)
        check_independent(user, item, stage)
        verdict = _append(item, user, said, idempotency_key)
        if not stage.settles(user):
            let_go_of_twins(item, user)
        stage.on_decided(item, verdict)
        record(verdict, decision=said.decision)
    return verdict


def _closed(item: QueueItem, user: User, lease_token: int, version: int, decision: str) -> bool:
    """Close the item in one statement, where it is open, of this version, and under this live lease of the person."""
    now = timezone.now()
    mine = QueueItem.objects.filter(
        pk=item.pk, state=ItemState.OPEN, version=version, lease_holder=user, lease_token=lease_token,
        lease_expires_at__gt=Now(),
    )  # fmt: skip
    if not mine.update(
        state=ItemState.DECIDED, decision=decision, decided_by=user, decided_at=now, version=version + 1,
        lease_holder=None, lease_expires_at=None,
    ):  # fmt: skip
        return False
    item.state, item.decision, item.decided_by, item.decided_at = ItemState.DECIDED, decision, user, now
    item.version, item.lease_holder, item.lease_expires_at = version + 1, None, None
    return True


def _repeated(item: QueueItem, user: User, lease_token: int, version: int, key: UUID) -> Verdict:
    """The verdict that this key already made of the item, or why the item can't be closed."""
    item = lock(item)
    earlier = replay(user, item.pk, VerdictEvent.DECIDE, key)
    if earlier is not None:
        return earlier
    check_open(item)
    check_version(item, version)
    check_lease(item, user, lease_token)
    raise lease_lost(item, user)  # it ended between the two looks


def _check_allowed(stage: ReviewStage, said: Decision) -> None:
    if said.decision not in stage.decisions:
        raise InvalidError(f"unknown decision {said.decision!r}; use one of {', '.join(stage.decisions)}")
    reasons = stage.decisions[said.decision]
    if said.reason and said.reason not in reasons:
        raise InvalidError(
            f"unknown reason {said.reason!r} for {said.decision}; use one of {', '.join(reasons) or 'none'}"
        )


def _append(item: QueueItem, user: User, said: Decision, key: UUID) -> Verdict:
    return insert(
        Verdict(
            item=item,
            reviewer=user,
            event=VerdictEvent.DECIDE,
            decision=said.decision,
            reason=said.reason,
            comment=said.comment,
            payload=said.payload,
            seconds=said.seconds,
            item_version=item.version,
            idempotency_key=key,
        )
    )
