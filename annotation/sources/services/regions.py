"""Makes, changes and removes regions."""

from __future__ import annotations

from typing import Any

from django.contrib.gis.geos import MultiPolygon
from django.db import IntegrityError, transaction
from django.db.models import Q

from annotation.accounts.models import User
from annotation.common.errors import ConflictError
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.review.models import QueueItem
from annotation.review.services import audit
from annotation.sources.errors import InUseError, NameTakenError
from annotation.sources.models import Imagery, MapSnapshot, Region, SourceState
from annotation.sources.services.files import region_folder, remove_folder, source_folder

DELETE_TRIES = 5


def create_region(
    *,
    user: User | None,
    name: str,
    zoom: int | None = None,
    area: MultiPolygon | None = None,
    open_to_all: bool = False,
) -> Region:
    """Make a region; zoom and area left empty come from its first imagery.

    Raises:
        NameTakenError: another region has the name.
    """
    with transaction.atomic():
        _check_name(name)
        region = Region.objects.create(name=name, zoom=zoom, area=area, open_to_all=open_to_all, created_by=user)
        audit.record(
            actor=user, action="region.create", object_kind="region", object_id=region.pk, scope_id=region.pk, name=name
        )
    return region


def update_region(*, user: User, region: Region, changes: dict[str, Any]) -> Region:
    """Change name, area, zoom or openness.

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
        for field in ("name", "area", "zoom", "open_to_all"):
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


def delete_source(*, user: User, source: Imagery | MapSnapshot) -> None:
    """Remove an imagery or a map that nothing was made of yet but tiles, which go along.

    Raises:
        InUseError: its tiles were described, scored or led to suggestions.
    """
    kind = "imagery" if isinstance(source, Imagery) else "map"
    folder = source_folder(source)
    if source.state == SourceState.PENDING and source.job_id:
        jobs.cancel_unfinished(source.job_id)
    with transaction.atomic():
        locked = type(source)._default_manager.select_for_update().get(pk=source.pk)
        worked = Q(anchors__isnull=False) | Q(scores__isnull=False) | Q(changes__isnull=False)
        if locked.pairs.filter(worked).exists():
            raise InUseError(
                f"tiles of this {kind} were described or scanned already: keep it and add a newer one, or choose "
                "another one on the region's page"
            )
        audit.record(
            actor=user, action=f"{kind}.delete", object_kind=kind, object_id=source.pk, scope_id=source.region_id
        )
        locked.delete()
    remove_folder(folder)
