"""One look at tiles of a place: what a network's features are there, and what the map shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mlcore.evidence.enlarged import Enlarged
from mlcore.evidence.pyramid import PyramidEvidence
from mlcore.evidence.readout import ReadAnew, channels_at
from mlcore.evidence.writing import CONTEXT_PX, as_input, with_context
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.pairs.source import PairSource

HALF_PX = TILE_PX // 2 + CONTEXT_PX
"""Side of what is seen of a tile, in pixels of half its resolution."""
Pixels = tuple[np.ndarray, np.ndarray, np.ndarray]
"""(N, C) channels, (N,) logits and (N,) shares that the map draws."""


@dataclass(frozen=True)
class Looked:
    """One tile: the decoder's channels, and some of its pixels with what the map shows there.

    Attributes:
        alone: (2, S, S) float32 logits, as the network says them.
        levels: as the network gives them; none where they were not kept.
        sizes: channels of each level.
        valid: (S, S) bool, where the image has pixels.
        channels, logits, drawn: `Pixels` of half the tile's resolution.
    """

    tile: TileAddress
    alone: np.ndarray
    levels: tuple[Tensor, ...]
    sizes: tuple[int, ...]
    valid: np.ndarray
    channels: np.ndarray
    logits: np.ndarray
    drawn: np.ndarray

    def read(self, reader: ReadAnew) -> np.ndarray:
        """(2, S, S) float32 logits of the tile as a readout says them, by the levels that were kept."""
        with torch.inference_mode():
            return _of_tile(reader.read(self.levels))


def look(
    network: PyramidEvidence | Enlarged, source: PairSource, tile: TileAddress, pixels: int, *, keep: bool = False
) -> Looked:
    """Args: pixels: at most so many, drawn at random, the same ones every time. keep: the levels."""
    torch.set_num_threads(1)  # of this thread: what a network says must not depend on how many cores say it
    window = with_context(source.reader, tile)
    inner = slice(CONTEXT_PX, -CONTEXT_PX)
    with torch.inference_mode():
        levels = network.levels(as_input(window.rgb[None], next(network.parameters()).device))
        alone = _of_tile(network.said(levels))
        logits = _halved(alone[0])
        valid = window.valid[inner, inner]
        whole = np.flatnonzero(_halved(valid.astype(np.float32)) == 1)
        rng = np.random.default_rng([tile.z, tile.x, tile.y])
        some = rng.choice(whole, min(pixels, len(whole)), replace=False) if len(whole) else whole
        places = np.stack(np.divmod(some, TILE_PX // 2)) + CONTEXT_PX // 2
        chosen = channels_at(levels, (HALF_PX, HALF_PX), places)
    drawn = _halved((source.building_mask(tile, TILE_PX) > 127).astype(np.float32))
    sizes = tuple(level.shape[1] for level in levels)
    kept = tuple(levels) if keep else ()
    return Looked(tile, alone, kept, sizes, valid, chosen, logits[some], drawn[some])


def pixels_of(looked: Sequence[Looked]) -> Pixels:
    """Of all of them."""
    return joined([(one.channels, one.logits, one.drawn) for one in looked])


def joined(parts: Sequence[Pixels]) -> Pixels:
    """Of some groups of tiles."""
    channels, logits, drawn = zip(*parts, strict=True)
    return np.concatenate(channels), np.concatenate(logits), np.concatenate(drawn)


def _of_tile(said: Tensor) -> np.ndarray:
    """(1, 2, S, S) of the tile and what lies around it -> (2, S, S) float32 of the tile."""
    inner = slice(CONTEXT_PX, -CONTEXT_PX)
    return said[0, :, inner, inner].float().cpu().numpy().copy()


def _halved(plane: np.ndarray) -> np.ndarray:
    """(S, S) -> (S * S / 4,) means of 2 x 2 pixels, row by row."""
    side = plane.shape[0] // 2
    return plane.reshape(side, 2, side, 2).mean(axis=(1, 3)).ravel()
