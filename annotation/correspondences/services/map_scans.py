"""Map scans: a picture of a map comes in, a job finds it in the imagery in use and makes pairs of the two."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db import transaction

from annotation.accounts.models import User
from annotation.common.errors import NotFoundError
from annotation.common.services import jobs
from annotation.common.services.jobs import JobContext
from annotation.common.streams import zip_archive
from annotation.correspondences import engine
from annotation.correspondences.errors import NoScanPairsError
from annotation.correspondences.models import MapScan
from annotation.review.services import audit
from annotation.sources.errors import NoSourcesError
from annotation.sources.models import Region
from annotation.sources.selectors import imagery_in_use
from annotation.sources.services.files import Upload, absolute, region_folder, relative, remove_folder, take_in
from annotation.sources.services.files import suffix_of as ending_of

SCAN_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg")
PIECE = 1 << 20


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
        scan.job = jobs.enqueue(
            kind="correspondences.build_pairs", params={"scan": scan.pk}, scope_id=region.pk, created_by=user,
            dedup_key=str(scan.pk), wake=wake,
        )  # fmt: skip
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
    scan = MapScan.objects.select_related("imagery").filter(pk=context.params["scan"]).first()
    if scan is None:
        raise NotFoundError("the scan was removed meanwhile: add it again")
    imagery = scan.imagery
    files = engine.ScanFiles(
        image=absolute(imagery.cog_path),
        scan=absolute(scan.upload_path),
        name=scan.original_name,
        points=absolute(scan.points_path) if scan.points_path else None,
        folder=scan_folder(scan) / "set",
        licences={
            "image_licence": imagery.licence,
            "image_attribution": imagery.attribution,
            "map_licence": scan.licence,
            "map_attribution": scan.attribution,
        },
    )
    made = engine.build_scan_pairs(files, scan.options, context)
    with context.transaction(final=True):
        MapScan.objects.filter(pk=scan.pk).update(made=made)
        context.set_result({name: made[name] for name in ("pairs", "sampling_points", "left_out", "parts", "coarse")})


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
    """Remove a scan with its pairs; its job is stopped."""
    folder = scan_folder(scan)
    if scan.job_id:
        jobs.cancel_unfinished(scan.job_id)
    with transaction.atomic():
        audit.record(
            actor=user, action="map_scan.delete", object_kind="map_scan", object_id=scan.pk, scope_id=scan.region_id
        )
        scan.delete()
    remove_folder(folder)


def _content(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
