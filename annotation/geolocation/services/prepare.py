"""Prepares a set: reads its files in or fetches its tiles, and cuts both into bases."""

from __future__ import annotations

import shutil
from pathlib import Path

from django.conf import settings
from django.contrib.gis.db.models import Extent
from django.contrib.gis.geos import MultiPolygon, Polygon
from django.db import transaction

from annotation.accounts.models import User
from annotation.common.engine import MlcoreError, Progress, SpanProgress, StoppedError, stop_if_asked
from annotation.common.errors import NotFoundError
from annotation.common.services import jobs
from annotation.common.services.jobs import JobContext
from annotation.geolocation import engine, selectors
from annotation.geolocation.errors import NothingToPrepareError, OfRegionError, TileServerError
from annotation.geolocation.models import ReferenceBase, ReferenceFile, ReferenceKind, ReferenceSet, ReferenceState
from annotation.geolocation.services import keep_up
from annotation.sources.ingestion import ingest_image
from annotation.sources.services.files import absolute, called, clear_folder, relative, room_on_disk

KIND = selectors.PREPARE
BATCH = 1000
COARSEST_M = 10.0
"""Files of coarser ground are refused: no building and no road can be told on them."""
GONE = "the set was removed meanwhile: register it again"


def start(*, of_set: ReferenceSet, user: User | None, wake: bool = True) -> ReferenceSet:
    """Queue the job that prepares what of the set is not prepared: one at a time, it takes up what comes meanwhile."""
    job = jobs.enqueue(
        kind=KIND, params={"set": of_set.pk}, scope_id=None, created_by=user, dedup_key=str(of_set.pk), wake=wake
    )
    of_set.job, of_set.state, of_set.error = job, ReferenceState.CUTTING, ""
    of_set.save(update_fields=["job", "state", "error"])
    return of_set


@transaction.atomic
def again(*, of_set: ReferenceSet, user: User | None) -> ReferenceSet:
    """Go on where a preparation was stopped or failed; files that could not be read are tried again.

    Raises:
        OfRegionError: regions' imagery is cut by itself.
        NothingToPrepareError: it is ready, has no files yet, or is being prepared.
    """
    of_set = ReferenceSet.objects.select_for_update(of=("self",), no_key=True).select_related("job").get(pk=of_set.pk)
    if of_set.kind == ReferenceKind.REGION:
        raise OfRegionError("the imagery of a region is cut when features are built: build them instead")
    if of_set.job is not None and not of_set.job.finished:
        raise NothingToPrepareError("a job prepares this set now: wait for it, or stop it first")
    broken = of_set.files.exclude(error="")
    if of_set.state == ReferenceState.READY and not broken.exists():
        raise NothingToPrepareError("all of this set is prepared already")
    if of_set.kind == ReferenceKind.FILES and not of_set.files.exists():
        raise NothingToPrepareError("the set has no files yet: add some")
    broken.update(error="")
    return start(of_set=of_set, user=user)


def run(context: JobContext) -> None:
    """The job `geolocation.prepare`."""
    of_set = ReferenceSet.objects.filter(pk=context.params["set"]).first()
    if of_set is None:
        raise NotFoundError(GONE)
    while True:
        if of_set.kind == ReferenceKind.TILES:
            _fetch(of_set, context)
        else:
            _read_files(of_set, context)
        with context.transaction():
            if _finished(of_set):
                keep_up.bases_changed()
                context.set_result({"bases": of_set.base_count})
                context.succeed()
                return


def _finished(of_set: ReferenceSet) -> bool:
    """Whether nothing came meanwhile; the set's row is locked, so that what comes later starts a job of its own."""
    if not ReferenceSet.objects.select_for_update(no_key=True).filter(pk=of_set.pk).exists():
        raise NotFoundError(GONE)
    if _waiting(of_set):
        return False
    bases = ReferenceBase.objects.filter(set=of_set)
    of_set.base_count = bases.count()
    of_set.state, of_set.error = ReferenceState.READY, ""
    if not of_set.base_count:
        of_set.state, of_set.error = ReferenceState.FAILED, "no file of it could be used: see why beside each"
    extent = bases.aggregate(extent=Extent("footprint"))["extent"] if of_set.kind == ReferenceKind.FILES else None
    if extent:
        of_set.area = MultiPolygon(Polygon.from_bbox(extent), srid=4326)
    of_set.save(update_fields=["state", "error", "base_count", "area"])
    return True


