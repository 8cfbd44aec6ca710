"""Tiles and landmarks as an answer tells them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse

from annotation.landmarks import engine, selectors
from annotation.landmarks.models import Landmark, LandmarkPhoto
from annotation.landmarks.search.asked import Ground
from annotation.sources.engine import tile_version
from annotation.sources.models import Imagery
from annotation.tiles.engine import tile_address

Pairs = Sequence[tuple[int, float]]


def shown_tiles(ground: Ground, found: Pairs, away: Mapping[int, float] | None = None) -> list[dict[str, Any]]:
    """Tiles in this order; what is gone, may not be seen, or fits the wish no longer is left out. Five statements.

    Args:
        found: ids of tiles with their likeness.
        away: metres from the position that was asked for.
    """
    if ground.index is None or not found:
        return []
    ids = [tile_id for tile_id, _ in found]
    tiles = selectors.tiles_shown(ground.user, ids)
    regions = {tile.region_id for tile in tiles.values()}
    images = images_of(ground.index, regions)
    scores = selectors.scores_on(ids, selectors.newest_scans(regions).values())
    shown = []
    for tile_id, likeness in found:
        tile, score = tiles.get(tile_id), scores.get(tile_id)
        imagery = images.get(tile.region_id) if tile is not None else None
        if tile is None or imagery is None or not ground.wish.fits(score, imagery.captured_on):
            continue
        place = f"{tile.z}/{tile.x}/{tile.y}"
        shown.append({
            "tile": tile.pk, "region": tile.region_id, "region_name": tile.region.name, "address": place,
            "likeness": round(likeness, 4), "score": score, "captured_on": imagery.captured_on,
            "bounds": list(tile_address(tile).bounds_lonlat), "distance_m": (away or {}).get(tile_id),
            "image_url": f"/tiles/image/{imagery.pk}/{place}.webp?v={tile_version(imagery)}",
            "page_url": reverse("tile", args=[tile.region_id, tile.z, tile.x, tile.y]),
        })  # fmt: skip
    return shown


def images_of(index: engine.IndexFolder, regions: set[int]) -> dict[int, Imagery]:
    """The imagery that each region's tiles were read from, where it is still there."""
    noted = {region: state.imagery for region in regions if (state := engine.read_state(index.regions, region))}
    rows = {row.pk: row for row in Imagery.objects.filter(pk__in=noted.values()).defer("footprint", "repairs")}
    return {region: rows[pk] for region, pk in noted.items() if pk in rows}


def shown_landmarks(found: Sequence[tuple[Landmark, float]]) -> list[dict[str, Any]]:
    """Landmarks in this order, each with its first photo."""
    return [
        {
            "id": row.pk,
            "region": row.region_id,
            "name": row.name,
            "lon": row.point.x,
            "lat": row.point.y,
            "likeness": round(likeness, 4),
            "photo_url": next((photo_url(photo) for photo in row.photos.all()), None),
        }
        for row, likeness in found
    ]


def photo_url(photo: LandmarkPhoto) -> str:
    """Where the copy of a photo is served; it never changes."""
    return f"/api/landmark-photos/{photo.pk}/photo.webp?v={photo.sha256[:16]}"
