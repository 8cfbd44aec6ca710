"""Locks on pairs, for whoever stores what is derived from them."""

from collections.abc import Collection

from annotation.tiles.models import TilePair


def locked_pairs(pair_ids: Collection[int]) -> set[int]:
    """Lock these pairs until the caller's transaction ends; gives those that still exist.

    All who lock several take them here, in the order of their ids, so that no two wait for each other in a circle.
    """
    rows = TilePair.objects.select_for_update(no_key=True).filter(pk__in=pair_ids).order_by("pk")
    return set(rows.values_list("pk", flat=True))
