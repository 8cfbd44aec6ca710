"""Changed and untouched editions of the same tile against each other: what the map had wrong before cancels out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlcore.errors import InvalidInputError
from mlcore.evaluation.metrics import Interval, auroc


def same_tile_auroc(
    changed: np.ndarray,
    doubts: Sequence[np.ndarray],
    tile: np.ndarray,
    block: np.ndarray,
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Interval:
    """Probability that a tile is doubted more with a change than without, over tiles that were seen in both states.

    An AUROC over all tiles asks which of two places is wrong, and counts a place whose map was wrong before any edit as
    a false alarm. This one asks whether the edit was noticed at all (a stratified AUROC, by tile).

    Args:
        changed: (N,) bool.
        doubts: (N,) scores of every seed, higher = changed; the figure is the mean over seeds.
        tile, block: (N,) numbers of each pair's tile and of its geographic block, for the bootstrap.

    Raises:
        InvalidInputError: no tile was seen both with and without a change.
    """
    won, of, blocks = [], [], []
    for number in np.unique(tile):
        here = tile == number
        wrong = int(changed[here].sum())
        pairs = wrong * (int(here.sum()) - wrong)
        if pairs:
            won.append(pairs * float(np.mean([auroc(changed[here], doubt[here]) for doubt in doubts])))
            of.append(pairs)
            blocks.append(block[here][0])
    if not of:
        raise InvalidInputError("no tile was seen both with and without a change: score more editions")
    names = np.unique(blocks)
    sums = np.array([[np.sum(np.array(one)[blocks == name]) for one in (won, of)] for name in names])
    drawn = sums[np.random.default_rng(seed).integers(len(names), size=(draws, len(names)))].sum(axis=1)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return Interval(float(sum(won) / sum(of)), float(low), float(high))
