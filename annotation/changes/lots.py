"""What comes next of what somebody wants, and how much of it is left: the queue's side of the filters."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.gis.db.models.functions import Distance, GeometryDistance
from django.contrib.gis.geos import Point
from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.functions import Now
from rest_framework import serializers

from annotation.accounts.models import User
from annotation.changes.asked import FilterQuery, wanted_of
from annotation.changes.facets import NEAR_CERTAIN, Lot, Wanted, fitting_changes, items_that, wish_of
from annotation.changes.models import Change, ChangeKind
from annotation.common.models import MAX_ID
from annotation.review.lists import ALL, page_of
from annotation.review.models import ItemState, QueueItem
from annotation.review.selectors import TOLD

STAGE = "changes"
GIVEN = 60
"""So many of what fits are named at once."""
GIVEN_OF_SHAPES = 20
"""So many where each has to be looked at for its shape or tags."""
COUNTED = 5000
"""Counts of lots end here, at as many as are rejected together: what is more is told as more."""
WINDOWS = (1000, 2000)
"""Changes around a place that are looked at before all that fits is looked for; the second ones only where
conditions on items and on shapes meet, for what is rare by both together no index finds."""


class QueueQuery(FilterQuery):
    """What somebody wants of the queue, in which order."""

    order = serializers.ChoiceField(choices=["value", "near"], required=False, default="value")
    near = serializers.IntegerField(min_value=1, max_value=MAX_ID, required=False, allow_null=True, default=None)


@dataclass(frozen=True)
class Left:
    """Open changes of one lot, up to `COUNTED`; `more` where there are others."""

    open: int
    more: bool


class FittingChanges:
    """The queue's side of the filters (`annotation.review.stages.Fitting`)."""

    def ids(
        self, user: User, scope_id: int, wanted: Mapping[str, Any], *, skip: Collection[int],
        among: Sequence[int] | None,
    ) -> list[int]:  # fmt: skip
        asked = _checked(wanted)
        what = replace(wanted_of(asked), states=[ItemState.OPEN.value], ordering="confidence")
        free = _free(user) & ~Q(pk__in=list(skip))
        if among is not None:
            return _those(scope_id, what, free, among)
        mine = _those(scope_id, what, free, _held_or_given(user, scope_id))
        place = _place(scope_id, asked["near"]) if asked["order"] == "near" else None
        if place is not None:
            found = _nearest(scope_id, what, free, place)
        else:
            number = GIVEN_OF_SHAPES if what.of_the_shape else GIVEN
            found = page_of(STAGE, scope_id, wish_of(scope_id, what, free), "confidence", None, number).rows
        return list(dict.fromkeys([*mine, *found]))

    def counts(self, user: User, scope_id: int, wanted: Mapping[str, Any]) -> tuple[int, int, int]:
        what = replace(wanted_of(_checked(wanted)), states=[ItemState.OPEN.value])
        # What is held, to be renewed or given is found by its own index each: all that fits may be half of the queue.
        items = QueueItem.objects.filter(stage=STAGE, scope_id=scope_id, state=ItemState.OPEN)
        others, looked_at, answered = _of_others(items, user)
        held = set(_first_of(looked_at)) | set(_first_of(items.filter(outdated=True)))
        given = set(_first_of(others, len(held))) | set(_first_of(answered, len(held)))
        return (
            _number(scope_id, what, TOLD).open,
            min(TOLD, len(_those(scope_id, what, Q(), list(held)))),
            min(TOLD, len(_those(scope_id, what, Q(), list(given - held)))),
        )


def left(user: User, region_id: int, wanted: Wanted) -> dict[Lot, Left]:
    """How much of each lot is left of what is wanted; its own lot and states are not asked for.

    What this person does not get is left for others: what a colleague was given or looks at, and what the person
    answered and a second one is asked about.
    """
    what = replace(
        wanted, states=[ItemState.OPEN.value], decisions=(), exported=None, decided_by=None, lot=None, view=None
    )
    items = QueueItem.objects.filter(stage=STAGE, scope_id=region_id, state=ItemState.OPEN)
    if not what.of_the_shape:
        # Each is found by an index of its own; without them, an index alone tells how many there are.
        sorts = [rows.order_by("-priority", "pk") for rows in _of_others(items, user)]
        for_others = set().union(*(rows.values_list("pk", flat=True)[:COUNTED] for rows in sorts))
        return {lot: _number(region_id, what.in_lot(lot), COUNTED, sorted(for_others)) for lot in Lot}
    rows = open_items(region_id, what).filter(~Q(not_for=user) & _given(user) & _unheld(user))
    priorities = rows.values_list("priority", flat=True)[: COUNTED + 1]
    sure = [priority >= NEAR_CERTAIN for priority in priorities]
    more = len(sure) > COUNTED
    return {Lot.NEAR_CERTAIN: Left(sum(sure), more), Lot.JUDGEMENT: Left(len(sure) - sum(sure), more)}


def open_items(region_id: int, wanted: Wanted, among: Sequence[int] | None = None) -> QuerySet[QueueItem]:
    """Open items that fit, in no order; only those `among` these, where they are given.

    Items of batches have no kind; not asked for the batch, an index alone tells how many there are.
    """
    wish = wish_of(region_id, wanted)
    rows = QueueItem.objects.filter(
        stage=STAGE, scope_id=region_id, state=ItemState.OPEN, decision="", kind__in=wish.kinds
    )
    if among is not None:
        rows = rows.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [list(among)]))
    return wish.narrow(rows)


