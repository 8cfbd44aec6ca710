"""What every event of an item goes through: repeated or new, of the right version, under a live lease, audited."""

from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models.functions import Now

from annotation.accounts.models import User
from annotation.review.errors import KeyReusedError, VersionConflictError
from annotation.review.models import QueueItem, Verdict, VerdictEvent
from annotation.review.services import audit
from annotation.review.services.lease import lease_lost


def replay(user: User, item_id: int, event: VerdictEvent, key: UUID) -> Verdict | None:
    """The verdict this key already made; KeyReusedError where it stands for something else."""
    verdict = Verdict.objects.select_related("reviewer", "item").filter(reviewer=user, idempotency_key=key).first()
    if verdict is not None and (verdict.item_id != item_id or verdict.event != event):
        raise KeyReusedError("this idempotency_key was used for another save; make a new one for every save")
    return verdict


def check_version(item: QueueItem, version: int) -> None:
    """Refuse a save that was based on another version."""
    if item.version != version:
        raise VersionConflictError(
            f"the item changed meanwhile (version {item.version}, yours {version}); load it again, your draft is kept",
            version=item.version,
        )


def check_lease(item: QueueItem, user: User, lease_token: int) -> None:
    """Refuse a save under a lease that ended."""
    live = QueueItem.objects.filter(
        pk=item.pk, lease_holder=user, lease_token=lease_token, lease_expires_at__gt=Now()
    ).exists()
    if not live:
        raise lease_lost(item, user)


def insert(verdict: Verdict) -> Verdict:
    """Store an event; a key used at this very moment for another item is refused."""
    try:
        verdict.save(force_insert=True)
    except IntegrityError as error:
        if "verdict_once_per_key" not in str(error):
            raise
        raise KeyReusedError("this idempotency_key was used for another save; make a new one for every save") from error
    return verdict


def record(verdict: Verdict, **more: Any) -> None:
    """Audit the event that was just saved."""
    item = verdict.item
    audit.record(
        actor=verdict.reviewer, action=f"review.{verdict.event}", object_kind=f"{item.stage}_item", object_id=item.pk,
        scope_id=item.scope_id, version=item.version, **more,
    )  # fmt: skip
