"""Tell owners of saved filters by e-mail what is new in them: one message for all of theirs, at most one an hour."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotation.accounts.models import User
from annotation.changes.asked import wanted_of_text
from annotation.changes.lots import open_items
from annotation.changes.models import Change, SavedFilter
from annotation.changes.services.saved_filters import newest_change
from annotation.sources.selectors import visible_regions

EVERY = timedelta(hours=1)
NAMED, COUNTED = 10, 1000
"""Changes that a message names, and up to which it counts."""

logger = logging.getLogger(__name__)


def tell() -> int:
    """Send what is due; gives the number of messages. A person whose message can't be sent is told the next time."""
    if not settings.SENDS_EMAIL:
        return 0
    owners = SavedFilter.objects.filter(alert=True, owner__is_active=True).exclude(owner__email="")
    sent = 0
    for pk in owners.order_by().values_list("owner", flat=True).distinct():
        try:
            with transaction.atomic():
                sent += _tell(User.objects.get(pk=pk))
        except Exception:  # whatever is wrong with one person's filters or address: the others are told theirs
            logger.exception("the alerts of user %s could not be sent", pk)
    return sent


def _tell(owner: User) -> int:
    """One message, where something new fits one of the filters and the last one is an hour old."""
    rows = SavedFilter.objects.select_for_update(skip_locked=True, of=("self",)).filter(owner=owner, alert=True)
    filters = list(rows.select_related("region").order_by("region__name", "name"))
    now = timezone.now()
    if any(one.alerted_at is not None and one.alerted_at > now - EVERY for one in filters):
        return 0
    seen = set(visible_regions(owner).filter(pk__in=[one.region_id for one in filters]).values_list("pk", flat=True))
    parts = []
    for one in filters:
        if one.region_id not in seen:
            continue
        newest = newest_change(one.region_id)
        fresh = _fresh(one, newest)
        if newest > one.alerted_to:
            one.alerted_to = newest
            one.save(update_fields=["alerted_to"])
        if fresh:
            parts.append(_words(one, fresh))
    if not parts:
        return 0
    SavedFilter.objects.filter(pk__in=[one.pk for one in filters]).update(alerted_at=now)
    foot = f"You get this because of alerts on filters that you saved; switch them off at {settings.PUBLIC_URL}/"
    send_mail("New suspected changes", "\n\n".join([*parts, foot]), settings.DEFAULT_FROM_EMAIL, [owner.email])
    return 1


def _fresh(one: SavedFilter, newest: int) -> list[Change]:
    """Open changes that fit and came since the owner was told last, the surest first."""
    if newest <= one.alerted_to:
        return []
    fits = open_items(one.region_id, wanted_of_text(one.query))
    rows: QuerySet[Change] = Change.objects.filter(pk__gt=one.alerted_to, pk__lte=newest, item__in=fits)
    return list(rows.order_by("-confidence", "pk")[:COUNTED])


def _words(one: SavedFilter, fresh: Sequence[Change]) -> str:
    many = f"{COUNTED} or more" if len(fresh) == COUNTED else str(len(fresh))
    lines = [
        f"{one.name} ({one.region.name}): {many} new",
        f"{settings.PUBLIC_URL}/regions/{one.region_id}/changes/?{one.query}",
    ]
    for change in fresh[:NAMED]:
        address = f"{settings.PUBLIC_URL}/regions/{one.region_id}/changes/{change.pk}/"
        lines.append(f"  {change.get_kind_display()}, {change.confidence:.0%}, {change.square_m:.0f} m2: {address}")
    return "\n".join(lines)
