"""Stores scores of a scan's tiles, the first time and whenever these are scored anew."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from annotation.consistency.models import Scan, TileScore
from annotation.tiles.engine import TileAddress, tiles_at
from annotation.tiles.services.lock import locked_pairs


def store_scores(scan: Scan, scores: Sequence[TileScore]) -> set[int]:
    """Put these scores in the place of older ones of the same tiles, in the caller's transaction.

    Returns:
        The pairs that have a score now: those deleted meanwhile are passed over.
    """
    ids = [row.pair_id for row in scores]
    alive = locked_pairs(ids)
    TileScore.objects.filter(scan=scan, pair_id__in=alive).delete()
    TileScore.objects.bulk_create([row for row in scores if row.pair_id in alive])
    return alive


def mark_outdated(scan: Scan, tiles: Collection[TileAddress]) -> int:
    """Have the scores of these tiles made anew; how many of them the scan has."""
    return TileScore.objects.filter(scan=scan, pair__tile__in=tiles_at(scan.region_id, tiles)).update(outdated=True)
