"""Hough voting: every pair of like words says a base, a turn, a scale and a place; what many say is worth a look.

Cells of turn, scale and place overlap by half, so that what agrees is in one cell together whatever its borders. A pair
counts by how much nearer its word is than the query point's background (its last neighbour), and a query's point once
in each cell: the windows of one wall, or a field's furrows, don't outvote a place (burstiness: Jegou, Douze, Schmid
2009).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import product

import numpy as np

from mlcore.geolocation.local.features import LocalFeatures
from mlcore.geolocation.local.index import Near, WordIndex

TURNS = 12
SCALE_STEP = 0.7
"""Of log2."""
PLACE_STEP = 0.35
"""Of the query's diagonal on the base."""
MOST_SCALE = 3.0
"""log2: a query is at most so much larger or smaller."""
MOST_BASES = 256
"""Bases with the most votes, wherever these fall, whose cells are looked at."""
PLACES = 1 << 11


@dataclass(frozen=True, eq=False)
class Cell:
    """What the votes say of a base.

    Attributes:
        number: the base's; weight: sum of the votes.
        turn: radians, from the query's angles to the base's; scale: base pixels per query pixel, log2.
        middle: (2,) of the query, in pixels of the base.
    """

    number: int
    weight: float
    turn: float
    scale: float
    middle: np.ndarray


@dataclass(frozen=True, eq=False)
class _Votes:
    """(V,) each: the query's point, the base's number, the weight, and what is said; middle is (V, 2)."""

    row: np.ndarray
    number: np.ndarray
    weight: np.ndarray
    turn: np.ndarray
    scale: np.ndarray
    middle: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> _Votes:
        return _Votes(*(getattr(self, one.name)[chosen] for one in fields(self)))


def vote(query: LocalFeatures, size: tuple[int, int], near: Near, index: WordIndex, count: int) -> list[Cell]:
    """The best cell of each of the best bases, best first.

    Args:
        query: M points; size: width and height of its picture; near: (M, K) of its words.
        count: of bases at most.
    """
    votes = _of_many(_votes(query, size, near, index))
    if not len(votes.row):
        return []
    keys, member = _cells(votes, float(np.hypot(*size)))
    order = np.lexsort((-votes.weight[member], votes.row[member], keys))
    keys, member = keys[order], member[order]
    rows = votes.row[member]
    once = np.r_[True, (np.diff(keys) != 0) | (np.diff(rows) != 0)]
    keys, member = keys[once], member[once]
    starts = np.r_[0, np.flatnonzero(np.diff(keys)) + 1]
    ends, sums = np.r_[starts[1:], len(keys)], np.add.reduceat(votes.weight[member], starts)
    heaviest = np.argsort(-sums, kind="stable")
    _, first = np.unique(votes.number[member[starts[heaviest]]], return_index=True)
    found = []
    for cell in heaviest[np.sort(first)[:count]]:
        mine = votes[member[starts[cell] : ends[cell]]]
        share = mine.weight / mine.weight.sum()
        turn = float(np.angle((share * np.exp(1j * mine.turn)).sum()))
        middle = np.asarray(share @ mine.middle)
        found.append(Cell(int(mine.number[0]), float(sums[cell]), turn, float(share @ mine.scale), middle))
    return found


def _votes(query: LocalFeatures, size: tuple[int, int], near: Near, index: WordIndex) -> _Votes:
    usable = (near.entries >= 0) & np.isfinite(near.squares)
    background = np.where(usable, near.squares, 0).max(axis=1, keepdims=True, initial=0)
    weights = np.where(usable, 1 - near.squares / np.maximum(background, 1e-6), 0)
    row, column = np.nonzero(weights > 0)
    places = index.places[near.entries[row, column]]
    turn = places["angle"].astype(np.float64) - query.angle[row]
    scale = np.log2(np.maximum(places["size"].astype(np.float64), 1e-3) / np.maximum(query.size[row], 1e-3))
    arm = (np.array(size) / 2 - query.xy[row]) @ (1, 1j) * np.exp2(scale) * np.exp(1j * turn)
    middle = np.column_stack([places["x"] + arm.real, places["y"] + arm.imag])
    found = _Votes(row, places["number"].astype(np.int64), weights[row, column], turn, scale, middle)
    return found[np.abs(scale) <= MOST_SCALE]


def _of_many(votes: _Votes) -> _Votes:
    """The votes for the bases that have the most."""
    numbers, inverse = np.unique(votes.number, return_inverse=True)
    if len(numbers) <= MOST_BASES:
        return votes
    sums = np.bincount(inverse, votes.weight)
    least = np.partition(sums, -MOST_BASES)[-MOST_BASES]
    return votes[sums[inverse] >= least]


def _cells(votes: _Votes, diagonal: float) -> tuple[np.ndarray, np.ndarray]:
    """(16 V,) numbers of the cells that each vote is in, and which vote it is."""
    turn = np.floor(np.mod(votes.turn / (2 * np.pi), 1.0) * 2 * TURNS).astype(np.int64)
    scale = np.floor((votes.scale + MOST_SCALE) / SCALE_STEP * 2).astype(np.int64)
    keys = []
    for one_turn, one_scale in product((0, 1), repeat=2):
        in_turn, in_scale = (turn + one_turn) % (2 * TURNS), scale + one_scale
        step = PLACE_STEP * diagonal * np.exp2((in_scale / 2) * SCALE_STEP - MOST_SCALE)
        place = np.floor(votes.middle / step[:, None] * 2).astype(np.int64) + PLACES // 2
        for right, down in product((0, 1), repeat=2):
            x, y = np.clip(place + np.array([right, down]), 0, PLACES - 1).T
            keys.append((((votes.number * 32 + in_turn) * 32 + in_scale) * PLACES + x) * PLACES + y)
    return np.concatenate(keys), np.tile(np.arange(len(votes.row)), len(keys))