def _waiting(of_set: ReferenceSet) -> list[ReferenceFile]:
    if of_set.kind != ReferenceKind.FILES:
        return []
    return list(of_set.files.filter(cog_path="", error="").order_by("pk"))


def _read_files(of_set: ReferenceSet, context: JobContext) -> None:
    waiting = _waiting(of_set)
    for number, file in enumerate(waiting):
        stop_if_asked(context)
        span = SpanProgress(context, number / len(waiting), (number + 1) / len(waiting))
        try:
            _read_file(of_set, file, context, span)
        except StoppedError:
            raise
        except MlcoreError as error:
            with context.transaction():
                ReferenceFile.objects.filter(pk=file.pk).update(error=str(error)[:500])


def _read_file(of_set: ReferenceSet, file: ReferenceFile, context: JobContext, progress: Progress) -> None:
    """One file as a clean copy, and its bases; both are stored at once."""
    source = Path(settings.REFERENCE_FOLDER) / file.server_path if file.server_path else absolute(file.upload_path)
    folder = engine.set_folder(of_set.pk) / "files" / str(file.pk)
    target = folder / f"image-{context.run_token}.tif"
    try:
        with room_on_disk(), called(source, file.original_name):
            clear_folder(folder, keep={source.name})
            info = ingest_image(source, target, SpanProgress(progress, 0.0, 0.9), COARSEST_M)
            file.cog_path, file.warnings = relative(target), list(info.notes)
            bases = engine.cut_file(of_set, file, info.resolution_m)
        with context.transaction():
            if not ReferenceFile.objects.filter(pk=file.pk).exists():
                raise NotFoundError(GONE)
            upload, file.upload_path = file.upload_path, ""
            file.save(update_fields=["cog_path", "warnings", "upload_path"])
            store_bases(bases)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    if upload:
        absolute(upload).unlink(missing_ok=True)
    progress.report(1.0, f"{file.original_name}: {len(bases)} bases")


def _fetch(of_set: ReferenceSet, context: JobContext) -> None:
    """Blocks of tiles that have no base yet, one after the other: each is whole or not there."""
    server = engine.TileServer(
        of_set.url_template, tuple(settings.REFERENCE_HOSTS), settings.REFERENCE_TILES_PER_SECOND
    )
    blocks = engine.tile_blocks(of_set)
    have = set(ReferenceBase.objects.filter(set=of_set).values_list("source", flat=True))
    cache = engine.set_folder(of_set.pk) / "tiles"
    for number, block in enumerate(blocks):
        if block.source not in have:
            _fetch_block(of_set, block, server, cache, context)
        context.report((number + 1) / len(blocks), f"{number + 1} of {len(blocks)} bases")
    if blocks and not ReferenceBase.objects.filter(set=of_set).exists():
        raise TileServerError("the server has no tile of this area at this zoom: check both on its own page")
    shutil.rmtree(cache, ignore_errors=True)


def _fetch_block(
    of_set: ReferenceSet, block: engine.TileBlock, server: engine.TileServer, cache: Path, context: JobContext
) -> None:
    tiles = list(block.tiles)
    with room_on_disk():
        files = engine.fetch_tiles(server, [tile for *_, tile in tiles], cache, context)
        if not files:
            return
        row = engine.block_row(of_set, block)
        target = engine.tile_picture(row)
        target.parent.mkdir(parents=True, exist_ok=True)
        pieces = [(column, line, str(files[tile])) for column, line, tile in tiles if tile in files]
        try:
            engine.mosaic_apart(block.first, (block.side, block.side), pieces, target, None)
        except engine.InvalidInputError:
            for _, _, path in pieces:  # asked for again once the address is right
                Path(path).unlink(missing_ok=True)
            raise
    with context.transaction():
        store_bases([row])


def store_bases(rows: list[ReferenceBase]) -> None:
    """Store new bases; those that are there stay."""
    ReferenceBase.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
