"""Tell owners of saved filters by e-mail what is new in them: one message for all of theirs, at most one an hour."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from annotation.accounts.models import User
from annotation.changes.asked import wanted_of_text
from annotation.changes.facets import scans_in, wish_of
from annotation.changes.lots import STAGE, open_items
from annotation.changes.models import Change, SavedFilter
from annotation.changes.services.saved_filters import newest_change
from annotation.review.lists import page_of
from annotation.review.models import ItemState
from annotation.sources.selectors import visible_regions

EVERY = timedelta(hours=1)
NAMED, COUNTED = 10, 1000
"""Changes that a message names, and up to which it counts."""
SORTED = 10_000
"""So many new ones are sorted at once; of more the first are met by a walk through the queue, the surest first."""

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


def _fresh(one: SavedFilter, newest: int) -> list[int]:
    """Items of open changes that fit and came since the owner was told last, the surest first."""
    if newest <= one.alerted_to:
        return []
    wanted = replace(wanted_of_text(one.query), states=[ItemState.OPEN.value], decisions=(), exported=None)
    came = Change.objects.filter(scan__in=scans_in(one.region_id), pk__gt=one.alerted_to, pk__lte=newest)
    if not wanted.of_the_shape and came[: SORTED + 1].count() > SORTED:  # as after a whole region was scanned
        new = Q(change__pk__gt=one.alerted_to, change__pk__lte=newest)
        wish = wish_of(one.region_id, wanted, new)
        return page_of(STAGE, one.region_id, wish, "confidence", None, COUNTED).rows
    rows = came.filter(item__in=open_items(one.region_id, wanted)).order_by("-confidence", "pk")
    return list(rows.values_list("item", flat=True)[:COUNTED])


def _words(one: SavedFilter, fresh: Sequence[int]) -> str:
    many = f"{COUNTED} or more" if len(fresh) == COUNTED else str(len(fresh))
    named = Change.objects.filter(item__in=fresh[:NAMED]).order_by("-confidence", "pk")
    lines = [
        f"{one.name} ({one.region.name}): {many} new",
        f"{settings.PUBLIC_URL}/regions/{one.region_id}/changes/?{one.query}",
    ]
    for change in named:
        address = f"{settings.PUBLIC_URL}/regions/{one.region_id}/changes/{change.pk}/"
        lines.append(f"  {change.get_kind_display()}, {change.confidence:.0%}, {change.square_m:.0f} m2: {address}")
    return "\n".join(lines)
