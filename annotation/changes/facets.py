"""Which changes a list, a queue, a map or a feed holds: one set of filters for all, and what the database asks for it.

Kind, confidence, age and scan stand on the queue's items, whose indexes give them in order. Place, size and tags stand
on the change. Where few changes have what is asked for they are found by their own indexes first, and the order is made
of them; where many have it, a walk along the order meets them soon.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.contrib.gis.geos import Polygon
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL

from annotation.changes.models import LEAVING, Change, ChangeDecision, ChangeKind
from annotation.consistency.models import Scan
from annotation.review.lists import Wish
from annotation.review.models import ItemState, QueueItem

NEAR_CERTAIN = 0.9
"""Confidence from which a suggestion is of the lot of near-certain ones."""
FEW = 2000
"""So many changes are sorted at once; of more than that a walk along the order meets one soon."""


class Lot(models.TextChoices):
    """Parts of a queue that are worked through apart: what only needs a look, and what needs a judgement."""

    NEAR_CERTAIN = "near_certain"
    JUDGEMENT = "judgement"


@dataclass(frozen=True)
class Wanted:
    """Which changes are wanted, in which order. Without a state: those that no newer scan replaced.

    Attributes:
        area: what the shapes meet, EPSG:4326; `view`: the box that a map shows of it.
        min_square_m, max_square_m: size of the shape, square metres on the ground.
        found_from, found_to: days on which it was found, both included; so are those on which the image was taken.
        tags: (key, value) that the object has in the map; of a key without a value, any.
        lot: by confidence, beside its own bounds.
    """

    kinds: Sequence[str] = ()
    states: Sequence[str] = ()
    decisions: Sequence[str] = ()
    min_confidence: float | None = None
    max_confidence: float | None = None
    scan: int | None = None
    exported: bool | None = None
    decided_by: int | None = None
    ordering: str = "newest"
    area: Polygon | None = None
    view: Polygon | None = None
    min_square_m: float | None = None
    max_square_m: float | None = None
    found_from: dt.date | None = None
    found_to: dt.date | None = None
    captured_from: dt.date | None = None
    captured_to: dt.date | None = None
    tags: Sequence[tuple[str, str | None]] = ()
    model: int | None = None
    lot: str | None = None

    @property
    def of_the_shape(self) -> bool:
        """Whether it asks for what only the change itself knows: its place, its size, its object's tags."""
        placed = self.area is not None or self.view is not None
        return bool(placed or self.tags or self.min_square_m or self.max_square_m is not None)

    def in_lot(self, lot: str | None) -> Wanted:
        return replace(self, lot=lot)


def wish_of(region_id: int, wanted: Wanted, more: Q | None = None) -> Wish:
    """The filters as the queue's lists ask for them.

    Args:
        more: a condition on the items besides.
    """
    scans = scans_of(region_id, wanted)
    sized = wanted.min_square_m or wanted.max_square_m is not None
    # The index of sizes is one of each scan.
    named = scans_in(region_id) if sized and scans is None else scans

    def plain(items: QuerySet[QueueItem]) -> QuerySet[QueueItem]:
        items = items.filter(items_that(wanted))
        items = items if scans is None else items.filter(origin_id__in=scans)
        return items if more is None else items.filter(more)

    def narrow(items: QuerySet[QueueItem]) -> QuerySet[QueueItem]:
        items = plain(items)
        items = items.filter(_of_changes(wanted, named, "change__")) if wanted.of_the_shape else items
        if wanted.exported is not None:
            held = Exists(Change.objects.filter(item=OuterRef("pk"), edit_items__isnull=False))
            items = items.filter(held if wanted.exported else ~held)
        return items

    def those(item: RawSQL) -> QuerySet[Change]:
        rows = Change.objects.filter(_of_changes(wanted, None, ""), item=item)
        if wanted.area is not None:  # most lie elsewhere, which their boxes tell for less
            rows = rows.filter(geometry__bboverlaps=wanted.area)
        if wanted.exported is not None:
            held = Exists(Change.objects.filter(pk=OuterRef("pk"), edit_items__isnull=False))
            rows = rows.filter(held if wanted.exported else ~held)
        return rows

    states = wanted.states or (ItemState.OPEN.value, ItemState.DECIDED.value)
    if wanted.decisions or wanted.exported or wanted.decided_by is not None:
        states = [one for one in states if one == ItemState.DECIDED]
    decisions = wanted.decisions or ChangeDecision.values
    if wanted.exported:  # nothing else leaves
        decisions = [one for one in decisions if one in LEAVING]
    kinds = wanted.kinds or ChangeKind.values
    if wanted.tags:  # what is not in the map has none: a walk through all of it would meet nothing
        kinds = [one for one in kinds if one != ChangeKind.ADD]
    asks = wanted.of_the_shape or wanted.exported is not None
    known = partial(few, region_id, wanted, scans) if wanted.of_the_shape or scans is not None else Wish.few
    return Wish(kinds, states, decisions, narrow, plain, those if asks else None, known)


