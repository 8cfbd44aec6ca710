"""Webhooks and their deliveries, as an admin may see them."""

from __future__ import annotations

from django.db.models import OuterRef, Q, QuerySet, Subquery

from annotation.accounts.models import User
from annotation.common.counted import Counted
from annotation.common.errors import NotFoundError
from annotation.edits.models import Delivery, DeliveryState, Webhook
from annotation.sources.selectors import visible_regions

MOST_COUNTED = 10_000
"""Deliveries of a webhook, of each state: of more it is only told that there are as many."""


def webhooks_of(user: User) -> QuerySet[Webhook]:
    """Webhooks that this admin may see, with how many deliveries of each wait and were given up, and why some wait.

    No more than MOST_COUNTED are counted, so that a list costs the same however long the outbox is.
    """
    mine = Delivery.objects.filter(webhook=OuterRef("pk"))
    counts = {
        name: Counted(mine.filter(state=name).values("pk")[:MOST_COUNTED])
        for name in (DeliveryState.WAITING.value, DeliveryState.DEAD.value)
    }
    failing = mine.filter(state=DeliveryState.WAITING, attempts__gt=0).exclude(problem="")
    problem = Subquery(failing.order_by("-pk").values("problem")[:1])
    return _seen_webhooks(user).select_related("region", "created_by").annotate(**counts, problem=problem)


def _seen_webhooks(user: User) -> QuerySet[Webhook]:
    return Webhook.objects.filter(Q(region=None) | Q(region__in=visible_regions(user)))


def get_webhook(user: User, webhook_id: int) -> Webhook:
    """The webhook, or NotFoundError where it is missing or in a region the person may not see."""
    webhook = webhooks_of(user).filter(pk=webhook_id).first()
    if webhook is None:
        raise NotFoundError("there is no such webhook, or you are not a member of its region")
    return webhook


def get_delivery(user: User, delivery_id: int) -> Delivery:
    """The delivery, or NotFoundError where it is missing or of a webhook the person may not see."""
    delivery = Delivery.objects.filter(pk=delivery_id, webhook__in=_seen_webhooks(user)).first()
    if delivery is None:
        raise NotFoundError("there is no such delivery: it was taken a while ago, or its webhook was removed")
    return delivery
