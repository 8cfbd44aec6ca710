"""Ranks bases for a query by coarse matching: all of them, or those that an index of descriptors proposes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mlcore.geolocation.database import Block, FeatureDatabase
from mlcore.geolocation.extraction import Extractor
from mlcore.geolocation.features import PictureFeatures
from mlcore.geolocation.index import DescriptorIndex, Proposals
from mlcore.geolocation.looks import Look, summed_scores

BLOCK_BASES = 256


@dataclass(frozen=True, eq=False)
class Ranking:
    """Bases by their scores, best first: numbers (N,) and E of Eq. 11, summed, (N,)."""

    numbers: np.ndarray
    scores: np.ndarray


def compare_all(
    model: Extractor, database: FeatureDatabase, query: PictureFeatures, count: int, among: np.ndarray | None = None
) -> Ranking:
    """The best bases of a database, or of the numbers `among`, compared block by block from the memory map.

    Memory grows with a block, not with the database.
    """
    blocks = database.blocks(BLOCK_BASES) if among is None else database.chosen(among, BLOCK_BASES)
    return _ranked(model, blocks, query, count)


def compare_proposed(
    model: Extractor,
    database: FeatureDatabase,
    index: DescriptorIndex,
    query: PictureFeatures,
    count: int,
    proposals: int,
    among: np.ndarray | None = None,
) -> Ranking:
    """The best of the bases that the index proposes.

    Bases that came after the index was made are compared as well, and of those that were removed since none is.

    Args:
        proposals: how many are proposed, for each scale of the query.
        among: numbers of the bases that may be found; None: all of the database.
    """
    alive = database.numbers if among is None else np.intersect1d(database.numbers, among)
    gone = among is not None or _gaps(alive, index)
    proposed = propose(index, query, proposals, alive[alive < index.next_number] if gone else None)
    newer = alive[alive >= index.next_number]
    return _ranked(model, database.chosen(np.concatenate([proposed.numbers, newer])), query, count)


def ranked_again(model: Extractor, database: FeatureDatabase, looks: Sequence[Look], numbers: np.ndarray) -> Ranking:
    """Some bases, by what several looks at the query say of them together."""
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    for block in database.chosen(numbers, BLOCK_BASES):
        kept.append((block.numbers, summed_scores(model, looks, block.tokens, block.valid)))
    found, scores = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    best = np.lexsort((found, -scores))
    return Ranking(found[best], scores[best])


def propose(
    index: DescriptorIndex, query: PictureFeatures, proposals: int, among: np.ndarray | None = None
) -> Proposals:
    """What the index proposes for any of the query's scales, each base once with its best likeness."""
    views = getattr(query, "scales", (query,))
    found = [index.propose(view.descriptor, proposals, among) for view in views]
    numbers = np.concatenate([one.numbers for one in found])
    likeness = np.concatenate([one.likeness for one in found])
    order = np.argsort(-likeness, kind="stable")
    _, first = np.unique(numbers[order], return_index=True)
    kept = order[np.sort(first)]
    return Proposals(numbers[kept], likeness[kept])


def _gaps(alive: np.ndarray, index: DescriptorIndex) -> bool:
    """Whether bases that the index holds are gone from the database."""
    return int((alive < index.next_number).sum()) != index.next_number


def _ranked(model: Extractor, blocks: Iterable[Block], query: PictureFeatures, count: int) -> Ranking:
    numbers, scores = np.zeros(0, np.int64), np.zeros(0, np.float32)
    for block in blocks:
        numbers = np.concatenate([numbers, block.numbers])
        scores = np.concatenate([scores, model.compare_many(query, block.tokens, block.valid)])
        best = np.lexsort((numbers, -scores))[:count]  # equal scores in the order of their numbers, however blocks lie
        numbers, scores = numbers[best], scores[best]
    return Ranking(numbers, scores)
