"""Frames that belong together: taken within minutes and metres of each other; their places are weighed together."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence

from django.db.models import F

from annotation.geolocation import engine
from annotation.geolocation.models import CandidateState, Flight, ImageState, PlacementCandidate, UnplacedImage

APART = dt.timedelta(minutes=15)
APART_M = 2000.0
ASIDE = 10_000
"""Ranks while places change theirs: no place has one so high, and no two places of an image ever share one."""


def flights_of(images: Sequence[UnplacedImage]) -> list[list[UnplacedImage]]:
    """The images in flights, each in the order it was taken; what tells nothing goes with those before it."""
    order = sorted(enumerate(images), key=lambda one: (one[1].captured_at or _last(images, one[0]), one[0]))
    flights: list[list[UnplacedImage]] = []
    for _, image in order:
        if flights and _together(flights[-1][-1], image):
            flights[-1].append(image)
        else:
            flights.append([image])
    return flights


def group(images: Sequence[UnplacedImage]) -> None:
    """Give each flight of two frames or more its row; images that have one keep it."""
    for flight in flights_of([image for image in images if image.flight_id is None]):
        if len(flight) < 2:
            continue
        first = flight[0]
        day = f"{first.captured_at:%Y-%m-%d %H:%M}" if first.captured_at else f"{first.created_at:%Y-%m-%d %H:%M}"
        name = f"{day}, {len(flight)} frames from {first.original_name[:60]}"
        row, _ = Flight.objects.get_or_create(owner=first.owner, name=name)
        for image in flight:
            image.flight = row
        UnplacedImage.objects.filter(pk__in=[image.pk for image in flight]).update(flight=row)


def rank_by_neighbours(flight: Flight, located: Collection[int]) -> int:
    """Let the place lead that a frame's neighbours speak for, as sure as they make it; call it in a transaction.

    Args:
        located: numbers of the images that were found just now; the others speak, and stay as they are.

    Returns:
        How many frames lead with another place than before.
    """
    images = UnplacedImage.objects.filter(flight=flight, state__in=(ImageState.CANDIDATES, ImageState.PLACED))
    taken = sorted(images.prefetch_related("candidates"), key=lambda one: (one.captured_at or one.created_at, one.pk))
    frames = [_places(image) for image in taken]
    changed = 0
    for image, places, ranked in zip(taken, frames, engine.ranked_flight(frames), strict=True):
        if ranked is None or image.pk not in located or places[0].state == CandidateState.CHOSEN:
            continue
        changed += ranked.leads.pk != places[0].pk
        _lead(places, ranked)
    return changed


def _places(image: UnplacedImage) -> list[PlacementCandidate]:
    """Where a frame may lie, the likeliest first; where a person said it, that alone."""
    rows = sorted(image.candidates.all(), key=lambda one: one.rank)
    for row in rows:
        row.image = image
    chosen = [row for row in rows if row.state == CandidateState.CHOSEN]
    return chosen or [row for row in rows if row.state == CandidateState.PROPOSED]


def _lead(places: list[PlacementCandidate], ranked: engine.Ranked) -> None:
    ranks = sorted(row.rank for row in places)
    PlacementCandidate.objects.filter(pk__in=[row.pk for row in places]).update(rank=F("rank") + ASIDE)
    order = sorted(places, key=lambda row: (row.pk != ranked.leads.pk, row.rank))
    for rank, row in zip(ranks, order, strict=True):
        row.rank = rank
        row.probability = min(row.probability, ranked.probability)
    order[0].probability = ranked.probability
    PlacementCandidate.objects.bulk_update(order, ["rank", "probability"])


def _last(images: Sequence[UnplacedImage], number: int) -> dt.datetime:
    """When an image without a time was taken, as far as the one before it tells."""
    for image in reversed(images[:number]):
        if image.captured_at:
            return image.captured_at
    return dt.datetime.min.replace(tzinfo=dt.UTC)


def _together(one: UnplacedImage, other: UnplacedImage) -> bool:
    if one.captured_at and other.captured_at and abs(other.captured_at - one.captured_at) > APART:
        return False
    if one.prior_point is not None and other.prior_point is not None:
        return engine.apart_m(one.prior_point, other.prior_point) <= APART_M
    return True
