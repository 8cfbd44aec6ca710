"""Fits evidence learnt elsewhere to one place, by what the place's own map shows: a scan's first step, in seconds.

Where the features of the network tell the place's buildings better once they are weighed anew
(`mlcore.evidence.readout`), they are, and where they tell them better of larger pictures, these are shown
(`mlcore.evidence.judging`). No tile is told by weights that were fitted on it: the place is cut into strips, and every
second one is read as the others ask for. Elsewhere the prior alone is shifted, by one number for all
(`mlcore.evidence.prior`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from mlcore.evidence.enlarged import Enlarged
from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.inference import ready
from mlcore.evidence.judging import View, best_view
from mlcore.evidence.prior import prior_of, sampled
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.evidence.readout import ReadAnew, Readout
from mlcore.evidence.writing import Seen, seen_tile
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.prefetch import prefetched
from mlcore.pairs.source import PairSource

STRIPS = 4
LEAST_TILES = STRIPS


@dataclass(frozen=True)
class FittedPlace:
    """Evidence that is fitted to a place.

    Attributes:
        ensemble_of: who tells a tile.
        seen: what they say of tiles that were looked at: no scan needs to ask again. None of larger pictures whose
            features were weighed anew: to keep these takes much memory.
        readout: whether features were weighed anew; otherwise the prior alone was shifted.
        factor: by which pictures are enlarged before the network sees them.
    """

    ensemble_of: Callable[[TileAddress], EvidenceEnsemble]
    seen: Mapping[TileAddress, Seen]
    readout: bool
    factor: float = 1.0


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
    half_of = alternate_strips(some)
    halves = [[tile for tile in some if half_of(tile) == half] for half in (0, 1)]
    view = best_view(network, source, halves, threads, keep=True)
    factor = float(view.network.factor) if isinstance(view.network, Enlarged) else 1.0
    if view.readouts is None:
        seen = {one.tile: Seen([one.alone], one.valid) for of in view.looked for one in of}
        return _with_prior(_voice(view.network), source, seen, factor)
    return _read_anew(view, view.readouts, half_of, set(tiles), factor)


def _read_anew(
    view: View, readouts: Sequence[Readout], half_of: Callable[[TileAddress], int], known: set[TileAddress],
    factor: float,
) -> FittedPlace:  # fmt: skip
    """Tiles of `known` ground by the other half's map, all others by the mean of both."""
    readers = [ReadAnew(view.network, readout) for readout in (*readouts, Readout.mean_of(readouts))]
    voices = [_voice(reader) for reader in readers]
    looked = [one for of in view.looked for one in of if one.levels]
    seen = {one.tile: Seen([one.read(readers[half_of(one.tile)])], one.valid) for one in looked}
    return FittedPlace(lambda tile: voices[half_of(tile) if tile in known else 2], seen, True, factor)


def starts_by_others(
    network: PyramidEvidence, source: PairSource, groups: Sequence[Sequence[TileAddress]], threads: int = 1
) -> list[nn.Module]:
    """For each group of a place's tiles `network` as the map of all other groups asks for it, its prior as it is.

    Args:
        groups: few tiles each: all are looked at.
    """
    fast = ready(EvidenceEnsemble([network])).members[0]
    if not isinstance(fast, PyramidEvidence) or sum(map(len, groups)) < LEAST_TILES:
        return [network] * len(groups)
    view = best_view(fast, source, groups, threads)
    whole = Enlarged(network, float(view.network.factor)) if isinstance(view.network, Enlarged) else network
    return View(whole, view.readouts, view.looked, view.f1).readers()


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


def _voice(reader: nn.Module) -> EvidenceEnsemble:
    voice = EvidenceEnsemble([reader])
    voice.ready = True
    return voice


def _shifted(fast: EvidenceEnsemble, source: PairSource, some: Sequence[TileAddress], threads: int) -> FittedPlace:
    looked = prefetched(lambda tile: seen_tile(fast, source.reader, tile), some, workers=threads, ahead=threads + 1)
    return _with_prior(fast, source, dict(zip(some, looked, strict=True)))


def _with_prior(
    fast: EvidenceEnsemble, source: PairSource, seen: Mapping[TileAddress, Seen], factor: float = 1.0
) -> FittedPlace:
    moved = fast.shifted(prior_of(fast, source, seen))
    return FittedPlace(lambda _: moved, seen, False, factor)
