"""Reads of regions and sources; what a person may not see is as missing as what does not exist."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from annotation.accounts.models import Role, User
from annotation.common.errors import InvalidError, NotFoundError
from annotation.common.models import MAX_ID, Job
from annotation.review.batches import NO_BATCH
from annotation.review.models import Batch
from annotation.sources.base_layers import BaseLayer, OsmUse
from annotation.sources.errors import NoSourcesError
from annotation.sources.models import Imagery, MapSnapshot, Region, RegionMember, SourceState

Row = TypeVar("Row", bound=Model)
MOST_LAYERS = 80
SourceRow = TypeVar("SourceRow", Imagery, MapSnapshot)


def visible_regions(user: User) -> QuerySet[Region]:
    """Regions the person may see."""
    return Region.objects.visible_to(user)


def batch_of_region(user: User, stage: str, batch_id: int) -> tuple[Batch, Region]:
    """A batch of a stage whose scope is a region, with that region.

    Raises:
        NotFoundError: the batch is missing, or its region not this person's to see.
    """
    batch = Batch.objects.filter(pk=batch_id, stage=stage).prefetch_related("people").first()
    if batch is None:
        raise NotFoundError(NO_BATCH)
    try:
        return batch, get_region(user, batch.scope_id)
    except NotFoundError as error:
        raise NotFoundError(NO_BATCH) from error


def get_region(user: User, region_id: int) -> Region:
    """The region, or NotFoundError where it is missing or not this person's."""
    return _one(visible_regions(user).filter(pk=region_id), f"no region {region_id}, or none you may see")


def check_scope(user: User, region_id: int) -> None:
    """Raise NotFoundError where the person may not see the region."""
    if not visible_regions(user).filter(pk=region_id).exists():
        raise NotFoundError(f"no region {region_id}, or none you may see")


def get_imagery(user: User, imagery_id: int) -> Imagery:
    """The imagery of a region the person may see, with region and job."""
    rows = Imagery.objects.filter(pk=imagery_id, region__in=visible_regions(user)).select_related("region", "job")
    return _one(rows, f"no imagery {imagery_id}, or none you may see")


def get_snapshot(user: User, snapshot_id: int) -> MapSnapshot:
    """The map snapshot of a region the person may see, with region and job."""
    rows = MapSnapshot.objects.filter(pk=snapshot_id, region__in=visible_regions(user)).select_related("region", "job")
    return _one(rows, f"no map {snapshot_id}, or none you may see")


def get_layer(user: User, region_id: int, layer_id: int) -> BaseLayer:
    """A layer that a region offers which the person may see."""
    region = get_region(user, region_id)
    return _one(BaseLayer.objects.for_region(region.pk).filter(pk=layer_id), f"the region offers no layer {layer_id}")


def titles_for_edits(region_id: int, layers: Any) -> list[str]:
    """Titles of layers by which a change of the map was accepted.

    Args:
        layers: their ids, as a page sent them; one that is offered no more is left out.

    Raises:
        InvalidError: no list of ids, or OSM may not be edited by one of them.
    """
    if not isinstance(layers, list) or len(layers) > MOST_LAYERS or not all(type(one) is int for one in layers):
        raise InvalidError(f"layers is a list of at most {MOST_LAYERS} ids of layers")
    found = list(BaseLayer.objects.for_region(region_id).filter(pk__in=[one for one in layers if 0 < one <= MAX_ID]))
    if forbidden := [one.title for one in found if one.osm_use == OsmUse.FORBIDDEN]:
        raise InvalidError(
            f"OSM may not be edited by {forbidden[0]}: look at the change on other imagery, then accept it"
        )
    return [one.title for one in found]


def _one(rows: QuerySet[Row], missing: str) -> Row:
    row = rows.first()
    if row is None:
        raise NotFoundError(missing)
    return row


def imagery_in_use(region: Region) -> Imagery | None:
    """The ready imagery that the region works with: the pinned one, else the newest by capture date."""
    return _in_use(Imagery.objects.filter(region=region), "captured_on", "region__pinned_imagery")


def snapshot_in_use(region: Region) -> MapSnapshot | None:
    """The ready map that the region works with: the pinned one, else the newest by its date."""
    return _in_use(MapSnapshot.objects.filter(region=region), "taken_at", "region__pinned_snapshot")


def newest_snapshot(region: Region) -> MapSnapshot | None:
    """The latest state of the map that is known here, whether it is in use or not."""
    return _in_use(MapSnapshot.objects.filter(region=region), "taken_at", None)


def newest_snapshot_id(region_id: int) -> int | None:
    """The id of the same."""
    return _wanted(MapSnapshot.objects.filter(region=region_id), "taken_at", None)


