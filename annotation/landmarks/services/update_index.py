"""The job that updates the search index: reads what is new of every region, lets the result serve."""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.utils import timezone

from annotation.common.engine import MlcoreError, Progress, SpanProgress, StoppedError, stop_if_asked
from annotation.common.errors import DomainError
from annotation.common.services.jobs import JobContext
from annotation.landmarks import engine, selectors
from annotation.landmarks.errors import NoSearchModelError
from annotation.landmarks.models import IndexState, Landmark, LandmarkPhoto, SearchIndex
from annotation.landmarks.services import keep_up
from annotation.landmarks.services.photos import photo_file
from annotation.sources.models import Region
from annotation.sources.selectors import imagery_in_use
from annotation.sources.services.files import remove_folder, room_on_disk

logger = logging.getLogger(__name__)
OF_TILES = 0.9
"""Share of the job that reads tiles."""


def run(context: JobContext) -> None:
    """Runner of `landmarks.update_index`; what comes while it works is taken up before it ends.

    Tiles are embedded once for each imagery and model. Beside that the job reads, of every region that is other than
    the last time, ids and scores of its tiles from the database: about 10 s for a million on one core.
    """
    while True:
        weights = engine.weights_in_use()
        if weights is None:
            raise NoSearchModelError(keep_up.NO_WEIGHTS)
        row = keep_up.row_of(weights)
        began = timezone.now()
        SearchIndex.objects.filter(pk=row.pk).update(job=context.job)
        with room_on_disk():
            read, failed = _read(row, engine.loaded(weights), context)
        with context.transaction():
            done = _store(row, began)
            if done:
                context.report(1.0, f"{row.tiles} tiles can be searched")
                told = {"tiles": row.tiles, "landmarks": row.landmarks, "photos": row.photos}
                context.set_result({**told, "read": read, "failed": failed})
                context.succeed()
        if done:
            return


def _read(row: SearchIndex, model: engine.LandmarkModel, context: JobContext) -> tuple[int, int]:
    """Read all that is new; how many tiles were, and how many regions could not be."""
    index = engine.index_folder(row)
    regions = list(Region.objects.order_by("pk"))
    first = context.params.get("region")
    regions.sort(key=lambda region: region.pk != first)
    read = failed = 0
    span = SpanProgress(context, 0.0, OF_TILES)
    for number, region in enumerate(regions):
        stop_if_asked(context)
        part = SpanProgress(span, number / len(regions), (number + 1) / len(regions))
        try:
            read += read_region(index, model, region, part)
        except StoppedError:
            raise
        except (DomainError, MlcoreError) as error:  # its imagery's file is gone: the others may do
            logger.warning("the tiles of region %s were not read: %s", region.pk, error)
            failed += 1
        _serve_first(row, index)
    texts = [engine.LandmarkText(pk, f"{name}. {said}".strip(". ")) for pk, name, said in
             Landmark.objects.order_by("pk").values_list("pk", "name", "description")]  # fmt: skip
    engine.write_owners(index, engine.TEXTS, selectors.owners_of_texts())
    engine.write_owners(index, engine.PHOTOS, selectors.owners_of_photos())
    engine.read_texts(index, model, texts, SpanProgress(context, OF_TILES, OF_TILES + 0.05))
    photos = [(photo.pk, photo_file(photo)) for photo in LandmarkPhoto.objects.exclude(landmark=None).order_by("pk")]
    engine.read_photos(index, model, photos, SpanProgress(context, OF_TILES + 0.05, 0.99))
    if not failed:
        engine.drop_strangers(index, [region.pk for region in regions], lambda: stop_if_asked(context))
    return read, failed


def read_region(index: engine.IndexFolder, model: engine.LandmarkModel, region: Region, progress: Progress) -> int:
    """Bring the tiles of a region into the index; one that is as it was the last time is passed over."""
    imagery = imagery_in_use(region)
    if imagery is None:
        engine.drop_region(index.regions, region.pk)
        return 0
    scan = selectors.newest_scans([region.pk]).get(region.pk)
    mark = selectors.mark_of(imagery, scan)
    noted = engine.read_state(index.regions, region.pk)
    if noted is not None and noted.mark == mark:
        return 0
    tiles = engine.region_tiles(imagery, scan, mark)
    return engine.read_tiles(index, model, tiles, engine.known_tiles(region.pk), progress)


def _serve_first(row: SearchIndex, index: engine.IndexFolder) -> None:
    """While no index serves, one that is being made does, with what it has so far."""
    row.tiles = engine.count_of(index, engine.TILES)
    if row.tiles and not SearchIndex.objects.serving().exclude(pk=row.pk).exists():
        now = timezone.now()
        SearchIndex.objects.filter(pk=row.pk).update(state=IndexState.SERVING, tiles=row.tiles, built_at=now)


def _store(row: SearchIndex, began: dt.datetime) -> bool:
    """Keep what came of it; whether that was all, or more came while it was at work.

    The index's row is locked: whoever says that something changed waits for this, and then starts another job.
    """
    locked = SearchIndex.objects.select_for_update(of=("self",), no_key=True).get(pk=row.pk)
    index = engine.index_folder(locked)
    in_use = engine.weights_in_use()
    newest = in_use is not None and in_use.sha256 == locked.model_digest
    fresh = locked.stale_since is None or locked.stale_since < began
    if newest:
        _retire_others(locked)
        locked.state = IndexState.SERVING
    for name in (engine.TILES, "landmarks", engine.PHOTOS):
        setattr(locked, name, engine.count_of(index, engine.TEXTS if name == "landmarks" else name))
    locked.size_bytes, locked.built_at = index.size_bytes(), timezone.now()
    locked.stale_since = None if fresh else locked.stale_since
    locked.save()
    row.tiles, row.landmarks, row.photos = locked.tiles, locked.landmarks, locked.photos
    return newest and fresh


def _retire_others(row: SearchIndex) -> None:
    """Retire what served; the newest of the retired stays on the disk, for a roll-back that then reads little."""
    others = SearchIndex.objects.exclude(pk=row.pk)
    others.exclude(state=IndexState.RETIRED).update(state=IndexState.RETIRED)
    for old in others.filter(state=IndexState.RETIRED).order_by("-built_at", "-pk")[1:]:
        folder = engine.index_folder(old).folder
        old.delete()
        transaction.on_commit(lambda folder=folder: remove_folder(folder))  # type: ignore[misc]
