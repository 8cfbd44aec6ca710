"""Fits evidence learnt elsewhere to how built-up a place is, as its map tells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlcore.changes.blend import EvidenceNetwork
from mlcore.changes.evidence import predict, with_context
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.tiles.pairs import PairSource

LIMIT = 4.0
SAMPLE = 32
STEPS = 30
EDGE = 1e-6


def prior_shift(models: Sequence[EvidenceNetwork], source: PairSource, tiles: Sequence[TileAddress]) -> float:
    """What to add to the building logit so that the mean evidence is the share of ground that the map calls built-up.

    A network that learnt from sparse places is too shy in a dense one: its prior is wrong, its order of pixels is not
    (label shift, as Saerens et al. 2002 correct it; here the new prior comes from the map). The map need not be right
    anywhere in particular, only complete on the whole.

    Args:
        tiles: at most 32 of them, spread evenly, are looked at.

    Returns:
        Within +-4; 0 where the image or the map shows nothing to go by.
    """
    step = max(1, len(tiles) // SAMPLE)
    logits, drawn = [], []
    for tile in sorted(tiles)[::step][:SAMPLE]:
        window = with_context(source.reader, tile)
        margin = (window.rgb.shape[0] - TILE_PX) // 2
        inner = slice(margin, margin + TILE_PX)
        seen = window.valid[inner, inner]
        values = predict(models, window.rgb[None])[0, 0, inner, inner][seen].clip(EDGE, 1 - EDGE)
        logits.append(np.log(values / (1 - values)))
        drawn.append(source.renderer.building_mask(tile, source.index, TILE_PX)[seen] > 127)
    if not logits:
        return 0.0
    evidence, built = np.concatenate(logits), np.concatenate(drawn)
    return _shift(evidence, float(built.mean())) if built.any() else 0.0


def _shift(logits: np.ndarray, share: float) -> float:
    """By bisection: the mean of sigmoid(logits + shift) grows with the shift."""
    low, high = -LIMIT, LIMIT
    for _ in range(STEPS):
        middle = (low + high) / 2
        if (1 / (1 + np.exp(-(logits + middle)))).mean() < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2