def telling_maps(region_id: int) -> dict[int, list[int]]:
    """Ids of the maps that are news to suggestions of older ones: the newest, and the pinned one; with those older."""
    ready = MapSnapshot.objects.filter(region=region_id, state=SourceState.READY).order_by("created_at", "pk")
    imported = list(ready.values_list("pk", "taken_at", "region__pinned_snapshot"))
    order = newest_first([row[:2] for row in imported])
    pinned = [row[0] for row in imported if row[0] == row[2]]
    return {one: order[order.index(one) + 1 :] for one in [*order[:1], *pinned]}


def _in_use(rows: QuerySet[SourceRow], date: str, pin: str | None) -> SourceRow | None:
    wanted = _wanted(rows, date, pin)
    return None if wanted is None else rows.select_related("region").filter(pk=wanted).first()


def _wanted(rows: QuerySet[SourceRow], date: str, pin: str | None) -> int | None:
    ready = rows.filter(state=SourceState.READY).order_by("created_at", "pk")
    imported = list(ready.values_list("pk", date, *filter(None, [pin])))
    pinned = {row[0] for row in imported if row[0] in row[2:]}
    order = list(pinned) or newest_first([(row[0], row[1]) for row in imported])
    return order[0] if order else None


def newest_first(imported: Sequence[tuple[int, dt.date | None]]) -> list[int]:
    """Ids of sources, the newest first, from their ids and dates in the order of import.

    A source without a date is as new as the newest that was there when it came, and of two that are equally new the
    later import goes first: it is used at once, and no longer than until one that is as new comes after it.
    """
    ranked: list[tuple[bool, dt.date | None, int, int]] = []
    newest: dt.date | None = None
    for order, (pk, dated) in enumerate(imported):
        as_new_as = dated or newest
        newest = max(filter(None, (newest, as_new_as)), default=None)
        ranked.append((as_new_as is not None, as_new_as, order, pk))
    return [pk for *_, pk in sorted(ranked, reverse=True)]


def current_sources(region: Region) -> tuple[Imagery, MapSnapshot]:
    """The imagery and map in use, both ready.

    Raises:
        NoSourcesError: one of them is missing.
    """
    imagery, snapshot = imagery_in_use(region), snapshot_in_use(region)
    if imagery is None or snapshot is None:
        missing = " and ".join(name for name, row in (("imagery", imagery), ("map", snapshot)) if row is None)
        raise NoSourcesError(f"the region has no {missing} that is ready: import it first, or wait for its import")
    return imagery, snapshot


def sources_of(
    region: Region, *, imagery: int | None = None, snapshot: int | None = None
) -> tuple[Imagery, MapSnapshot]:
    """An image and a map of the region, both ready: those named, else those in use.

    Raises:
        NotFoundError: the region has no such source that is ready.
        NoSourcesError: nothing is in use.
    """
    if imagery is None or snapshot is None:
        used = current_sources(region)
        imagery, snapshot = imagery or used[0].pk, snapshot or used[1].pk
    ready: dict[str, object] = {"region": region, "state": SourceState.READY}
    return (
        _one(Imagery.objects.filter(pk=imagery, **ready), f"the region has no imagery {imagery} that is ready"),
        _one(MapSnapshot.objects.filter(pk=snapshot, **ready), f"the region has no map {snapshot} that is ready"),
    )


def visible_jobs(user: User) -> QuerySet[Job]:
    """Jobs of regions the person may see, and those they started; all of them for admins."""
    if user.is_admin:
        return Job.objects.all()
    return Job.objects.filter(Q(scope_id__in=visible_regions(user).values("pk")) | Q(created_by=user))


def get_job(user: User, job_id: uuid.UUID) -> Job:
    """The job, or NotFoundError where it is missing or not this person's to see."""
    return _one(visible_jobs(user).filter(pk=job_id), f"no job {job_id}, or none you may see")


def people_of(region_id: int) -> QuerySet[User]:
    """Everyone active who sees the region, and may be given work in it."""
    people = User.objects.filter(is_active=True)
    if Region.objects.filter(pk=region_id, open_to_all=True).exists():
        return people
    member = RegionMember.objects.filter(user=OuterRef("pk"), region=region_id)
    return people.filter(Exists(member) | Q(is_superuser=True) | Q(role=Role.ADMIN))


def colleagues(region_id: int, ids: Sequence[int]) -> list[User]:
    """These people, all of whom must see the region.

    Raises:
        InvalidError: somebody does not.
    """
    people = list(people_of(region_id).filter(pk__in=ids))
    if len(people) != len(set(ids)):
        raise InvalidError("somebody on the list does not see this region; choose people from the list of colleagues")
    return people
