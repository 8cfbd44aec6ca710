"""Some rows of many, at random or those that chance explains best, without reading all of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from django.db.models import F, QuerySet

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


def most_unsure(rows: QuerySet[Correspondences], kinds: Sequence[str], number: int) -> list[int]:
    """Ids of the `number` rows whose match chance explains best, those that nothing fits at all last.

    Rows of one kind and one matcher lie side by side in an index, in this order: a few of each such run are read and
    merged, and of rows of other kinds none.

    Args:
        rows: those that wait in one region, of one matcher or any.
        kinds: of transforms; "" is that of no match.
    """
    order = F("log10_nfa").desc(nulls_last=True), "pk"
    found = [
        row
        for run in (rows.filter(transform_kind=kind) for kind in kinds)
        for matcher in _matchers(run)
        for row in run.filter(matcher=matcher).order_by(*order).values_list("log10_nfa", "pk")[:number]
    ]
    found.sort(key=lambda row: (row[0] is None, -(row[0] or 0.0), row[1]))
    return [pk for _, pk in found[:number]]


def _matchers(rows: QuerySet[Correspondences]) -> Iterator[str]:
    """Whose proposals there are, by a step along the index for each."""
    names = rows.order_by("matcher").values_list("matcher", flat=True)
    last = names.first()
    while last is not None:
        yield last
        last = names.filter(matcher__gt=last).first()
