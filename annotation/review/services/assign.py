"""Give open items to a colleague for some days: they come first in that person's queue, and nobody else gets them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid5

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.errors import InvalidError
from annotation.review.models import ItemState, QueueItem, Verdict, VerdictEvent
from annotation.review.services import audit
from annotation.review.services.events import record
from annotation.review.services.lease import FREE
from annotation.review.stages import get_stage

MOST, MOST_DAYS = 500, 90
AT_ONCE = 1000


def assign(
    *, user: User, stage: str, scope_id: int, items: Sequence[int], to: int, days: int, comment: str,
    idempotency_key: UUID,
) -> int:  # fmt: skip
    """Give those of the items that nobody holds or was given; an event for each. Gives how many; a repeat adds none.

    Raises:
        NotFoundError: no such stage, or a region that the person may not see.
        InvalidError: nobody of the region, or too many items.
    """
    registered = get_stage(stage)
    registered.check_scope(user, scope_id)
    colleague = registered.people(scope_id).filter(pk=to).first()
    if colleague is None:
        raise InvalidError("there is no such person among those who see this region; choose one from the list")
    if len(items) > MOST:
        raise InvalidError(f"at most {MOST} items are given at once; choose fewer")
    until = timezone.now() + timedelta(days=days)
    with transaction.atomic():
        if Verdict.objects.filter(reviewer=user, idempotency_key__in=_keys(idempotency_key, items)).exists():
            return 0
        free = QueueItem.objects.select_for_update(skip_locked=True).filter(
            FREE, pk__in=list(items), stage=stage, scope_id=scope_id, state=ItemState.OPEN, batch=None,
            outdated=False, assigned_to=None,
        )  # fmt: skip
        given = list(free.exclude(not_for=colleague).order_by("pk"))
        for item in given:
            item.assigned_to, item.assigned_until, item.version = colleague, until, item.version + 1
            item.save(update_fields=["assigned_to", "assigned_until", "version"])
            verdict = Verdict.objects.create(
                item=item, reviewer=user, event=VerdictEvent.REASSIGN, comment=comment, item_version=item.version,
                payload={"to": colleague.username, "until": until.isoformat()},
                idempotency_key=uuid5(idempotency_key, str(item.pk)),
            )  # fmt: skip
            record(verdict, to=colleague.username, days=days)
    return len(given)


def put_back_what_ended() -> int:
    """Put back for everyone what was given for a time that is over; what its person looks at right now stays theirs."""
    ended = Q(state=ItemState.OPEN, assigned_to__isnull=False, assigned_until__lte=Now())
    with transaction.atomic():
        rows = list(QueueItem.objects.select_for_update(skip_locked=True).filter(ended, FREE)[:AT_ONCE])
        QueueItem.objects.filter(pk__in=[row.pk for row in rows]).update(assigned_to=None, assigned_until=None)
        for row in rows:
            audit.record(
                actor=None, action="review.assignment_ended", object_kind=f"{row.stage}_item", object_id=row.pk,
                scope_id=row.scope_id, person=row.assigned_to_id,
            )  # fmt: skip
    return len(rows)


def _keys(key: UUID, items: Sequence[int]) -> list[UUID]:
    return [uuid5(key, str(pk)) for pk in items]
