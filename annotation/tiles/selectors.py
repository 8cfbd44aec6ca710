"""Reads of tiles and pairs."""

from __future__ import annotations

from django.db.models import QuerySet

from annotation.sources.models import Imagery, MapSnapshot
from annotation.tiles.models import TilePair


def pairs_of(imagery: Imagery, snapshot: MapSnapshot) -> QuerySet[TilePair]:
    """Pairs of one imagery and one snapshot, row by row from the north-west."""
    pairs = TilePair.objects.filter(imagery=imagery, snapshot=snapshot)
    return pairs.select_related("tile").order_by("tile__y", "tile__x", "pk")


def latest_pair(region_id: int, z: int, x: int, y: int) -> TilePair | None:
    """The newest pair on a tile of the region, or None."""
    pairs = TilePair.objects.filter(tile__region=region_id, tile__z=z, tile__x=x, tile__y=y)
    return pairs.select_related("tile", "imagery", "snapshot").order_by("-imagery_id", "-snapshot_id").first()


def pair_counts(region_id: int) -> dict[str, int]:
    """How many pairs the region has, and on how many of them the map is complete."""
    pairs = TilePair.objects.filter(tile__region=region_id)
    return {"pairs": pairs.count(), "mapped": pairs.filter(mapped=True).count()}
