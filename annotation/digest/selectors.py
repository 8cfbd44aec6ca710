"""What happened in a person's regions in a time: counts alone, each along an index, so that it costs what happened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import Count, Q, Sum
from rest_framework.exceptions import ValidationError

from annotation.accounts.models import User
from annotation.changes.asked import wanted_of_text
from annotation.changes.lots import STAGE, open_items
from annotation.changes.models import ChangeDecision, ChangeKind, SavedFilter
from annotation.digest.models import Digest
from annotation.edits.models import Fate, Upload, UploadReceipt, UploadState
from annotation.review.models import ItemState, QueueItem, Verdict, VerdictEvent
from annotation.sources.models import Region
from annotation.sources.selectors import visible_regions

IN_WORDS = {
    "accept": "accepted", "reject": "rejected", "cant_tell": "can't be told", "image_offset": "image is off",
    "bad_imagery": "image is bad", "too_old": "image is too old", "still_stands": "still stands",
}  # fmt: skip
COUNTED = 10_000
"""New suggestions that fit a filter are counted up to here."""
WATCHED = dt.timedelta(days=100)
"""How far back an upload may lie whose undoing is told: longer than the map is asked about it."""


@dataclass(frozen=True)
class InFilter:
    name: str
    query: str
    new: int


@dataclass(frozen=True)
class RegionNews:
    """What happened in one region.

    Attributes:
        new: suggestions that came and are still open.
        filters: of these, how many fit each of the person's saved filters; those that fit none are left out.
        decided: how often each decision was taken that is still in force.
        uploads, elements: changesets that reached the map, and what they changed there.
        undone: elements of uploads that somebody reverted or deleted since the last digest.
        given: items that were given to the person and wait.
    """

    id: int
    name: str
    new: int = 0
    filters: list[InFilter] = field(default_factory=list)
    decided: dict[str, int] = field(default_factory=dict)
    uploads: int = 0
    elements: int = 0
    undone: int = 0
    given: int = 0

    @property
    def nothing(self) -> bool:
        return not (self.new or self.decided or self.uploads or self.undone or self.given)

    @property
    def decisions(self) -> list[tuple[str, int]]:
        """Decisions in words, each with how often it was taken."""
        return [(IN_WORDS[name], self.decided[name]) for name in ChangeDecision.values if name in self.decided]

    @property
    def address(self) -> str:
        return f"{settings.PUBLIC_URL}/regions/{self.id}/"


def regions_of(user: User) -> list[Region]:
    """Regions that the person belongs to and still sees."""
    return list(visible_regions(user).filter(members__user=user).order_by("name", "pk").distinct())


def news_of(digest: Digest, since: dt.datetime, until: dt.datetime) -> list[RegionNews]:
    """What happened in the person's regions after `since`, up to `until`; regions where nothing did are left out.

    What is undone in the map is news where the digest knows what was before: not in a region that is new to it.
    """
    found = [_news(digest, region, since, until) for region in regions_of(digest.user)]
    return [one for one in found if not one.nothing]


def undone_by_upload(regions: Collection[int], now: dt.datetime) -> dict[str, int]:
    """Elements of each upload of these regions that others reverted or deleted in the map."""
    rows = UploadReceipt.objects.filter(
        upload__region__in=regions, fate__in=(Fate.REVERTED, Fate.DELETED), upload__done_at__gt=now - WATCHED
    )
    counted = rows.order_by().values_list("upload").annotate(number=Count("pk"))
    return {str(upload): number for upload, number in counted}


def _news(digest: Digest, region: Region, since: dt.datetime, until: dt.datetime) -> RegionNews:
    items = QueueItem.objects.filter(stage=STAGE, scope_id=region.pk, kind__in=ChangeKind.values)
    came = Q(created_at__gt=since, created_at__lte=until)
    decided = items.filter(
        state=ItemState.DECIDED, decision__in=ChangeDecision.values, decided_at__gt=since, decided_at__lte=until
    )
    sent = Upload.objects.filter(region=region, state=UploadState.DONE, done_at__gt=since, done_at__lte=until)
    sums = sent.aggregate(uploads=Count("pk"), elements=Sum("elements"))
    undone = undone_by_upload([region.pk] if region.pk in digest.regions else [], until)
    return RegionNews(
        id=region.pk,
        name=region.name,
        new=items.filter(came, state=ItemState.OPEN, decision="", batch__isnull=True).count(),
        filters=_in_filters(digest.user, region, came),
        decided=dict(decided.order_by().values_list("decision").annotate(number=Count("pk"))),
        uploads=sums["uploads"],
        elements=sums["elements"] or 0,
        undone=sum(max(0, number - digest.undone.get(upload, 0)) for upload, number in undone.items()),
        given=_given(digest.user, region, since, until),
    )


def _in_filters(user: User, region: Region, came: Q) -> list[InFilter]:
    found = []
    for one in SavedFilter.objects.filter(owner=user, region=region).order_by("name"):
        try:
            fits = open_items(region.pk, wanted_of_text(one.query)).filter(came)
        except ValidationError:  # kept by an earlier version, and no filter any more
            continue
        number = len(fits.values_list("pk", flat=True)[:COUNTED])
        if number:
            found.append(InFilter(one.name, one.query, number))
    return found


def _given(user: User, region: Region, since: dt.datetime, until: dt.datetime) -> int:
    """Items that wait for this person alone and were given to them in this time."""
    mine = QueueItem.objects.filter(assigned_to=user, scope_id=region.pk, state=ItemState.OPEN)
    events = Verdict.objects.filter(item__in=mine, event=VerdictEvent.REASSIGN, at__gt=since, at__lte=until)
    return events.order_by().values("item").distinct().count()
