"""Takes a file into a region: a pending row, the file in its folder, and the job that imports it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.contrib.gis.geos import MultiPolygon
from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import ConflictError
from annotation.common.services import jobs
from annotation.review.services import audit
from annotation.sources.models import Imagery, MapSnapshot, Region, SourceState
from annotation.sources.services.files import Upload, relative, remove_folder, source_folder, suffix_of, take_in

IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
MAP_SUFFIXES = (".osm", ".osm.gz", ".osm.pbf", ".pbf", ".geojson", ".json")
SourceT = TypeVar("SourceT", Imagery, MapSnapshot)


@dataclass(frozen=True)
class Added(Generic[SourceT]):
    """The source, and whether the same file was in the region already."""

    source: SourceT
    reused: bool


def add_imagery(
    *,
    user: User | None,
    region: Region,
    file: Upload,
    licence: str,
    attribution: str,
    captured_on: dt.date | None = None,
    wake: bool = True,
) -> Added[Imagery]:
    """Take an image in and queue its import; the same file of the same region is not taken twice.

    Raises:
        InvalidError: the file's name says no format that can be imported.
        DiskFullError: there is no room for it.
    """
    suffix = suffix_of(file.name, IMAGE_SUFFIXES)
    with transaction.atomic():
        existing = _same_file(Imagery, region, file)
        if existing:
            return Added(existing, reused=True)
        imagery = Imagery.objects.create(
            region=region,
            original_name=file.name,
            sha256=file.sha256,
            licence=licence,
            attribution=attribution,
            captured_on=captured_on,
            created_by=user,
        )
        _store(imagery, file, suffix, user, wake)
    return Added(imagery, reused=False)


def add_snapshot(
    *,
    user: User | None,
    region: Region,
    file: Upload,
    licence: str,
    attribution: str,
    area: MultiPolygon | None = None,
    taken_at: dt.datetime | None = None,
    wake: bool = True,
) -> Added[MapSnapshot]:
    """Take a map in and queue its import; `area` is where the map is complete (None: everywhere).

    Raises:
        InvalidError: the file's name says no format that can be imported.
        DiskFullError: there is no room for it.
    """
    suffix = suffix_of(file.name, MAP_SUFFIXES)
    with transaction.atomic():
        existing = _same_file(MapSnapshot, region, file)
        if existing and _same_area(existing.coverage, area):
            return Added(existing, reused=True)
        snapshot = MapSnapshot.objects.create(
            region=region,
            original_name=file.name,
            sha256=file.sha256,
            licence=licence,
            attribution=attribution,
            taken_at=taken_at,
            coverage=area,
            created_by=user,
        )
        _store(snapshot, file, suffix, user, wake)
    return Added(snapshot, reused=False)


def _same_file(model: type[SourceT], region: Region, file: Upload) -> SourceT | None:
    """A usable source of the same bytes; the region's row is locked, so that two equal uploads find each other."""
    if not Region.objects.select_for_update(no_key=True).filter(pk=region.pk).exists():
        raise ConflictError("the region was deleted meanwhile")
    same = model.objects.filter(region=region, sha256=file.sha256).exclude(state=SourceState.FAILED)
    return same.select_related("job").order_by("-pk").first()


def _same_area(one: MultiPolygon | None, other: MultiPolygon | None) -> bool:
    return one == other if one is None or other is None else one.equals(other)


def _store(source: Imagery | MapSnapshot, file: Upload, suffix: str, user: User | None, wake: bool) -> None:
    kind = "imagery" if isinstance(source, Imagery) else "map"
    folder = source_folder(source)
    target = folder / f"upload{suffix}"
    try:
        take_in(file, target)
        source.upload_path = relative(target)
        source.job = jobs.enqueue(
            kind=f"sources.import_{kind}",
            params={"source": source.pk},
            scope_id=source.region_id,
            created_by=user,
            dedup_key=str(source.pk),
            wake=wake,
        )
        source.save(update_fields=["upload_path", "job"])
        audit.record(
            actor=user,
            action=f"{kind}.add",
            object_kind=kind,
            object_id=source.pk,
            scope_id=source.region_id,
            name=source.original_name,
            sha256=source.sha256,
        )
    except BaseException:
        remove_folder(folder)
        raise
