"""Makes, changes and removes regions."""

from __future__ import annotations

from typing import Any

from django.contrib.gis.geos import MultiPolygon
from django.db import IntegrityError, transaction

from annotation.accounts.models import User
from annotation.common.errors import ConflictError
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.review.models import QueueItem
from annotation.review.services import audit
from annotation.sources.errors import InUseError, NameTakenError
from annotation.sources.models import Region
from annotation.sources.services.files import region_folder, remove_folder

DELETE_TRIES = 5
CHANGEABLE = ("name", "area", "zoom", "open_to_all", "first_look", "confirm_standing")


def create_region(
    *,
    user: User | None,
    name: str,
    zoom: int | None = None,
    area: MultiPolygon | None = None,
    open_to_all: bool = False,
    first_look: bool = True,
    confirm_standing: bool = False,
) -> Region:
    """Make a region; zoom and area left empty come from its first imagery.

    Args:
        first_look: whether the general model looks at what is imported by itself.
        confirm_standing: whether people may say of a building that it still stands, as an edit of its check_date.

    Raises:
        NameTakenError: another region has the name.
    """
    with transaction.atomic():
        _check_name(name)
        region = Region.objects.create(
            name=name, zoom=zoom, area=area, open_to_all=open_to_all, first_look=first_look,
            confirm_standing=confirm_standing, created_by=user,
        )  # fmt: skip
        audit.record(
            actor=user, action="region.create", object_kind="region", object_id=region.pk, scope_id=region.pk, name=name
        )
    return region


def update_region(*, user: User, region: Region, changes: dict[str, Any]) -> Region:
    """Change name, area, zoom, openness, whether it is looked at by itself, or whether buildings are confirmed.

    Raises:
        NameTakenError: another region has the name.
        InUseError: the zoom can't change any more, since tiles were made at it.
    """
    with transaction.atomic():
        region = Region.objects.select_for_update(no_key=True).get(pk=region.pk)
        if changes.get("name", region.name) != region.name:
            _check_name(changes["name"])
        if changes.get("zoom", region.zoom) != region.zoom and region.tiles.exists():
            raise InUseError("the zoom can't change once tiles were made at it: create another region")
        for field in CHANGEABLE:
            setattr(region, field, changes.get(field, getattr(region, field)))
        region.save()
        audit.record(
            actor=user,
            action="region.update",
            object_kind="region",
            object_id=region.pk,
            scope_id=region.pk,
            fields=sorted(changes),
        )
    return region


def _check_name(name: str) -> None:
    if Region.objects.filter(name=name).exists():
        raise NameTakenError(f"a region named {name} exists already: choose another name")


def delete_region(*, user: User | None, region: Region) -> None:
    """Remove a region with all that was made of it: jobs are stopped first, files go last.

    A job that is just storing its result holds its own row; stopping the jobs waits for it, and afterwards no job of
    the region can store anything.

    Raises:
        ConflictError: something kept being added to the region meanwhile.
    """
    for _ in range(DELETE_TRIES):
        jobs.cancel_scope(region.pk)
        try:
            _delete_rows(user, region)
        except IntegrityError:
            continue
        remove_folder(region_folder(region.pk))
        return
    raise ConflictError("the region is being added to: wait until uploads have ended, then delete it again")


@transaction.atomic
def _delete_rows(user: User | None, region: Region) -> None:
    audit.record(
        actor=user,
        action="region.delete",
        object_kind="region",
        object_id=region.pk,
        scope_id=region.pk,
        name=region.name,
    )
    QueueItem.objects.filter(scope_id=region.pk).delete()
    Region.objects.filter(pk=region.pk).delete()
    Job.objects.for_scope(region.pk).delete()
