"""Every direction in which one modality finds another, with intervals and what chance reaches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mlcore.evaluation.landmarks.features import Described
from mlcore.evaluation.landmarks.metrics import (
    chance,
    figures,
    interval,
    rank_items,
    values,
    within_km,
)


@dataclass(frozen=True)
class Direction:
    """One direction.

    Attributes:
        name: "text_to_aerial".
        figures: r1, r5, r10, r100, map1k, median_rank, queries; to gps also within_..._km and median_km.
        intervals: 95 % of r1 ... map1k, drawn by place.
        chance: r1 ... r100 of an order drawn by chance.
        items: in the gallery.
    """

    name: str
    figures: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    chance: Mapping[str, float]
    items: int

    def to_json(self) -> dict[str, object]:
        """JSON types."""
        return {
            "figures": dict(self.figures),
            "intervals": {name: list(one) for name, one in self.intervals.items()},
            "chance": dict(self.chance),
            "items": self.items,
        }


def direction(
    queries: Described, gallery: Described, asked: str, found: str, *, by: str = "sample", seed: int = 0
) -> Direction | None:
    """How well one modality finds another; None where one of them is missing, or no query has a right item.

    Args:
        queries, gallery: of the same samples, or one a part of the other: owners are the same numbers.
        asked, found: modalities; the same one leaves the query itself out.
        by: "sample": the right item is of the very sample; "group": it is of one with the same group.
    """
    if asked not in queries.modalities or found not in gallery.modalities:
        return None
    mine, theirs = queries.owners[asked], gallery.owners[found]
    query_owners, item_owners = (mine, theirs) if by == "sample" else (_groups(queries, mine), _groups(gallery, theirs))
    skip = None
    if asked == found:
        place = {int(owner): number for number, owner in enumerate(theirs)}
        skip = np.array([place.get(int(owner), -1) for owner in mine], np.int64)
    ranked = rank_items(queries.vectors[asked], gallery.vectors[found], query_owners, item_owners, skip)
    if not len(ranked.rank):
        return None
    owners = mine[ranked.queries]
    places = [queries.places[owner] for owner in owners]
    counted = np.unique(item_owners, return_counts=True)
    count_of = dict(zip(counted[0].tolist(), counted[1].tolist(), strict=True))
    right = np.array([count_of[int(owner)] for owner in query_owners[ranked.queries]]) - (asked == found)
    told = figures(ranked)
    if found == "gps":
        told |= within_km(gallery.gps[theirs[ranked.first]], queries.gps[owners]) if by == "sample" else {}
    return Direction(
        f"{asked}_to_{found}",
        told,
        {name: interval(value, places, seed) for name, value in values(ranked).items()},
        chance(right, len(theirs) - (asked == found)),
        len(theirs),
    )


def all_directions(queries: Described, gallery: Described | None = None, seed: int = 0) -> dict[str, Direction]:
    """Every direction between two modalities that the samples have, by name."""
    gallery = gallery or queries
    made = [
        direction(queries, gallery, asked, found, seed=seed)
        for asked in queries.modalities
        for found in gallery.modalities
        if asked != found
    ]
    return {one.name: one for one in made if one is not None}


def first_is_right(
    queries: Described, gallery: Described, asked: str, found: str, of: set[str] | None = None, seed: int = 0
) -> dict[str, float | list[float]]:
    """Share of the queries whose first item is of their own group.

    Args:
        of: only queries of these groups, of all items; None: all.

    Returns:
        share, interval, chance, queries; empty where there is no query.
    """
    some = queries if of is None else queries.only(np.array([group in of for group in queries.groups]))
    if asked not in some.modalities or found not in gallery.modalities:
        return {}
    query_groups, item_groups = _groups(some, some.owners[asked]), _groups(gallery, gallery.owners[found])
    ranked = rank_items(some.vectors[asked], gallery.vectors[found], query_groups, item_groups)
    if not len(ranked.rank):
        return {}
    right = (ranked.rank == 1).astype(float)
    low, high = interval(right, query_groups[ranked.queries], seed)
    counts = np.bincount(item_groups)
    return {
        "share": float(right.mean()),
        "interval": [low, high],
        "chance": float((counts[query_groups[ranked.queries]] / len(item_groups)).mean()),
        "queries": float(len(right)),
    }


def _groups(described: Described, owners: np.ndarray) -> np.ndarray:
    """(n,) numbers of the owners' groups, the same for the same name; samples without one are nobody's."""
    names = {name: number for number, name in enumerate(sorted(set(described.groups) - {""}))}
    return np.array([names.get(described.groups[owner], -1) for owner in owners], np.int64)
