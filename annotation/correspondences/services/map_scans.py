"""Map scans: a picture of a map comes in, a job finds it in the imagery in use and makes pairs of the two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.common.models import Job
from annotation.common.services import jobs
from annotation.common.services.jobs import JobContext
from annotation.common.streams import zip_archive
from annotation.correspondences import engine
from annotation.correspondences.errors import NoScanPairsError, NothingToResumeError, ScanAnsweredError
from annotation.correspondences.models import MapScan
from annotation.correspondences.services.scan_proposals import store_scan_pairs
from annotation.review.services import audit
from annotation.sources.errors import NoSourcesError
from annotation.sources.models import Region
from annotation.sources.selectors import imagery_in_use
from annotation.sources.services.files import Upload, absolute, region_folder, relative, remove_folder, take_in
from annotation.sources.services.files import suffix_of as ending_of

KIND = "correspondences.build_pairs"
SCAN_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
PIECE = 1 << 20
GONE = "the scan was removed meanwhile: add it again"


def scan_folder(scan: MapScan) -> Path:
    """Everything of one scan."""
    return region_folder(scan.region_id) / "scans" / str(scan.pk)


@transaction.atomic
def add(
    *,
    user: User | None,
    region: Region,
    file: Upload,
    points: Upload | None,
    licence: str,
    attribution: str,
    options: dict[str, Any],
    wake: bool = True,
) -> MapScan:
    """Take a picture of a map in, and queue the job that makes pairs of it and the imagery in use.

    Args:
        points: QGIS's `.points` that place it, for one that is not found.

    Raises:
        NoSourcesError: the region has no imagery yet.
        InvalidError: the file's name says no picture.
        DiskFullError: there is no room for it.
    """
    suffix = ending_of(file.name, SCAN_SUFFIXES)
    imagery = imagery_in_use(region)
    if imagery is None:
        raise NoSourcesError("the region has no imagery to find the map in: import some first")
    scan = MapScan.objects.create(
        region=region, imagery=imagery, original_name=file.name, sha256=file.sha256, licence=licence,
        attribution=attribution, options=options, created_by=user,
    )  # fmt: skip
    folder = scan_folder(scan)
    try:
        take_in(file, folder / f"upload{suffix}")
        scan.upload_path = relative(folder / f"upload{suffix}")
        if points is not None:
            take_in(points, folder / "upload.points")
            scan.points_path = relative(folder / "upload.points")
        scan.job = _enqueue(scan, user, wake)
        scan.save()
        told = {"name": scan.original_name, "sha256": scan.sha256}
        audit.record(
            actor=user, action="map_scan.add", object_kind="map_scan", object_id=scan.pk, scope_id=region.pk, **told
        )
    except BaseException:
        remove_folder(folder)
        raise
    return scan


def run(context: JobContext) -> None:
    """The job `correspondences.build_pairs`."""
    scan = MapScan.objects.select_related("imagery", "region", "job").filter(pk=context.params["scan"]).first()
    if scan is None:
        raise NotFoundError(GONE)
    imagery, zoom = scan.imagery, scan.region.zoom
    if zoom is None:
        raise NoSourcesError("the region has no imagery to find the map in: import some first")
    files = engine.ScanFiles(
        image=absolute(imagery.cog_path),
        scan=absolute(scan.upload_path),
        name=scan.original_name,
        points=absolute(scan.points_path) if scan.points_path else None,
        folder=scan_folder(scan) / "set",
        picture=engine.scan_picture(scan),
        licences={
            "image_licence": imagery.licence,
            "image_attribution": imagery.attribution,
            "map_licence": scan.licence,
            "map_attribution": scan.attribution,
        },
    )
    made = engine.build_scan_pairs(files, scan.options, context)
    pairs = engine.scan_pairs(scan, files.folder, files.image, zoom)
    placed = engine.scan_place(files.folder, made, files.image)
    told = {name: made[name] for name in ("pairs", "sampling_points", "left_out", "parts", "coarse")}
    with context.transaction(final=True):
        if not MapScan.objects.filter(pk=scan.pk).update(made=made, placed=placed):
            raise NotFoundError(GONE)
        context.set_result({**told, "proposals": store_scan_pairs(scan, pairs)})


def resume(*, user: User | None, scan: MapScan, wake: bool = True) -> MapScan:
    """Start the job of a scan again where the one before was stopped or failed; what that had done is kept.

    Raises:
        NothingToResumeError: its job is at work, or its pairs are made.
    """
    with transaction.atomic():
        scan = MapScan.objects.select_for_update(of=("self",), no_key=True).select_related("job").get(pk=scan.pk)
        if scan.made is not None:
            raise NothingToResumeError("its pairs are made already: there is nothing left to do")
        if scan.job is not None and not scan.job.finished:
            raise NothingToResumeError("its job has not ended: stop it first, or wait")
        scan.job = _enqueue(scan, user, wake)
        scan.save(update_fields=["job"])
        audit.record(
            actor=user, action="map_scan.resume", object_kind="map_scan", object_id=scan.pk, scope_id=scan.region_id
        )
    return scan


def _enqueue(scan: MapScan, user: User | None, wake: bool) -> Job:
    return jobs.enqueue(
        kind=KIND, params={"scan": scan.pk}, scope_id=scan.region_id, created_by=user, dedup_key=str(scan.pk), wake=wake
    )


def tile_png(scan: MapScan, tile: engine.TileAddress, size_px: int) -> bytes:
    """The picture of a placed scan on a tile.

    Raises:
        NoScanPairsError: nobody knows yet where it lies.
        NotFoundError: its files are gone.
    """
    if scan.made is None:
        raise NoScanPairsError("its place is not found yet: wait for the job, or see why it failed")
    if not engine.scan_picture(scan).is_file():
        raise NotFoundError("the picture of this scan is gone: add it again")
    return engine.scan_tile_png(engine.scan_picture(scan), absolute(scan.imagery.cog_path), scan.made, tile, size_px)


def archive(scan: MapScan) -> Iterator[bytes]:
    """The set of a scan as a ZIP, in pieces.

    Raises:
        NoScanPairsError: its job has not made it.
        NotFoundError: its files are gone.
    """
    if scan.made is None:
        raise NoScanPairsError("its pairs are not made yet: wait for the job, or see why it failed")
    folder = scan_folder(scan) / "set"
    if not (folder / "manifest.json").is_file():
        raise NotFoundError("the files of this scan are gone: add it again")
    return zip_archive((str(path.relative_to(folder)), _content(path)) for path in sorted(folder.rglob("*.*")))


def delete(*, user: User, scan: MapScan) -> None:
    """Remove a scan with its pairs and proposals; its job is stopped.

    Raises:
        ScanAnsweredError: people answered about its pairs.
    """
    folder = scan_folder(scan)
    with transaction.atomic():
        scan = MapScan.objects.select_for_update(of=("self",)).get(pk=scan.pk)
        if scan.proposals.filter(reviews__item__verdicts__isnull=False).exists():
            raise ScanAnsweredError("people answered about the pairs of this scan: it stays, with their answers")
        if scan.job_id:
            jobs.cancel_unfinished(scan.job_id)
        audit.record(
            actor=user, action="map_scan.delete", object_kind="map_scan", object_id=scan.pk, scope_id=scan.region_id
        )
        scan.delete()
    remove_folder(folder)


def _content(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
