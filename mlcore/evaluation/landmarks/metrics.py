"""How far down the right items are: ranks, recall, mean average precision, and how far off positions are.

Items of one likeness count as if the wrong ones came first, so that a model that says the same of everything finds
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlcore.errors import InvalidInputError

RANKS = (1, 5, 10, 100)
MAP_AT = 1000
DISTANCES_KM = (1, 25, 200, 750, 2500)
"""Street, city, region, country, continent: the levels that photos' positions are usually told at."""
EARTH_KM = 6371.0088
BLOCK = 256
RESAMPLED = 1000


@dataclass(frozen=True, eq=False)
class Ranked:
    """What became of queries that have a right item: (Q,) each.

    Attributes:
        rank: of the first right item, from 1.
        precision: average precision over the first MAP_AT items.
        first: number of the item that came first.
        queries: numbers of these queries among all that were asked.
    """

    rank: np.ndarray
    precision: np.ndarray
    first: np.ndarray
    queries: np.ndarray


def rank_items(
    queries: np.ndarray, items: np.ndarray, query_owners: np.ndarray, item_owners: np.ndarray,
    skip: np.ndarray | None = None,
) -> Ranked:  # fmt: skip
    """Look for every query among items; a right item has the query's owner.

    Args:
        queries: (Q, D), items: (N, D) unit vectors.
        query_owners: (Q,), item_owners: (N,) whole numbers; negative ones own nothing.
        skip: (Q,) number of the item that is the query itself and is left out, -1 for none.

    Returns:
        Of the queries that have a right item.
    """
    ranks, precisions, firsts, known = [], [], [], []
    for start in range(0, len(queries), BLOCK):
        likeness = np.asarray(queries[start : start + BLOCK] @ items.T, np.float32)
        for row, number in zip(likeness, range(start, start + len(likeness)), strict=True):
            right = (item_owners == query_owners[number]) & (query_owners[number] >= 0)
            if skip is not None and skip[number] >= 0:
                right[skip[number]] = False
                row[skip[number]] = -np.inf
            if right.any():
                places = places_of(row, right)
                ranks.append(places[0])
                precisions.append(average_precision(places))
                firsts.append(_first(row, right))
                known.append(number)
    return Ranked(
        np.array(ranks, np.int64), np.array(precisions), np.array(firsts, np.int64), np.array(known, np.int64)
    )


def places_of(likeness: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Places of the right items, from 1, ascending.

    Args:
        likeness: (N,); right: (N,) bool.
    """
    wrong, mine = np.sort(likeness[~right]), np.sort(likeness[right])[::-1]
    above = len(wrong) - np.searchsorted(wrong, mine, side="left")
    return above + np.arange(1, len(mine) + 1)


def average_precision(places: np.ndarray, most: int = MAP_AT) -> float:
    """Of right items at these places, ascending from 1, over the first `most` items."""
    inside = places[places <= most]
    return float((np.arange(1, len(inside) + 1) / inside).sum() / min(len(places), most))


def figures(ranked: Ranked) -> dict[str, float]:
    """r1, r5, r10, r100: share of the queries with a right item among so many; map1k; median_rank; queries."""
    if not len(ranked.rank):
        return {}
    told = {f"r{most}": float((ranked.rank <= most).mean()) for most in RANKS}
    return told | {
        "map1k": float(ranked.precision.mean()),
        "median_rank": float(np.median(ranked.rank)),
        "queries": float(len(ranked.rank)),
    }


def values(ranked: Ranked) -> dict[str, np.ndarray]:
    """The same by query: (Q,) each, for `interval`."""
    return {f"r{most}": (ranked.rank <= most).astype(float) for most in RANKS} | {"map1k": ranked.precision}


def interval(value: np.ndarray, places: Sequence[str] | np.ndarray, seed: int = 0) -> tuple[float, float]:
    """95 % of a mean over queries, by drawing whole places again: queries of one place are no independent evidence.

    Args:
        value: (Q,); places: (Q,) names or numbers.

    Raises:
        InvalidInputError: nothing to draw from.
    """
    if not len(value):
        raise InvalidInputError("an interval needs one query or more")
    _, number = np.unique(np.asarray(places), return_inverse=True)
    sums, counts = np.bincount(number, value), np.bincount(number)
    drawn = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), RESAMPLED)
    means = drawn @ sums / np.maximum(drawn @ counts, 1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def chance(item_counts: np.ndarray, items: int) -> dict[str, float]:
    """What any order drawn by chance reaches on average: r1 ... r100.

    Args:
        item_counts: (Q,) right items of each query; items: how many there are.
    """
    told = {}
    for most in RANKS:
        some, missed = min(most, items), np.ones(len(item_counts))
        for place in range(some):  # the place holds none of the right ones, as those before it
            missed *= np.clip(1 - item_counts / max(items - place, 1), 0, 1)
        told[f"r{most}"] = float(1 - missed.mean())
    return told


def within_km(found: np.ndarray, true: np.ndarray) -> Mapping[str, float]:
    """Share of positions that are no farther off than DISTANCES_KM, and the median distance.

    Args:
        found, true: (Q, 2) longitude and latitude in degrees.
    """
    if not len(found):
        return {}
    off = distance_km(found, true)
    told = {f"within_{most}_km": float((off <= most).mean()) for most in DISTANCES_KM}
    return told | {"median_km": float(np.median(off))}


def distance_km(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(...) great-circle distance of (..., 2) longitudes and latitudes in degrees."""
    lon0, lat0, lon1, lat1 = np.radians([one[..., 0], one[..., 1], other[..., 0], other[..., 1]])
    half = np.sin((lat1 - lat0) / 2) ** 2 + np.cos(lat0) * np.cos(lat1) * np.sin((lon1 - lon0) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1))))


def _first(likeness: np.ndarray, right: np.ndarray) -> int:
    best = np.flatnonzero(likeness == likeness.max())
    return int(best[np.argmin(right[best])])
