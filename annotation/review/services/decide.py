"""Record one person's decision on one item: an event, exactly once."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.errors import InvalidError
from annotation.review.models import ItemState, QueueItem, Verdict, VerdictEvent
from annotation.review.selectors import get_item
from annotation.review.services.batch import check_independent, let_go_of_twins, lock
from annotation.review.services.events import check_lease, check_version, insert, record, replay
from annotation.review.services.lease import check_open
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
    found, stage = get_item(user, item_id)
    _check_allowed(stage, said)
    with transaction.atomic():
        item = lock(found)
        earlier = replay(user, item_id, VerdictEvent.DECIDE, idempotency_key)
        if earlier is not None:
            return earlier
        check_open(item)
        check_version(item, version)
        check_lease(item, user, lease_token)
        check_independent(user, item, stage)
        verdict = _append(item, user, said, idempotency_key)
        _close(item, user, said.decision)
        if not stage.settles(user):
            let_go_of_twins(item, user)
        stage.on_decided(item, verdict)
        record(verdict, decision=said.decision)
    return verdict


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
            item_version=item.version + 1,
            idempotency_key=key,
        )
    )


def _close(item: QueueItem, user: User, decision: str) -> None:
    item.state, item.decision = ItemState.DECIDED, decision
    item.decided_by, item.decided_at = user, timezone.now()
    item.version += 1
    item.lease_holder, item.lease_expires_at = None, None
    item.save(
        update_fields=["state", "decision", "decided_by", "decided_at", "version", "lease_holder", "lease_expires_at"]
    )
