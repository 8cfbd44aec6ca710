"""Reject many suggestions for one reason, chunk by chunk; and take that back as one. Nothing is ever accepted so."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.changes.errors import CountChangedError
from annotation.changes.facets import Wanted
from annotation.changes.lots import open_items
from annotation.changes.models import BulkRejection, ChangeDecision
from annotation.changes.services.together import tried
from annotation.common.errors import InvalidError, NotAllowedError, NotFoundError
from annotation.review.errors import KeyReusedError
from annotation.review.models import QueueItem
from annotation.review.services import audit
from annotation.review.services.decide import Decision, decide
from annotation.review.services.events import check_version
from annotation.review.services.lease import reclaim
from annotation.review.services.undo import undo
from annotation.sources.models import Region
from annotation.sources.selectors import visible_regions

MOST = 5000
"""Suggestions that are rejected at once."""
CHUNK = 100
"""So many in one transaction."""
RECENT, LATELY = 5, timedelta(days=1)


def begin(
    *, user: User, region: Region, wanted: Wanted, items: Sequence[int] | None, expected: int, reason: str,
    comment: str, idempotency_key: uuid.UUID,
) -> BulkRejection:  # fmt: skip
    """Settle what is to be rejected; nothing is yet. A repeated key gives the first one back.

    Args:
        wanted: the filter, of whose open suggestions all are meant.
        items: only these of them; None: all.
        expected: how many the person said yes to.

    Raises:
        InvalidError: nothing, or too much.
        CountChangedError: others fit by now.
        KeyReusedError: the key stands for another region.
    """
    earlier = BulkRejection.objects.filter(reviewer=user, idempotency_key=idempotency_key).first()
    if earlier is None:
        found = open_items(region.pk, replace(wanted, states=()), items)
        chosen = list(found.order_by("pk").values_list("pk", "version")[: MOST + 1])
        if len(chosen) > MOST:
            raise InvalidError(f"at most {MOST} suggestions are rejected at once: narrow the filter")
        if len(chosen) != expected or not chosen:
            raise CountChangedError(
                f"{len(chosen)} open suggestions fit by now, not {expected}: look again", count=len(chosen)
            )
        told = {"reason": reason, "comment": comment, "wanted": [list(one) for one in chosen]}
        try:
            with transaction.atomic():
                return BulkRejection.objects.create(
                    region=region, reviewer=user, idempotency_key=idempotency_key, **told
                )
        except IntegrityError:
            earlier = BulkRejection.objects.get(reviewer=user, idempotency_key=idempotency_key)
    if earlier.region_id != region.pk:
        raise KeyReusedError("this idempotency_key was used for another rejection; make a new one for every one")
    return earlier


def get(user: User, bulk_id: int) -> BulkRejection:
    """The rejection, or NotFoundError where it is missing or in a region the person may not see."""
    found = BulkRejection.objects.filter(pk=bulk_id, region__in=visible_regions(user)).first()
    if found is None:
        raise NotFoundError("there is no such rejection, or you are not a member of its region")
    return found


def recent(user: User, region: Region) -> list[BulkRejection]:
    """What this person rejected together in a region lately, the newest first."""
    rows = BulkRejection.objects.filter(reviewer=user, region=region, created_at__gte=timezone.now() - LATELY)
    return list(rows.order_by("-pk")[:RECENT])


def go_on(*, user: User, bulk_id: int) -> BulkRejection:
    """Reject the next chunk, in one transaction; what another person holds, decided or was given stays, and is named.

    Raises:
        NotAllowedError: somebody else began it.
    """
    get(user, bulk_id)
    with transaction.atomic():
        bulk = _locked(bulk_id)
        if bulk.reviewer_id != user.pk:
            raise NotAllowedError(f"{bulk.reviewer.username} rejects these; ask them to go on")
        if bulk.undo_begun_at is not None:
            return bulk
        chunk = bulk.wanted[bulk.done : bulk.done + CHUNK]
        done: list[dict[str, Any]] = []
        left_out: list[dict[str, Any]] = []
        for item, version in chunk:
            tried(done, left_out, item, partial(_rejected, bulk, item, version))
        bulk.done, bulk.rejected, bulk.left_out = bulk.done + len(chunk), bulk.rejected + done, bulk.left_out + left_out
        bulk.save(update_fields=["done", "rejected", "left_out"])
        _record(bulk, "changes.reject_many", user, done, left_out)
    return bulk


def take_back(*, user: User, bulk_id: int) -> BulkRejection:
    """Reopen the next chunk of those whose answer is still that one, in one transaction; nothing more is rejected.

    Unlike after any other undo nobody holds them: there may be thousands.

    Raises:
        NotAllowedError: somebody else's, and the person is no editor.
    """
    get(user, bulk_id)
    with transaction.atomic():
        bulk = _locked(bulk_id)
        if bulk.reviewer_id != user.pk and not user.is_editor:
            raise NotAllowedError(f"{bulk.reviewer.username} rejected these; ask them or an editor to undo it")
        chunk = bulk.rejected[bulk.undone : bulk.undone + CHUNK]
        done: list[dict[str, Any]] = []
        kept: list[dict[str, Any]] = []
        for one in chunk:
            tried(done, kept, one["item"], partial(_reopened, bulk, user, one))
        QueueItem.objects.filter(pk__in=[one["item"] for one in done], lease_holder=user).update(
            lease_holder=None, lease_expires_at=None
        )
        bulk.undo_begun_at = bulk.undo_begun_at or timezone.now()
        bulk.undone, bulk.kept = bulk.undone + len(chunk), bulk.kept + kept
        bulk.save(update_fields=["undo_begun_at", "undone", "kept"])
        _record(bulk, "changes.take_back_many", user, done, kept)
    return bulk


def _locked(bulk_id: int) -> BulkRejection:
    """The row alone is locked: not its reviewer's, for which whatever else names that person would wait."""
    return BulkRejection.objects.select_for_update(of=("self",)).select_related("reviewer").get(pk=bulk_id)


def _rejected(bulk: BulkRejection, item_id: int, version: int) -> dict[str, Any]:
    item = reclaim(user=bulk.reviewer, item_id=item_id)
    check_version(item, version)
    verdict = decide(
        user=bulk.reviewer,
        item_id=item_id,
        lease_token=item.lease_token,
        version=version,
        said=Decision(ChangeDecision.REJECT.value, reason=bulk.reason, comment=bulk.comment),
        idempotency_key=uuid.uuid5(bulk.idempotency_key, str(item_id)),
    )
    return {"version": verdict.item_version}


def _reopened(bulk: BulkRejection, user: User, one: dict[str, Any]) -> dict[str, Any]:
    key = uuid.uuid5(bulk.idempotency_key, f"undo {one['item']}")
    return {"version": undo(user=user, item_id=one["item"], version=one["version"], idempotency_key=key).item_version}


def _record(bulk: BulkRejection, action: str, user: User, done: list[Any], left_out: list[Any]) -> None:
    audit.record(
        actor=user, action=action, object_kind="bulk_rejection", object_id=bulk.pk, scope_id=bulk.region_id,
        items=len(done), left_out=dict(Counter(one["reason"] for one in left_out)),
    )  # fmt: skip
