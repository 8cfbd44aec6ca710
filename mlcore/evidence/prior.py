"""Fits evidence learnt elsewhere to how built-up a place is, as its map tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.special import expit, logit

from mlcore.evidence.ensemble import EvidenceEnsemble
from mlcore.evidence.inference import ready
from mlcore.evidence.writing import CONTEXT_PX, Seen, pooled_evidence, predict, seen_tile, with_context
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.pairs.source import PairSource

LIMIT = 4.0
SAMPLE = 32
STEPS = 30
EDGE = 1e-6
ROUNDS, MISSED_BUILDING = 2, 0.7


def prior_shift(ensemble: EvidenceEnsemble, source: PairSource, tiles: Sequence[TileAddress]) -> float:
    """What to add to the building logit so that the mean evidence is the share of ground that the map calls built-up.

    A network that learnt from sparse places is too shy in a dense one: its prior is wrong, its order of pixels is not
    (label shift, as Saerens et al. 2002 correct it; here the new prior comes from the map). The map need not be right
    anywhere in particular, and may lack buildings that the network is sure of.

    Args:
        tiles: at most 32 of them, spread evenly, are looked at.

    Returns:
        Within +-4; 0 where the image or the map shows nothing to go by.
    """
    fast = ready(ensemble)
    return prior_of(fast, source, {tile: seen_tile(fast, source.reader, tile) for tile in sampled(tiles)})


def sampled(tiles: Sequence[TileAddress]) -> list[TileAddress]:
    """At most 32 tiles, spread evenly in their order."""
    ordered = sorted(tiles)
    return [ordered[len(ordered) * number // SAMPLE] for number in range(SAMPLE)] if len(ordered) > SAMPLE else ordered


def prior_of(ensemble: EvidenceEnsemble, source: PairSource, seen: Mapping[TileAddress, Seen]) -> float:
    """`prior_shift`, of tiles that were looked at."""
    said, drawn = [np.zeros(0, np.float32)], [np.zeros(0, bool)]
    for tile, one in seen.items():
        said.append(pooled_evidence(ensemble, one)[0][one.valid])
        drawn.append(source.building_mask(tile, TILE_PX)[one.valid] > 127)
    return shift_between(np.concatenate(said), np.concatenate(drawn))


def seen_pixels(
    voices: Sequence[EvidenceEnsemble], source: PairSource, tiles: Sequence[TileAddress]
) -> tuple[np.ndarray, np.ndarray]:
    """What ensembles say and what the map shows, on every pixel of `tiles` with image.

    Args:
        voices: K of them.

    Returns:
        (K, N) evidence of building, and (N,) bool, the map's buildings.
    """
    inner, voices = slice(CONTEXT_PX, -CONTEXT_PX), [ready(one) for one in voices]
    said, drawn = [np.zeros((len(voices), 0), np.float32)], [np.zeros(0, bool)]
    for tile in tiles:
        window = with_context(source.reader, tile)
        valid = window.valid[inner, inner]
        said.append(np.stack([predict(one, window.rgb[None])[0, 0, inner, inner][valid] for one in voices]))
        drawn.append(source.building_mask(tile, TILE_PX)[valid] > 127)
    return np.concatenate(said, axis=1), np.concatenate(drawn)


def shift_between(evidence: np.ndarray, drawn: np.ndarray) -> float:
    """`prior_shift` of (N,) evidence that was seen already, where `drawn` (N,) are the map's buildings."""
    if not drawn.any():
        return 0.0
    logits = logit(evidence.clip(EDGE, 1 - EDGE))
    shift = _shift(logits, float(drawn.mean()))
    for _ in range(ROUNDS):
        kept = believed(logits + shift, drawn)
        shift = _shift(logits[kept], float(drawn[kept].mean()))
    return shift


def believed(logits: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """(N,) bool: False where the network is sure of a building that the map lacks.

    Maps lack buildings more often than they invent them. Counted as ground, each of those would make the network shyer.
    """
    return np.asarray((logits <= logit(MISSED_BUILDING)) | drawn)


def _shift(logits: np.ndarray, share: float) -> float:
    """By bisection: the mean of sigmoid(logits + shift) grows with the shift."""
    low, high = -LIMIT, LIMIT
    for _ in range(STEPS):
        middle = (low + high) / 2
        if expit(logits + middle).mean() < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2
