"""Reads of tiles and pairs."""

from __future__ import annotations

from django.db.models import QuerySet

from annotation.sources.models import Imagery, MapSnapshot, Region
from annotation.sources.selectors import imagery_in_use, snapshot_in_use
from annotation.tiles.models import TilePair


def pairs_of(imagery: Imagery, snapshot: MapSnapshot) -> QuerySet[TilePair]:
    """Pairs of one imagery and one snapshot, row by row from the north-west."""
    pairs = TilePair.objects.filter(imagery=imagery, snapshot=snapshot)
    return pairs.select_related("tile").order_by("tile__y", "tile__x", "pk")


def pair_in_use(region: Region, z: int, x: int, y: int) -> TilePair | None:
    """The pair of the imagery and map in use on a tile of the region, else the newest one there; None without any."""
    imagery, snapshot = imagery_in_use(region), snapshot_in_use(region)
    pairs = TilePair.objects.filter(tile__region=region, tile__z=z, tile__x=x, tile__y=y)
    return max(
        pairs.select_related("tile", "imagery", "snapshot"),
        key=lambda pair: (pair.imagery == imagery, pair.snapshot == snapshot, pair.imagery_id, pair.snapshot_id),
        default=None,
    )


def pair_counts(region_id: int) -> dict[str, int]:
    """How many pairs the region has, and on how many of them the map is complete."""
    pairs = TilePair.objects.filter(tile__region=region_id)
    return {"pairs": pairs.count(), "mapped": pairs.filter(mapped=True).count()}
