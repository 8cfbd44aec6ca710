"""Gives the folds of a region as much of what they learnt as tiles ask for that they did not see, beside their start.

Tuning must never hurt, whether a region has eight tiles or eight hundred: what it changed counts only where it is
surely better, on ground that it did not learn from.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit
from torch import nn

from mlcore.cores import Cores
from mlcore.evidence.ensemble import EDGE, EvidenceEnsemble, best_share
from mlcore.evidence.inference import ready
from mlcore.evidence.model import EvidenceNetwork
from mlcore.evidence.place import starts_by_others
from mlcore.evidence.prior import seen_pixels, shift_between
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.geometry.webmercator import TileAddress
from mlcore.learning.threads import batches_at_once
from mlcore.pairs.prefetch import prefetched
from mlcore.pairs.source import PairSource
from mlcore.pairs.splits import geographic_folds
from mlcore.progress import Progress, stop_if_asked

MOST_TILES = 24  # of every fold that are looked at
WHOLE = 0.97  # whichever of both has less than the rest of this is left out: it would only cost time
BLOCKS = 12  # of ground, drawn with replacement: tiles side by side show much the same
DRAWS = 1000
SURE = 0.05  # of the draws may say that the start alone is better


@dataclass(frozen=True)
class Blend:
    """What the folds of a region see with.

    Attributes:
        networks: of every fold.
        tuned_share: how much of their evidence is what they learnt here; 0: the start's alone is kept.
    """

    networks: list[EvidenceEnsemble]
    tuned_share: float


def blend_with_start(
    networks: Sequence[EvidenceNetwork],
    start: EvidenceNetwork,
    fold_by_tile: Mapping[TileAddress, int],
    source: PairSource,
    progress: Progress,
    cores: Cores | None = None,
) -> Blend:
    """The networks of all folds, each with as much of `start` beside it as is of use.

    Each fold has the start fitted to the place by the tiles of the other folds, as untuned evidence is. The share, and
    the shift of the start's prior, are one number each for the whole region, fitted on tiles of all
    folds, each seen by its own fold's network, which did not learn from it. Shares of single folds, fitted on the
    others, mislead: where one fold's tiles look unlike the rest, its network is the one that knows least there, and
    the others' tiles say the opposite. What was learnt is left out where these tiles don't show that it helps
    (`surely_better`).

    Args:
        cores: what it may work on; None: on one.
    """
    start = copy.deepcopy(start).to(next(networks[0].parameters()).device)
    members = [_some(tile for tile, other in fold_by_tile.items() if other == fold) for fold in range(len(networks))]
    starts = _starts(start, source, members, cores)
    said, drawn, whose = [], [], list[TileAddress]()
    for fold, (network, known, tiles) in enumerate(zip(networks, starts, members, strict=True)):
        stop_if_asked(progress)
        for tile, of_both, buildings in _seen([network, known], source, tiles, cores):
            said.append(of_both)
            drawn.append(buildings)
            whose += [tile]
        progress.report((fold + 1) / len(networks), "what the start still knows")
    (tuned, general), mapped = np.concatenate(said, axis=1), np.concatenate(drawn)
    shift = shift_between(general, mapped)
    general = expit(logit(general) + shift)
    share = best_share(tuned, general, mapped)
    block_of = geographic_folds(whose, min(BLOCKS, len(whose)))
    blocks = np.repeat([block_of[tile] for tile in whose], [len(one) for one in drawn])
    if share <= 1 - WHOLE or not surely_better(share * tuned + (1 - share) * general, general, mapped, blocks):
        return Blend([EvidenceEnsemble([known], [1.0], [shift]) for known in starts], 0.0)
    if share >= WHOLE:
        return Blend([EvidenceEnsemble([network]) for network in networks], 1.0)
    pools = [
        EvidenceEnsemble([network, known], [share, 1 - share], [0.0, shift])
        for network, known in zip(networks, starts, strict=True)
    ]
    return Blend(pools, share)


def _starts(
    start: EvidenceNetwork, source: PairSource, members: Sequence[Sequence[TileAddress]], cores: Cores | None
) -> Sequence[nn.Module]:
    """The start as each fold has it: its features weighed as the other folds' tiles ask for, as a scan of an untuned
    model does (`mlcore.evidence.place`), where that tells the folds better.
    """
    if not isinstance(start, PyramidEvidence):
        return [start] * len(members)
    return starts_by_others(start, source, members, batches_at_once(cores, next(start.parameters()).device))


def surely_better(new: np.ndarray, old: np.ndarray, drawn: np.ndarray, blocks: np.ndarray) -> bool:
    """Whether new evidence explains the map better than old, beyond what chance does, and calls no fewer right.

    Better is the mean log-likelihood of the map's pixels, on all but `SURE` of draws of blocks with replacement (a
    paired block bootstrap: both are asked about the same ground), and the F1 of buildings is no lower. A tie is the
    old's.

    Args:
        new, old: (N,) evidence of building, 0..1.
        drawn: (N,) bool, whether the map has a building there.
        blocks: (N,) int, from 0, the block of ground of each pixel.
    """
    if not drawn.any():
        return False  # whatever says "nothing" would be right
    right = [np.where(drawn, one, 1 - one).clip(EDGE, 1) for one in (new, old)]
    gains = np.bincount(blocks, np.log(right[0]) - np.log(right[1]))
    sizes = np.bincount(blocks)
    some = np.random.default_rng(0).integers(len(sizes), size=(DRAWS, len(sizes)))
    means = gains[some].sum(axis=1) / np.maximum(sizes[some].sum(axis=1), 1)
    return bool(np.quantile(means, SURE) > 0 and building_f1(new, drawn) >= building_f1(old, drawn))


def building_f1(evidence: np.ndarray, drawn: np.ndarray) -> float:
    """F1 of (N,) evidence of a half and more against the map's buildings (N,); 0 where there is none of either."""
    called = evidence >= 0.5
    total = int(called.sum()) + int(drawn.sum())
    return 2 * int((called & drawn).sum()) / total if total else 0.0


def _seen(
    networks: Sequence[nn.Module], source: PairSource, tiles: Sequence[TileAddress], cores: Cores | None
) -> Iterable[tuple[TileAddress, np.ndarray, np.ndarray]]:
    """Each tile with what the networks say of it and what the map shows there."""
    voices = [ready(EvidenceEnsemble([network])) for network in networks]
    threads = batches_at_once(cores, voices[0].device)
    return prefetched(
        lambda tile: (tile, *seen_pixels(voices, source, [tile])), tiles, workers=threads, ahead=threads + 1
    )


def _some(tiles: Iterable[TileAddress]) -> list[TileAddress]:
    ordered = sorted(tiles)
    return ordered[:: max(1, -(-len(ordered) // MOST_TILES))]
