"""Frames that belong together: taken within minutes and metres of each other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from annotation.geolocation import engine
from annotation.geolocation.models import Flight, UnplacedImage

APART = dt.timedelta(minutes=15)
APART_M = 2000.0


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
