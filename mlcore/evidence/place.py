"""Fits evidence learnt elsewhere to one place, by what the place's own map shows: a scan's first step, in seconds.

Where the features of the network tell the place's buildings better once they are weighed anew
(`mlcore.evidence.readout`), they are, and no tile is told by weights that were fitted on it: the place is cut into
strips, and every second one is read as the others ask for. Elsewhere the prior alone is shifted, by one number for all
(`mlcore.evidence.prior`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.special import expit
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.inference import ready
from mlcore.evidence.prior import believed, prior_of, sampled, shift_between
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.evidence.readout import ReadAnew, Readout, channels_of, fitted_readout
from mlcore.evidence.writing import CONTEXT_PX, Seen, as_input, seen_tile, with_context
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.pairs.prefetch import prefetched
from mlcore.pairs.source import PairSource

STRIPS = 4
BUILT_UP = 0.5  # of a pixel
PIXELS = 24576  # of half the tiles' resolution, of all tiles that are looked at
LEAST_PIXELS, LEAST_TILES = 200, STRIPS  # pixels with a building and without in each half of a place, and tiles in all


@dataclass(frozen=True)
class FittedPlace:
    """Evidence that is fitted to a place.

    Attributes:
        ensemble_of: who tells a tile.
        seen: what they say of the tiles that were looked at: no scan needs to ask again.
        readout: whether features were weighed anew; otherwise the prior alone was shifted.
    """

    ensemble_of: Callable[[TileAddress], EvidenceEnsemble]
    seen: Mapping[TileAddress, Seen]
    readout: bool


def fitted_place(
    ensemble: EvidenceEnsemble, source: PairSource, tiles: Sequence[TileAddress], threads: int = 1
) -> FittedPlace:
    """Args: tiles: mapped ones; at most 32 of them, spread evenly, are looked at. threads: so many at once.

    The work does not grow with the place.
    """
    fast = ready(ensemble)
    some, network = sampled(tiles), fast.members[0]
    if len(fast.members) > 1 or not isinstance(network, PyramidEvidence) or len(some) < LEAST_TILES:
        return _shifted(fast, source, some, threads)
    looked = list(
        prefetched(
            lambda tile: _look(network, source, tile, PIXELS // len(some)), some, workers=threads, ahead=threads + 1
        )
    )
    half_of = alternate_strips(some)
    readouts = _by_the_others([[one for one in looked if half_of(one.tile) == half] for half in (0, 1)])
    if readouts is None:
        seen = {one.tile: Seen([one.said(network)], one.valid) for one in looked}
        return _with_prior(fast, source, seen)
    readers = [ReadAnew(network, readout) for readout in (*readouts, Readout.mean_of(readouts))]
    voices = [_voice(reader) for reader in readers]
    known = set(tiles)
    seen = {one.tile: Seen([one.said(readers[half_of(one.tile)])], one.valid) for one in looked}
    return FittedPlace(lambda tile: voices[half_of(tile) if tile in known else 2], seen, readout=True)


def readouts_by_others(
    network: nn.Module, source: PairSource, groups: Sequence[Sequence[TileAddress]], threads: int = 1
) -> list[Readout] | None:
    """For each group of a place's tiles the readout of `network` that all other groups ask for.

    Returns:
        None where the network's features can't be read, or where the groups are not told better by these.
    """
    fast = ready(EvidenceEnsemble([network])).members[0]
    count = sum(map(len, groups))
    if not isinstance(fast, PyramidEvidence) or count < LEAST_TILES:
        return None

    def look(tile: TileAddress) -> _Looked:
        return replace(_look(fast, source, tile, PIXELS // count), levels=())

    return _by_the_others([list(prefetched(look, tiles, workers=threads, ahead=threads + 1)) for tiles in groups])


def alternate_strips(tiles: Sequence[TileAddress]) -> Callable[[TileAddress], int]:
    """0 or 1 of any tile: strips across the longer side of where `tiles` lie, in turn, with as many of them each.

    A strip begins and ends within a column (or row) where there are few.
    """
    wide = len({tile.x for tile in tiles}) >= len({tile.y for tile in tiles})

    def place(tile: TileAddress) -> tuple[int, int]:
        return (tile.x, tile.y) if wide else (tile.y, tile.x)

    places = sorted(map(place, tiles))
    cuts = [places[len(places) * number // STRIPS] for number in range(1, STRIPS)]
    return lambda tile: bisect_right(cuts, place(tile)) % 2


@dataclass(frozen=True)
class _Looked:
    """One tile: the decoder's channels, and some of its pixels with what the map shows there."""

    tile: TileAddress
    levels: tuple[Tensor, ...]
    sizes: tuple[int, ...]
    valid: np.ndarray
    channels: np.ndarray
    logits: np.ndarray
    drawn: np.ndarray

    def said(self, by: PyramidEvidence | ReadAnew) -> np.ndarray:
        """(2, S, S) float32 logits of the tile alone."""
        inner = slice(CONTEXT_PX, -CONTEXT_PX)
        with torch.inference_mode():
            logits = by.read(self.levels) if isinstance(by, ReadAnew) else by.said(self.levels)
        return logits[0, :, inner, inner].float().cpu().numpy().copy()


