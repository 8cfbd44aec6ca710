"""Reference sets come in, are described anew, and go: an admin's doing, each audited."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.gis.geos import MultiPolygon
from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import ConflictError, InvalidError
from annotation.common.services import jobs
from annotation.geolocation import engine
from annotation.geolocation.errors import NoFolderError, OfRegionError, ServerFileError, TooManyTilesError
from annotation.geolocation.models import ReferenceFile, ReferenceKind, ReferenceSet, ReferenceState
from annotation.geolocation.services import keep_up, prepare
from annotation.review.services import audit
from annotation.sources.errors import NameTakenError
from annotation.sources.services.files import Upload, relative, remove_folder, suffix_of, take_in

SUFFIXES = (".tif", ".tiff")
MOST_FILES = 1000
EDITED = ("name", "licence", "attribution", "open_to_all")


@transaction.atomic
def create_set(
    *,
    user: User | None,
    name: str,
    kind: str,
    licence: str,
    attribution: str,
    resolution_m: float | None = None,
    url_template: str = "",
    zoom: int | None = None,
    area: MultiPolygon | None = None,
    server_files: Sequence[str] = (),
    open_to_all: bool = False,
    viewers: Sequence[User] = (),
    wake: bool = True,
) -> ReferenceSet:
    """Register a set; one of tiles, or of files that lie on the server, is prepared by a job at once.

    Raises:
        NameTakenError: another set has the name.
        TileAddressError, TooManyTilesError: the tiles can't be fetched.
        ServerFileError, NoFolderError: a file on the server can't be used.
    """
    _check_name(name)
    row = ReferenceSet(
        name=name, kind=kind, licence=licence, attribution=attribution, resolution_m=resolution_m,
        open_to_all=open_to_all, created_by=user,
    )  # fmt: skip
    if kind == ReferenceKind.TILES:
        _describe_tiles(row, url_template, zoom, area)
    elif kind != ReferenceKind.FILES or url_template or zoom is not None:
        raise InvalidError("a set is one of files, or one of tiles with an address, a zoom and an area")
    row.save()
    row.viewers.set(viewers)
    told = {"name": name, "kind": kind, "url_template": row.url_template}
    audit.record(
        actor=user, action="reference_set.create", object_kind="reference_set", object_id=row.pk, scope_id=None, **told
    )
    for path in server_files:
        _add_server_file(row, path)
    if kind == ReferenceKind.TILES or server_files:
        prepare.start(of_set=row, user=user, wake=wake)
    return row


def _describe_tiles(row: ReferenceSet, template: str, zoom: int | None, area: MultiPolygon | None) -> None:
    if zoom is None or area is None:
        raise InvalidError("tiles need a zoom and the area that is to be fetched")
    row.url_template = engine.check_template(template, settings.REFERENCE_HOSTS)
    row.zoom, row.area = zoom, area
    if (count := engine.tiles_of(row)) > settings.REFERENCE_MAX_TILES:
        raise TooManyTilesError(
            f"about {count:,} tiles, {settings.REFERENCE_MAX_TILES:,} at most are fetched: choose a smaller area or a "
            "lower zoom, or raise MAPWRIGHT_REFERENCE_MAX_TILES where the server's terms allow it",
            tiles=count,
            most=settings.REFERENCE_MAX_TILES,
        )
    row.resolution_m = engine.tile_resolution_m(row)


@transaction.atomic
def add_file(*, user: User | None, of_set: ReferenceSet, file: Upload, wake: bool = True) -> ReferenceFile:
    """Take a raster into a set of files; a job reads it, cuts it, and has its features built. The same file comes once.

    Raises:
        OfRegionError, InvalidError: the set takes no files, or not one of this name.
        DiskFullError: there is no room for it.
    """
    of_set = _locked(of_set)
    if of_set.kind != ReferenceKind.FILES:
        raise InvalidError("this set takes no files: register one of files")
    suffix = suffix_of(file.name, SUFFIXES)
    row, new = ReferenceFile.objects.get_or_create(
        set=of_set, sha256=file.sha256, defaults={"original_name": file.name}
    )
    if not new and not row.error:
        return row
    target = engine.set_folder(of_set.pk) / "files" / str(row.pk) / f"upload{suffix}"
    try:
        take_in(file, target)
        row.original_name, row.upload_path, row.error = file.name, relative(target), ""
        row.save()
        audit.record(
            actor=user, action="reference_set.add_file", object_kind="reference_set", object_id=of_set.pk,
            scope_id=None, name=file.name, sha256=file.sha256,
        )  # fmt: skip
        prepare.start(of_set=of_set, user=user, wake=wake)
    except BaseException:
        remove_folder(target.parent)
        raise
    return row


def _add_server_file(of_set: ReferenceSet, path: str) -> None:
    for found in server_files(path):
        upload = Upload.from_path(found)
        ReferenceFile.objects.get_or_create(
            set=of_set, sha256=upload.sha256,
            defaults={"original_name": upload.name, "server_path": str(found.relative_to(_folder()))},
        )  # fmt: skip


def server_files(path: str) -> list[Path]:
    """The rasters that a path below the folder for reference imagery names: a file, or those of a folder.

    Raises:
        NoFolderError: MAPWRIGHT_REFERENCE_FOLDER is not set.
        ServerFileError: it leads out of the folder, or to no GeoTIFF.
    """
    folder = _folder()
    if "\0" in path:
        raise ServerFileError("a path holds no NUL character")
    found = (folder / path).resolve()
    if not found.is_relative_to(folder):
        raise ServerFileError(f"{path[:200]} leads out of the folder for reference imagery: name a path below it")
    files = sorted(found.rglob("*")) if found.is_dir() else [found]
    inside = [one for one in files if one.resolve().is_relative_to(folder) and one.is_file()]
    rasters = [one.resolve() for one in inside if one.suffix.lower() in SUFFIXES]
    if not rasters:
        raise ServerFileError(f"{path[:200]} is no GeoTIFF and no folder of them: check the path below the folder")
    if len(rasters) > MOST_FILES:
        raise ServerFileError(f"{path[:200]} holds {len(rasters):,} files, {MOST_FILES:,} at most: name its parts")
    return rasters


def _folder() -> Path:
    if not settings.REFERENCE_FOLDER:
        raise NoFolderError("there is no folder for reference imagery here: set MAPWRIGHT_REFERENCE_FOLDER, or upload")
    return Path(settings.REFERENCE_FOLDER).resolve()


@transaction.atomic
def update_set(*, user: User, of_set: ReferenceSet, changes: dict[str, Any]) -> ReferenceSet:
    """Change name, licence, attribution, and who may see it; what it is made of stays.

    Raises:
        OfRegionError: the region says all this.
        NameTakenError: another set has the name.
    """
    of_set = _locked(of_set)
    if changes.get("name", of_set.name) != of_set.name:
        _check_name(changes["name"])
    for field in EDITED:
        setattr(of_set, field, changes.get(field, getattr(of_set, field)))
    of_set.save(update_fields=EDITED)
    if "viewers" in changes:
        of_set.viewers.set(changes["viewers"])
    audit.record(
        actor=user, action="reference_set.update", object_kind="reference_set", object_id=of_set.pk, scope_id=None,
        changed=sorted(changes),
    )  # fmt: skip
    return of_set


def delete_set(*, user: User, of_set: ReferenceSet) -> None:
    """Remove a set with its bases and files; places that were found on it stay with their images.

    Raises:
        OfRegionError: it goes with the region's imagery.
    """
    with transaction.atomic():
        of_set = _locked(of_set)
        if of_set.job_id:
            jobs.cancel_unfinished(of_set.job_id)
        audit.record(
            actor=user, action="reference_set.delete", object_kind="reference_set", object_id=of_set.pk, scope_id=None,
            name=of_set.name,
        )  # fmt: skip
        folder = engine.set_folder(of_set.pk)
        keep_up.bases_changed()  # first: a build that ends locks its row before it writes to bases
        of_set.delete()
        transaction.on_commit(lambda: remove_folder(folder))


def _locked(of_set: ReferenceSet) -> ReferenceSet:
    row = ReferenceSet.objects.select_for_update(no_key=True).get(pk=of_set.pk)
    if row.kind == ReferenceKind.REGION:
        raise OfRegionError("this set is the imagery of a region: change or remove it there")
    return row


def _check_name(name: str) -> None:
    if ReferenceSet.objects.registered().filter(name=name).exists():
        raise NameTakenError(f"there is a reference set called {name!r} already: choose another name")


def check_retry(sender: Any, *, job: Any, **kwargs: Any) -> None:
    """Receiver of `job_retried`: a set is prepared again on its page, which says what is left to do."""
    if job.kind == prepare.KIND:
        raise ConflictError("prepare the set again on the page of reference imagery: that goes on where this stopped")


def mark_ended(sender: Any, *, job: Any, **kwargs: Any) -> None:
    """Receiver of `job_ended`: a set whose preparation failed or was stopped says so, and why."""
    if job.kind != prepare.KIND:
        return
    why = job.error_detail or "it was stopped; prepare it again to go on"
    ReferenceSet.objects.filter(job=job).exclude(state=ReferenceState.READY).update(
        state=ReferenceState.FAILED, error=why[:500]
    )
