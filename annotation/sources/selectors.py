"""Reads of regions and sources; what a person may not see is as missing as what does not exist."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.sources.models import Imagery, MapSnapshot, Region

Row = TypeVar("Row", bound=Model)


def visible_regions(user: User) -> QuerySet[Region]:
    """Regions the person may see."""
    return Region.objects.visible_to(user)


def get_region(user: User, region_id: int) -> Region:
    """The region, or NotFoundError where it is missing or not this person's."""
    return _one(visible_regions(user).filter(pk=region_id), f"no region {region_id}, or none you may see")


def get_imagery(user: User, imagery_id: int) -> Imagery:
    """The imagery of a region the person may see, with region and job."""
    rows = Imagery.objects.filter(pk=imagery_id, region__in=visible_regions(user)).select_related("region", "job")
    return _one(rows, f"no imagery {imagery_id}, or none you may see")


def get_snapshot(user: User, snapshot_id: int) -> MapSnapshot:
    """The map snapshot of a region the person may see, with region and job."""
    rows = MapSnapshot.objects.filter(pk=snapshot_id, region__in=visible_regions(user)).select_related("region", "job")
    return _one(rows, f"no map {snapshot_id}, or none you may see")


def _one(rows: QuerySet[Row], missing: str) -> Row:
    row = rows.first()
    if row is None:
        raise NotFoundError(missing)
    return row
