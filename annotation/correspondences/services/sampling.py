"""Some rows of many at random, without reading all of them."""

from __future__ import annotations

import random

from django.db.models import QuerySet

from annotation.correspondences.models import Correspondences

PROBES = 4
"""Ids are tried by so many for each row that is missing."""
AT_ONCE = 20_000
"""No more ids are tried by one query, however many are asked for."""


def sample(rows: QuerySet[Correspondences], number: int, rng: random.Random) -> list[int]:
    """Ids of `number` of the rows, all rows alike; of all of them, shuffled, where there are no more.

    Ids between the first and the last are tried at random, and those that stand for one of the rows are kept, which is
    as fair as a draw from the list of all and costs as much as is drawn, not as much as there is. As soon as, by what
    was tried so far, more ids would have to be tried than there are rows, the list is read after all.
    """
    ids = rows.values_list("pk", flat=True)
    low, high = ids.order_by("pk").first(), ids.order_by("-pk").first()
    if low is None or high is None:
        return []
    found: dict[int, None] = {}
    tried: set[int] = set()
    while len(found) < number and _worth_trying(number - len(found), len(found), len(tried), high - low + 1):
        more = max(PROBES * (number - len(found)), len(tried))
        fresh = [rng.randint(low, high) for _ in range(min(more, AT_ONCE))]
        fresh = [pk for pk in dict.fromkeys(fresh) if pk not in tried]
        there = set(ids.filter(pk__in=fresh))
        found.update(dict.fromkeys(pk for pk in fresh if pk in there))
        tried.update(fresh)
    if len(found) >= number:
        return list(found)[:number]
    everything = list(ids.order_by("pk"))
    return rng.sample(everything, min(number, len(everything)))


def _worth_trying(missing: int, found: int, tried: int, spread: int) -> bool:
    """Whether to try more ids costs less than to read the list.

    Args:
        spread: how many ids lie between the first row and the last.
    """
    share = (found + 1) / (tried + 1)
    return missing / share < min(share * spread, spread - tried)
