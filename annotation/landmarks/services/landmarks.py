"""Landmarks by hand: added, changed, removed."""

from __future__ import annotations

from typing import Any

from django.contrib.gis.geos import Point
from django.db import transaction

from annotation.accounts.models import User
from annotation.landmarks.models import Landmark, LandmarkSource
from annotation.landmarks.services import keep_up
from annotation.review.services import audit
from annotation.sources.models import Region


@transaction.atomic
def add(*, user: User, region: Region, name: str, lonlat: tuple[float, float], description: str = "") -> Landmark:
    """A new landmark of a region."""
    row = Landmark.objects.create(region=region, name=name, description=description, point=Point(*lonlat, srid=4326),
                                  source=LandmarkSource.HAND, created_by=user)  # fmt: skip
    audit.record(actor=user, action="landmark.add", object_kind="landmark", object_id=row.pk, scope_id=region.pk,
                 name=name)  # fmt: skip
    keep_up.changed()
    return row


@transaction.atomic
def update(*, user: User, landmark: Landmark, said: dict[str, Any]) -> Landmark:
    """Change `name`, `description` or `lonlat`; one of the map stays as a person left it from then on."""
    row = Landmark.objects.select_for_update(of=("self",), no_key=True).get(pk=landmark.pk)
    if "lonlat" in said:
        lon, lat = said["lonlat"]
        row.point = Point(lon, lat, srid=4326)
    row.name, row.description = said.get("name", row.name), said.get("description", row.description)
    row.edited = True
    row.save()
    audit.record(actor=user, action="landmark.update", object_kind="landmark", object_id=row.pk,
                 scope_id=row.region_id, fields=sorted(said))  # fmt: skip
    keep_up.changed()
    return row


@transaction.atomic
def delete(*, user: User, landmark: Landmark) -> None:
    """Remove a landmark with its photos; one of the map comes back with the next import from it."""
    audit.record(actor=user, action="landmark.delete", object_kind="landmark", object_id=landmark.pk,
                 scope_id=landmark.region_id, name=landmark.name)  # fmt: skip
    landmark.delete()
    keep_up.changed()
