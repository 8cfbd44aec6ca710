"""Which view of a place tells its buildings best: how large its pictures are shown, and whether features are weighed
anew, by what ground says whose map took no part in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np
from scipy.special import expit
from threadpoolctl import threadpool_limits
from torch import nn

from mlcore.evidence.enlarged import Enlarged
from mlcore.evidence.looking import Looked, joined, look, pixels_of
from mlcore.evidence.prior import believed, shift_between
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.evidence.readout import ReadAnew, Readout, fitted_readout
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.prefetch import prefetched
from mlcore.pairs.source import PairSource

BUILT_UP = 0.5  # of a pixel
PIXELS = 24576  # of half the tiles' resolution, of all tiles that are looked at
LEAST_PIXELS = 200  # with a building and without, in each group
LARGER, GAIN = (1.5, 2.0), 0.01
"""Factors that are tried one after the other, as long as each tells the groups better by so much of F1."""
TRIED = 16  # tiles that a factor is tried on


@dataclass(frozen=True)
class View:
    """How a network is asked about groups of a place's tiles.

    Attributes:
        network: as it is, or shown larger pictures.
        readouts: for each group what all others ask for; None where that tells the groups no better.
        looked: by group.
        f1: of buildings on the groups, their mean, each told by the others; NaN where they show too little.
    """

    network: PyramidEvidence | Enlarged
    readouts: list[Readout] | None
    looked: list[list[Looked]]
    f1: float

    def readers(self) -> list[nn.Module]:
        """The network as each group is told by it, its prior as it is."""
        if self.readouts is None:
            return [self.network] * len(self.looked)
        return [ReadAnew(self.network, readout) for readout in self.readouts]


def best_view(
    network: PyramidEvidence,
    source: PairSource,
    groups: Sequence[Sequence[TileAddress]],
    threads: int = 1,
    *,
    keep: bool = False,
) -> View:
    """The view of `network` that tells each of the groups best by the map of the others.

    A place whose buildings are smaller than most that the network learnt from is seen better enlarged; that costs a
    scan more than twice the time, is looked into on some of the tiles, and held against all of them.

    Args:
        network: as `ready` makes it.
        keep: the levels of the network as it is, for each tile.
    """
    pixels = PIXELS // max(1, sum(map(len, groups)))

    def looks(by: PyramidEvidence | Enlarged, tiles: Iterable[TileAddress]) -> list[Looked]:
        def one(tile: TileAddress) -> Looked:
            return look(by, source, tile, pixels, keep=keep and by is network)

        return list(prefetched(one, tiles, workers=threads, ahead=threads + 1))

    looked = [looks(network, tiles) for tiles in groups]
    view = judged(network, looked)
    some = [_spread(tiles, TRIED // len(groups)) for tiles in groups]
    best = judged(network, [[one for one in of if one.tile in tiles] for of, tiles in zip(looked, some, strict=True)])
    for factor in LARGER if isfinite(best.f1) else ():
        larger = Enlarged(network, factor)
        tried = judged(larger, [looks(larger, tiles) for tiles in some])
        if not tried.f1 > best.f1 + GAIN:
            break
        best = tried
    if best.network is network:
        return view
    seen = {one.tile: one for of in best.looked for one in of}
    rest = {one.tile: one for one in looks(best.network, [t for of in groups for t in of if t not in seen])}
    whole = judged(best.network, [[(seen | rest)[tile] for tile in tiles] for tiles in groups])
    return whole if whole.f1 > view.f1 + GAIN else view


def judged(network: PyramidEvidence | Enlarged, looked: list[list[Looked]]) -> View:
    """For each group what all others ask for, where the F1 of buildings is higher by that on their mean.

    It is held against the network's own word with its prior shifted as the others ask for.
    """
    pixels = [pixels_of(group) for group in looked if group]
    enough = [min((drawn >= BUILT_UP).sum(), (drawn < BUILT_UP).sum()) >= LEAST_PIXELS for *_, drawn in pixels]
    if len(pixels) < max(2, len(looked)) or not all(enough):
        return View(network, None, looked, float("nan"))
    readouts, anew, alone = [], [], []
    with threadpool_limits(1, user_api="blas"):  # so that sums are the same on any number of cores
        for number, (channels, logits, drawn) in enumerate(pixels):
            others = joined([one for other, one in enumerate(pixels) if other != number])
            readout, built_up = _fitted(*others, looked[0][0].sizes), drawn >= BUILT_UP
            shifted = logits + shift_between(expit(others[1]), others[2] >= BUILT_UP)
            anew.append(_f1(_read(readout, channels, logits), built_up))
            alone.append(_f1(shifted, built_up))
            readouts.append(readout)
    better = float(np.mean(anew)) > float(np.mean(alone))
    return View(network, readouts if better else None, looked, float(np.mean(anew if better else alone)))


def _spread(tiles: Sequence[TileAddress], most: int) -> list[TileAddress]:
    ordered = sorted(tiles)
    return [ordered[len(ordered) * number // most] for number in range(most)] if len(ordered) > most else ordered


def _fitted(channels: np.ndarray, logits: np.ndarray, drawn: np.ndarray, sizes: Sequence[int]) -> Readout:
    """The readout that these pixels ask for, by the labels that are believed."""
    built_up = drawn >= BUILT_UP
    shift = shift_between(expit(logits), built_up)

    def fitted(said: np.ndarray) -> Readout:
        kept = believed(said, built_up)
        return fitted_readout(channels[kept], logits[kept], drawn[kept], sizes, shift)

    return fitted(_read(fitted(logits + shift), channels, logits))


def _read(readout: Readout, channels: np.ndarray, logits: np.ndarray) -> np.ndarray:
    weights = np.concatenate(readout.weights).astype(np.float32)
    return np.asarray(readout.scale * logits + channels @ weights + readout.bias)


def _f1(logits: np.ndarray, built_up: np.ndarray) -> float:
    """Of buildings; the groups hold some."""
    called = logits >= 0
    return float(2 * (called & built_up).sum() / (called.sum() + built_up.sum()))
