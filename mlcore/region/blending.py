"""Gives the folds of a small region as much of the network they started from as tiles ask for that they did not see."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from scipy.special import expit, logit

from mlcore.evidence.ensemble import EvidenceEnsemble, best_share
from mlcore.evidence.model import EvidenceNetwork
from mlcore.evidence.prior import seen_pixels, shift_between
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource
from mlcore.progress import Progress, stop_if_asked

MOST_TILES = 24  # of every fold that are looked at
WHOLE = 0.97  # a start with less than the rest of this is left out: it would only cost time


def blend_with_start(
    networks: Sequence[EvidenceNetwork],
    start: EvidenceNetwork,
    fold_by_tile: Mapping[TileAddress, int],
    source: PairSource,
    progress: Progress,
) -> list[EvidenceEnsemble]:
    """The networks of all folds, each with as much of `start` beside it as is of use.

    The share, and the shift of the start's prior, are one number each for the whole region, fitted on tiles of all
    folds, each seen by its own fold's network, which did not learn from it. Shares of single folds, fitted on the
    others, mislead: where one fold's tiles look unlike the rest, its network is the one that knows least there, and
    the others' tiles say the opposite.
    """
    start = copy.deepcopy(start).to(next(networks[0].parameters()).device)
    members = [_some(tile for tile, other in fold_by_tile.items() if other == fold) for fold in range(len(networks))]
    said, drawn = [], []
    for fold, (network, tiles) in enumerate(zip(networks, members, strict=True)):
        stop_if_asked(progress)
        of_both, buildings = seen_pixels([EvidenceEnsemble([network]), EvidenceEnsemble([start])], source, tiles)
        said.append(of_both)
        drawn.append(buildings)
        progress.report((fold + 1) / len(networks), "what the start still knows")
    (tuned, general), mapped = np.concatenate(said, axis=1), np.concatenate(drawn)
    shift = shift_between(general, mapped)
    share = best_share(tuned, expit(logit(general) + shift), mapped)
    if share >= WHOLE:
        return [EvidenceEnsemble([network]) for network in networks]
    return [EvidenceEnsemble([network, start], [share, 1 - share], [0.0, shift]) for network in networks]


def _some(tiles: Iterable[TileAddress]) -> list[TileAddress]:
    ordered = sorted(tiles)
    return ordered[:: max(1, -(-len(ordered) // MOST_TILES))]
