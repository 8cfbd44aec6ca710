"""Imports an uploaded image: a clean COG beside it, and what is known of it in its row."""

from __future__ import annotations

from django.contrib.gis.geos import MultiPolygon

from annotation.common.engine import SpanProgress
from annotation.common.services.jobs import JobContext
from annotation.sources.engine import grid_zoom, to_multipolygon
from annotation.sources.ingestion import ingest_image
from annotation.sources.models import Imagery, Region, SourceState
from annotation.sources.services.files import absolute, called, clear_folder, relative, room_on_disk, source_folder
from annotation.sources.services.fit import notes_on_image


def run(context: JobContext) -> None:
    """Runner of `sources.import_imagery`; a second run of a finished import does nothing."""
    imagery = Imagery.objects.get(pk=context.params["source"])
    if imagery.state == SourceState.READY:
        return
    upload, folder = absolute(imagery.upload_path), source_folder(imagery)
    target = folder / f"image-{context.run_token}.tif"
    try:
        with room_on_disk(), called(upload, imagery.original_name):
            clear_folder(folder, keep={upload.name})
            info = ingest_image(upload, target, SpanProgress(context, 0.0, 0.98))
        footprint = to_multipolygon(info.footprint_lonlat)
        imagery.cog_path, imagery.upload_path = relative(target), ""
        imagery.resolution_m, imagery.width, imagery.height = info.resolution_m, info.width, info.height
        imagery.footprint = footprint
        imagery.repairs, imagery.warnings = list(info.notes), notes_on_image(imagery)
        imagery.state = SourceState.READY
        with context.transaction(final=True):
            imagery.save()
            region = _give_grid(imagery.region_id, footprint, info.resolution_m)
            context.report(1.0, f"the image is stored, {info.width} x {info.height} pixels")
            context.set_result({"imagery": imagery.pk, "zoom": region.zoom, "resolution_m": info.resolution_m})
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    upload.unlink(missing_ok=True)


def _give_grid(region_id: int, footprint: MultiPolygon, resolution_m: float) -> Region:
    """The first imagery gives its region the area and zoom that nobody chose."""
    region = Region.objects.select_for_update(no_key=True).get(pk=region_id)
    if region.zoom is None:
        region.zoom = grid_zoom(resolution_m, footprint.centroid.y)
    if region.area is None:
        region.area = footprint
    region.save(update_fields=["zoom", "area"])
    return region