def _checked(wanted: Mapping[str, Any]) -> dict[str, Any]:
    query = QueueQuery(data=wanted)
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)


def _free(user: User) -> Q:
    """What this person could have: nobody else looks at it, and it is asked of nobody else."""
    own = Q(lease_holder=user, lease_expires_at__gt=Now())
    renewed = own | Q(outdated=False)
    return _unheld(user) & renewed & _given(user) & ~Q(not_for=user) & Q(batch__isnull=True)


def _unheld(user: User) -> Q:
    """Nobody else looks at it."""
    free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())
    return free | Q(lease_holder=user, lease_expires_at__gt=Now())


def _given(user: User) -> Q:
    """It was given to nobody else."""
    return Q(assigned_to__isnull=True) | Q(assigned_to=user)


def _of_others(items: QuerySet[QueueItem], user: User) -> list[QuerySet[QueueItem]]:
    """Of these items those that the person does not get: given to others, held by others, answered already."""
    held = items.filter(lease_holder__isnull=False, lease_expires_at__gt=Now())
    return [
        items.filter(assigned_to__isnull=False).exclude(assigned_to=user),
        held.exclude(lease_holder=user),
        items.filter(not_for=user),
    ]


def _held_or_given(user: User, region_id: int) -> list[int]:
    """What the person looks at already or was given goes before all else."""
    items = QueueItem.objects.filter(stage=STAGE, scope_id=region_id, state=ItemState.OPEN)
    held = items.filter(lease_holder=user, lease_expires_at__gt=Now()).order_by("-priority", "pk")
    given = items.filter(assigned_to=user).order_by("-priority", "pk")
    return [*held.values_list("pk", flat=True)[:GIVEN], *given.values_list("pk", flat=True)[:GIVEN]]


def _those(region_id: int, wanted: Wanted, free: Q, items: Sequence[int]) -> list[int]:
    """Of these items those that fit and are free, in their order."""
    if not items:
        return []
    open_ones = Q(pk__in=list(items), stage=STAGE, scope_id=region_id, state=ItemState.OPEN)
    fits = fitting_changes(region_id, wanted).filter(_through_item(open_ones & items_that(wanted) & free))
    found = set(fits.values_list("item", flat=True))
    return [pk for pk in items if pk in found]


def _place(region_id: int, change_id: int | None) -> Point | None:
    if change_id is None:
        return None
    change = Change.objects.filter(pk=change_id, scan__region=region_id).only("geometry").first()
    return change.geometry.centroid if change is not None else None


def _nearest(region_id: int, wanted: Wanted, free: Q, place: Point) -> list[int]:
    """What fits, the nearest first: among the changes around, or, where none of these fits, of all that fit."""
    # The plain distance, which no index orders by: a walk along the index of places would go on to the last change.
    around = fitting_changes(region_id, Wanted(area=wanted.area)).order_by(GeometryDistance("geometry", place))
    return _looked_for(region_id, wanted, free, around, Distance("geometry", place))


def _looked_for(region_id: int, wanted: Wanted, free: Q, walk: QuerySet[Change], order: Distance) -> list[int]:
    """Items of what fits, in this order: first within windows that cost the same however long the queue is.

    What is met in a window is common enough to be met there again; what is not is rare, and its own indexes find it.
    """
    # With decision and kinds, which lead the indexes that give confidence and age.
    open_ones = Q(
        stage=STAGE, scope_id=region_id, state=ItemState.OPEN, decision="", kind__in=wanted.kinds or ChangeKind.values
    )
    # The bounds of confidence once, on the items: said twice they would count twice in what the database expects.
    of_any_confidence = replace(wanted, min_confidence=None, max_confidence=None, lot=None)
    fits = fitting_changes(region_id, of_any_confidence)
    fits = fits.filter(_through_item(items_that(wanted) & free & open_ones))
    start = 0
    for size in WINDOWS if wanted.of_the_shape and items_that(wanted) else WINDOWS[:1]:
        window = list(walk.values_list("pk", flat=True)[start : start + size])
        within = fits.filter(pk__in=RawSQL("SELECT unnest(%s::bigint[])", [window]))
        found = list(within.order_by(order).values_list("item", flat=True)[:GIVEN]) if window else []
        if found:
            return found
        start += size
    # Found before they are sorted: with the limit alone the database would sort all that have what is common.
    whole = Change.objects.filter(pk__in=fits.order_by().values("pk")[:ALL])
    return list(whole.order_by(order).values_list("item", flat=True)[:GIVEN])


def _through_item(condition: Q) -> Q:
    """A condition on items as one on their changes."""
    children = [
        _through_item(one) if isinstance(one, Q) else (f"item__{one[0]}", one[1])  # type: ignore[index]
        for one in condition.children
    ]
    return Q(*children, _connector=condition.connector, _negated=condition.negated)


def _first_of(items: QuerySet[QueueItem], more: int = 0) -> list[int]:
    """Some of what may be thousands: no more than are told, and `more`."""
    return list(items.values_list("pk", flat=True)[: TOLD + more])


def _number(region_id: int, wanted: Wanted, most: int, without: Sequence[int] = ()) -> Left:
    apart = open_items(region_id, wanted, without).count() if without else 0
    few = None if wanted.of_the_shape else wish_of(region_id, wanted).few
    known = few() if few is not None else None
    number = open_items(region_id, wanted, known)[: most + 1 + apart].count() - apart
    return Left(min(number, most), number > most)
