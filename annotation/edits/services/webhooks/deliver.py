"""Empty the outbox: each delivery is claimed, sent outside any transaction, and what came of it is stored.

A run that is killed while it sends leaves a claim that ends by itself; the delivery then goes out once more under the
same event id, by which a receiver knows it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from annotation.common.alone import alone
from annotation.common.errors import DomainError
from annotation.edits.engine import ask
from annotation.edits.models import Delivery, DeliveryState, Webhook
from annotation.edits.services.uploads.sealing import SealBrokenError, unseal
from annotation.edits.services.webhooks.signing import signature

MOST_TRIES = 8
LONGEST = timedelta(hours=24)
FIRST_PAUSE_S, GROWS = 60.0, 3.0
"""Tries come after 1, 3, 9, 27, 81, 243 and 729 minutes: the last one within 19 hours."""
ANSWER_S = 10.0
CLAIM = timedelta(seconds=90)
MOST_ANSWER_BYTES = 64 * 2**10
MOST_AT_ONCE, RUN_S = 500, 40.0
KEPT, KEPT_DEAD = timedelta(days=7), timedelta(days=30)
"""How long a delivery that was taken, and one that was given up, stays to be looked at."""
LOCK = 0x77_65_62_68
"""Of the one run at a time: a server that is slow takes one worker's time, not every worker's."""


@dataclass(frozen=True)
class Outcome:
    """What came of one try; `problem` is empty where it was taken."""

    status: int | None = None
    problem: str = ""


def deliver(seconds: float = RUN_S) -> int:
    """Send what is due, of each webhook the oldest first; how many were taken. Nothing while another run sends.

    Next is the webhook that this run gave the least time, and those come last that failed before, so that neither a
    slow nor a broken one keeps the others waiting. One that fails is not asked again in this run.
    """
    with alone(LOCK) as free:
        taken = _send_due(seconds) if free else 0
        _forget()
    return taken


def pause(attempts: int) -> timedelta:
    """How long after this many tries the next one is made."""
    return timedelta(seconds=FIRST_PAUSE_S * GROWS ** (attempts - 1))


def secret_of(webhook: Webhook) -> str:
    """What signs for it.

    Raises:
        SealBrokenError: it was sealed under another secret key.
    """
    return unseal(webhook.sealed_secret, context(webhook))


def context(webhook: Webhook) -> str:
    """What its secret is sealed for."""
    return f"webhook {webhook.key}"


def _send_due(seconds: float) -> int:
    end = time.monotonic() + seconds
    failed = Delivery.objects.filter(webhook=OuterRef("pk"), state=DeliveryState.WAITING, attempts__gt=0)
    hooks = Webhook.objects.filter(active=True).annotate(failed=Exists(failed))
    spent = {pk: seconds if failing else 0.0 for pk, failing in hooks.values_list("pk", "failed")}
    tries = taken = 0
    while spent and tries < MOST_AT_ONCE and (began := time.monotonic()) < end:
        webhook = min(spent, key=lambda one: (spent[one], one))
        delivery = _claim(webhook)
        if delivery is None:
            del spent[webhook]
            continue
        outcome = _send(delivery)
        _note(delivery, outcome)
        tries += 1
        if outcome.problem:
            del spent[webhook]
        else:
            taken += 1
            spent[webhook] += time.monotonic() - began
    return taken


def _forget() -> None:
    """Remove what was taken or given up long ago, a part at a time."""
    now = timezone.now()
    taken = Q(state=DeliveryState.DELIVERED, delivered_at__lt=now - KEPT)
    given_up = Q(state=DeliveryState.DEAD, due_at__lt=now - KEPT_DEAD)
    for old in (taken, given_up):
        Delivery.objects.filter(pk__in=Delivery.objects.filter(old).values("pk")[:1000]).delete()


def _claim(webhook: int) -> Delivery | None:
    """The next one of a webhook that is due, held against other runs until the claim ends."""
    with transaction.atomic():
        now = timezone.now()
        due = Delivery.objects.filter(webhook=webhook, state=DeliveryState.WAITING, due_at__lte=now)
        rows = due.filter(webhook__active=True).select_for_update(skip_locked=True, of=("self",))
        delivery = rows.select_related("webhook").order_by("due_at", "pk").first()
        if delivery is not None:
            delivery.attempts, delivery.due_at = delivery.attempts + 1, now + CLAIM
            delivery.save(update_fields=["attempts", "due_at"])
        return delivery


def _send(delivery: Delivery) -> Outcome:
    """One try, without a transaction."""
    body, webhook = delivery.body.encode(), delivery.webhook
    try:
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Mapwright-Webhook",
            "Mapwright-Event": delivery.event,
            "Mapwright-Delivery": str(delivery.event_id),
            "Mapwright-Signature": signature(secret_of(webhook), int(time.time()), body),
        }
        reply = ask("POST", webhook.url, body, headers, settings.WEBHOOK_HOSTS, "MAPWRIGHT_WEBHOOK_HOSTS",
                    ANSWER_S, MOST_ANSWER_BYTES)  # fmt: skip
    except SealBrokenError:
        return Outcome(problem="its secret can't be read any more: give the webhook its secret again")
    except DomainError as error:
        return Outcome(problem=error.detail[:300])
    if 200 <= reply.status < 300:
        return Outcome(reply.status)
    redirected = ": redirects are not followed, give the final address" if 300 <= reply.status < 400 else ""
    return Outcome(reply.status, f"the server answers {reply.status}{redirected}")


def _note(delivery: Delivery, outcome: Outcome) -> None:
    """Store what came of it, unless somebody sent it again by hand meanwhile."""
    now = timezone.now()
    mine = Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.WAITING, attempts=delivery.attempts)
    if not outcome.problem:
        mine.update(state=DeliveryState.DELIVERED, delivered_at=now, last_status=outcome.status, problem="")
        return
    over = delivery.attempts >= MOST_TRIES or now - delivery.since >= LONGEST
    mine.update(
        state=DeliveryState.DEAD if over else DeliveryState.WAITING,
        due_at=now + pause(delivery.attempts),
        last_status=outcome.status,
        problem=outcome.problem,
    )
