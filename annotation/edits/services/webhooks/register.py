"""Register a webhook, change or remove it, send again what was given up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from annotation.accounts.models import User
from annotation.common.errors import ConflictError, InvalidError, NotFoundError
from annotation.edits.models import Delivery, DeliveryState, Webhook
from annotation.edits.services.uploads.sealing import seal
from annotation.edits.services.webhooks.deliver import context
from annotation.review.services import audit
from annotation.sources.models import Region

PLAIN = re.compile(r"[!-~]+")
"""Printable ASCII without spaces."""
MOST = 50
"""Webhooks in all: each costs a row for every event that it wants."""

REMOVED = "this webhook was removed meanwhile; load the list again"


def register(*, user: User, region: Region | None, url: str, secret: str, events: Sequence[str]) -> Webhook:
    """A new webhook; events from now on are sent to it.

    Raises:
        InvalidError: the address can't be used, or there are too many webhooks.
    """
    with transaction.atomic():
        if Webhook.objects.count() >= MOST:
            raise InvalidError(f"there are {MOST} webhooks already: remove one first")
        webhook = Webhook(region=region, url=checked(url), events=sorted(set(events)), created_by=user)
        webhook.sealed_secret = seal(secret, context(webhook))
        webhook.save()
        _record(user, webhook, "edits.webhook_registered")
    return webhook


def change(*, user: User, webhook: Webhook, secret: str | None = None, **fields: Any) -> Webhook:
    """Change its address, secret, events, or whether it is told anything; what waits goes out as it is from then on.

    Raises:
        NotFoundError: it was removed meanwhile.
        InvalidError: the address can't be used.
    """
    with transaction.atomic():
        locked = Webhook.objects.select_for_update(no_key=True, of=("self",)).filter(pk=webhook.pk).first()
        if locked is None:
            raise NotFoundError(REMOVED)
        if "url" in fields:
            fields["url"] = checked(fields["url"])
        if "events" in fields:
            fields["events"] = sorted(set(fields["events"]))
        for name, value in fields.items():
            setattr(locked, name, value)
        if secret is not None:
            locked.sealed_secret = seal(secret, context(locked))
        locked.save()
        _record(user, locked, "edits.webhook_changed", fields=sorted([*fields, *(["secret"] if secret else [])]))
    return locked


def remove(*, user: User, webhook: Webhook) -> None:
    """Remove it, once events that are being written for it are; what waits for it is not sent any more.

    Raises:
        NotFoundError: it was removed meanwhile.
    """
    with transaction.atomic():
        locked = Webhook.objects.select_for_update(of=("self",)).filter(pk=webhook.pk).first()
        if locked is None:
            raise NotFoundError(REMOVED)
        _record(user, locked, "edits.webhook_removed")
        locked.delete()


def send_again(*, user: User, delivery: Delivery) -> Delivery:
    """Give a delivery that was given up all its tries anew.

    Raises:
        ConflictError: it waits, or was taken.
    """
    with transaction.atomic():
        locked = Delivery.objects.select_for_update(of=("self",)).select_related("webhook").get(pk=delivery.pk)
        if locked.state != DeliveryState.DEAD:
            raise ConflictError(f"this delivery is {locked.state}: only one that was given up is sent again")
        locked.state, locked.attempts = DeliveryState.WAITING, 0
        locked.since = locked.due_at = timezone.now()
        locked.save(update_fields=["state", "attempts", "since", "due_at"])
        _record(user, locked.webhook, "edits.webhook_sent_again", delivery=locked.pk)
    return locked


def checked(url: str) -> str:
    """The address, of which the host is looked at again before each request.

    Raises:
        InvalidError: no https address, nor a plain one of a host that an administrator allowed by name.
    """
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidError(f"this is no address: {error}") from error
    by_name = host.rstrip(".").lower() in {one.rstrip(".").lower() for one in settings.WEBHOOK_HOSTS}
    if parts.scheme != "https" and not (parts.scheme == "http" and by_name):
        raise InvalidError("the address begins with https://, or names a host of MAPWRIGHT_WEBHOOK_HOSTS")
    if not host or "@" in parts.netloc or parts.fragment or not PLAIN.fullmatch(url.strip()):
        raise InvalidError("give an address such as https://example.org/hook, without a name and password in it")
    return url.strip()


def _record(user: User, webhook: Webhook, action: str, **more: Any) -> None:
    host = urlsplit(webhook.url).hostname
    audit.record(actor=user, action=action, object_kind="webhook", object_id=webhook.pk, scope_id=webhook.region_id,
                 host=host, **more)  # fmt: skip