def _look(network: PyramidEvidence, source: PairSource, tile: TileAddress, pixels: int) -> _Looked:
    torch.set_num_threads(1)  # of this thread: what a network says must not depend on how many cores say it
    window = with_context(source.reader, tile)
    inner, half = slice(CONTEXT_PX, -CONTEXT_PX), slice(CONTEXT_PX // 2, -(CONTEXT_PX // 2))
    with torch.inference_mode():
        levels = network.levels(as_input(window.rgb[None], next(network.parameters()).device))
        channels = channels_of(levels)[0, :, half, half].flatten(1)
        logits = _halved(network.said(levels)[0, 0, inner, inner].float().cpu().numpy())
        valid = window.valid[inner, inner]
        whole = np.flatnonzero(_halved(valid.astype(np.float32)) == 1)
        rng = np.random.default_rng([tile.z, tile.x, tile.y])
        some = rng.choice(whole, min(pixels, len(whole)), replace=False) if len(whole) else whole
        chosen = channels[:, torch.from_numpy(some).to(channels.device)].T.cpu().numpy()
    drawn = _halved((source.building_mask(tile, TILE_PX) > 127).astype(np.float32))
    sizes = tuple(level.shape[1] for level in levels)
    return _Looked(tile, levels, sizes, valid, np.ascontiguousarray(chosen), logits[some], drawn[some])


def _halved(plane: np.ndarray) -> np.ndarray:
    """(S, S) -> (S * S / 4,) means of 2 x 2 pixels, row by row."""
    side = plane.shape[0] // 2
    return plane.reshape(side, 2, side, 2).mean(axis=(1, 3)).ravel()


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


def _by_the_others(groups: Sequence[Sequence[_Looked]]) -> list[Readout] | None:
    """For each group what all others ask for; None where the F1 of buildings is no higher by that, on their mean.

    It is held against the network's own word with its prior shifted as the others ask for.
    """
    pixels = [_pixels(group) for group in groups if group]
    enough = [min((drawn >= BUILT_UP).sum(), (drawn < BUILT_UP).sum()) >= LEAST_PIXELS for *_, drawn in pixels]
    if len(pixels) < len(groups) or not all(enough):
        return None
    readouts, gains = [], []
    with threadpool_limits(1, user_api="blas"):  # so that sums are the same on any number of cores
        for number, (channels, logits, drawn) in enumerate(pixels):
            others = _joined([one for other, one in enumerate(pixels) if other != number])
            readout, built_up = _fitted(*others, groups[0][0].sizes), drawn >= BUILT_UP
            alone = logits + shift_between(expit(others[1]), others[2] >= BUILT_UP)
            gains.append(_f1(_read(readout, channels, logits), built_up) - _f1(alone, built_up))
            readouts.append(readout)
    return readouts if sum(gains) > 0 else None


def _f1(logits: np.ndarray, built_up: np.ndarray) -> float:
    """Of buildings; the groups hold some."""
    called = logits >= 0
    return float(2 * (called & built_up).sum() / (called.sum() + built_up.sum()))


Pixels = tuple[np.ndarray, np.ndarray, np.ndarray]
"""(N, C) channels, (N,) logits and (N,) shares that the map draws."""


def _pixels(group: Sequence[_Looked]) -> Pixels:
    return _joined([(one.channels, one.logits, one.drawn) for one in group])


def _joined(parts: Sequence[Pixels]) -> Pixels:
    channels, logits, drawn = zip(*parts, strict=True)
    return np.concatenate(channels), np.concatenate(logits), np.concatenate(drawn)


def _voice(reader: ReadAnew) -> EvidenceEnsemble:
    voice = EvidenceEnsemble([reader])
    voice.ready = True
    return voice


def _shifted(fast: EvidenceEnsemble, source: PairSource, some: Sequence[TileAddress], threads: int) -> FittedPlace:
    looked = prefetched(lambda tile: seen_tile(fast, source.reader, tile), some, workers=threads, ahead=threads + 1)
    return _with_prior(fast, source, dict(zip(some, looked, strict=True)))


def _with_prior(fast: EvidenceEnsemble, source: PairSource, seen: Mapping[TileAddress, Seen]) -> FittedPlace:
    moved = fast.shifted(prior_of(fast, source, seen))
    return FittedPlace(lambda _: moved, seen, readout=False)
