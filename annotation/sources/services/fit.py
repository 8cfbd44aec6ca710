"""Says on import what will not work with a source: a map beside the image, objects that no osmChange can carry."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from annotation.sources.models import Footprint, Imagery, MapSnapshot, SourceState

APART = "map and image do not touch: {other} of this region lies elsewhere; is this the right file?"


def notes_on_map(snapshot: MapSnapshot) -> list[str]:
    """What a person should know of a map whose rows are stored."""
    notes = []
    images = Imagery.objects.filter(region=snapshot.region_id, state=SourceState.READY, footprint__isnull=False)
    rows = Footprint.objects.filter(snapshot=snapshot)
    if images and not any(rows.filter(geometry__intersects=one.footprint).exists() for one in images):
        notes.append(APART.format(other="the imagery"))
    stuck, buildings = stuck_in(rows).count(), rows.count()
    if stuck:
        notes.append(
            f"{stuck} of {buildings} buildings come without OSM ids, versions or node ids: removals and new shapes of "
            "them can't leave as osmChange (.osc), only as GeoJSON; an .osm or .osm.pbf extract has them all"
        )
    return notes


def stuck_in(rows: QuerySet[Footprint]) -> QuerySet[Footprint]:
    """Of these buildings those whose edits can't leave as osmChange: ids, versions or nodes are missing."""
    return rows.filter(Q(osm_id__isnull=True) | Q(version__isnull=True) | Q(osm_type="way", nodes=[]))


def notes_on_image(imagery: Imagery) -> list[str]:
    """What a person should know of an image whose footprint is known."""
    maps = MapSnapshot.objects.filter(region=imagery.region_id, state=SourceState.READY)
    rows = Footprint.objects.filter(snapshot__in=maps)
    if maps and not rows.filter(geometry__intersects=imagery.footprint).exists():
        return [APART.format(other="the map")]
    return []
