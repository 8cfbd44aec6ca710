"""Write down what webhooks are to be told, in the transaction of the event: both are there, or neither."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from annotation.changes.models import Change
from annotation.edits.models import Changeset, Delivery, Upload, Webhook, WebhookEvent
from annotation.review.models import QueueItem, Verdict, VerdictEvent

MOST_BYTES = 32 * 2**10
"""Of a body: ids, a few tags of at most 255 characters, no list that grows with the work."""

STAY = "SELECT id FROM edits_webhook WHERE id = ANY(%s) AND active ORDER BY id FOR KEY SHARE"
"""Those that are there, and stay until the transaction ends: a removal waits for it, and is waited for."""


def decided(item: QueueItem, verdict: Verdict) -> None:
    """A person decided on a change, or a decision was taken back."""

    def told() -> dict[str, Any]:
        change = Change.objects.select_related("footprint").get(item=item)
        return {
            "change": change.pk,
            "kind": change.kind,
            "object": change.footprint.key if change.footprint else None,
            "decision": verdict.decision,
            "reason": verdict.reason,
            "undone": verdict.event == VerdictEvent.UNDO,
            "by": verdict.reviewer.get_username(),
        }

    announce(WebhookEvent.DECIDED, item.scope_id, told)


def exported(changeset: Changeset, edits: int, elements: int) -> None:
    """Edits were written as osmChange that no earlier file had.

    Args:
        edits: how many of these.
        elements: elements that the whole file touches.
    """
    announce(
        WebhookEvent.EXPORTED,
        changeset.region_id,
        lambda: {"changeset": changeset.pk, "tags": changeset.tags, "new_edits": edits, "elements": elements},
    )


def uploaded(upload: Upload) -> None:
    """A changeset is in the map."""
    announce(
        WebhookEvent.UPLOADED,
        upload.region_id,
        lambda: {
            "changeset": upload.changeset_id,
            "upload": upload.pk,
            "server": upload.server,
            "osm_changeset": upload.osm_changeset,
            "url": upload.url,
            "elements": upload.elements,
        },
    )


def announce(event: WebhookEvent, region_id: int, told: Callable[[], dict[str, Any]]) -> None:
    """A delivery for each webhook that wants the event; one short query where none does.

    A webhook that is removed meanwhile is told nothing, and keeps no event from becoming true.

    Args:
        told: what the event says of itself; asked only where somebody wants it.

    Raises:
        RuntimeError: outside the event's transaction, or of a body that is too long.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("an event is announced in the transaction that makes it true")
    wants = Webhook.objects.filter(Q(region=None) | Q(region=region_id), active=True, events__contains=[event.value])
    found = list(wants.values_list("pk", flat=True))
    hooks = [hook.pk for hook in Webhook.objects.raw(STAY, [found])] if found else []
    if not hooks:
        return
    number = uuid.uuid4()
    about = {"id": str(number), "event": event.value, "at": timezone.now().isoformat(), "region": region_id}
    body = json.dumps({**about, "data": told()}, ensure_ascii=False, separators=(",", ":"))
    if len(body.encode()) > MOST_BYTES:
        raise RuntimeError(f"the event {event.value} says more than {MOST_BYTES} bytes of itself")
    Delivery.objects.bulk_create([Delivery(webhook_id=hook, event=event, event_id=number, body=body) for hook in hooks])