def fitting_changes(region_id: int, wanted: Wanted, scans: Sequence[int] | None = None) -> QuerySet[Change]:
    """Changes that have what is wanted, whatever was decided of them.

    Args:
        scans: those that image date, model and scan leave, where they are known.
    """
    scans = scans_of(region_id, wanted) if scans is None else scans
    scans = scans_in(region_id) if scans is None else scans
    low, high = confidence_of(wanted)
    rows = Change.objects.filter(_of_changes(wanted, scans, ""))
    rows = rows.filter(kind__in=wanted.kinds) if wanted.kinds else rows
    rows = rows.filter(confidence__gte=low) if low is not None else rows
    rows = rows.filter(confidence__lte=high) if high is not None else rows
    if wanted.lot == Lot.JUDGEMENT:
        rows = rows.filter(confidence__lt=NEAR_CERTAIN)
    return rows


def few(region_id: int, wanted: Wanted, scans: Sequence[int] | None) -> list[int] | None:
    """The items of all changes that fit, or of some more, where they are at most `FEW`; None where they are more."""
    if wanted.area is None and wanted.view is None and not wanted.tags:
        # Scan and size alone are told by an index without a look at the rows.
        wanted = replace(wanted, kinds=(), min_confidence=None, max_confidence=None, lot=None)
    found = list(fitting_changes(region_id, wanted, scans).values_list("item", flat=True)[: FEW + 1])
    return found if len(found) <= FEW else None


def items_that(wanted: Wanted) -> Q:
    """What stands on the items themselves: confidence, age, whose answer."""
    low, high = confidence_of(wanted)
    fits = Q()
    fits &= Q(priority__gte=low) if low is not None else Q()
    fits &= Q(priority__lte=high) if high is not None else Q()
    fits &= Q(priority__lt=NEAR_CERTAIN) if wanted.lot == Lot.JUDGEMENT else Q()
    fits &= Q(created_at__gte=_midnight(wanted.found_from)) if wanted.found_from else Q()
    if wanted.found_to and wanted.found_to < dt.date.max:  # no day comes after that one
        fits &= Q(created_at__lt=_midnight(wanted.found_to + dt.timedelta(days=1)))
    return fits & (Q(decided_by=wanted.decided_by) if wanted.decided_by is not None else Q())


def scans_of(region_id: int, wanted: Wanted) -> list[int] | None:
    """The scans that image date, model and scan leave; None where nothing is said of them."""
    asked: dict[str, Any] = {
        "pk": wanted.scan, "model": wanted.model, "imagery__captured_on__gte": wanted.captured_from,
        "imagery__captured_on__lte": wanted.captured_to,
    }  # fmt: skip
    asked = {name: value for name, value in asked.items() if value is not None}
    if not asked:
        return None
    return list(Scan.objects.filter(region=region_id, **asked).values_list("pk", flat=True))


def scans_in(region_id: int) -> list[int]:
    return list(Scan.objects.filter(region=region_id).values_list("pk", flat=True))


def confidence_of(wanted: Wanted) -> tuple[float | None, float | None]:
    """The bounds of confidence, the lot's among them, both included; `judgement` ends before its own bound."""
    low, high = wanted.min_confidence, wanted.max_confidence
    if wanted.lot == Lot.NEAR_CERTAIN:
        low = max(NEAR_CERTAIN, low or 0.0)
    return low, high


def _of_changes(wanted: Wanted, scans: Sequence[int] | None, change: str) -> Q:
    """Conditions on changes, or on rows that reach them by the lookup `change`."""
    asked: dict[str, Any] = {
        "scan__in": scans, "geometry__intersects": wanted.area,
        "geometry__bboverlaps": wanted.view, "square_m__gte": wanted.min_square_m,
        "square_m__lte": wanted.max_square_m,
    }  # fmt: skip
    fits = Q(**{f"{change}{name}": value for name, value in asked.items() if value is not None})
    for key, value in wanted.tags:
        has = {"tags__has_key": key} if value is None else {"tags__contains": {key: value}}
        fits &= Q(**{f"{change}{name}": one for name, one in has.items()})
    return fits


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), dt.UTC)
