"""A person says that a mapped building still stands: the day on which it was seen is kept with the suggestion."""

from __future__ import annotations

from django.utils import timezone

from annotation.changes.models import Change
from annotation.changes.selectors import newer_map
from annotation.changes.standing import standing_of
from annotation.common.errors import InvalidError
from annotation.review.models import QueueItem


def confirm(item: QueueItem) -> None:
    """Keep the day that becomes the building's `check_date`, in the transaction of the answer.

    Raises:
        InvalidError: the region does not ask for it, the suggestion is about no mapped building, or the image is no
            newer than what the map knows.
    """
    change = Change.objects.select_related("scan__region", "scan__imagery", "footprint").get(item=item)
    if not change.scan.region.confirm_standing:
        raise InvalidError(
            "this region does not ask whether buildings still stand: reject the suggestion, or have an admin switch "
            "it on in the region's settings"
        )
    newer = newer_map(change)
    standing = standing_of(change, newer[1] if newer else None, timezone.now().date())
    if standing is None:
        raise InvalidError("only a building that the map has, and that should go or change, can be said to stand")
    if standing.why_not:
        raise InvalidError(f"{standing.why_not}; reject the suggestion instead")
    change.confirmed_on = standing.on
    change.save(update_fields=["confirmed_on"])
