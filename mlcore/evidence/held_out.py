"""How well a network in training tells the buildings of tiles that it does not learn from: one figure per epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from mlcore.evidence.config import EvidenceConfig
from mlcore.evidence.model import EvidenceNetwork
from mlcore.evidence.samples import EvidenceSample
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource

MOST_TILES = 8
PIXEL_SHARE = 0.06
"""Of the pixels that an epoch learns from; asking takes a third of the time of learning: two per cent of it in all."""
LEVEL = 0.5


def held_out_tiles(source: PairSource, tiles: Sequence[TileAddress], config: EvidenceConfig) -> list[TileAddress]:
    """A few built-up tiles of `tiles`, spread over them, always the same ones."""
    built = [tile for tile in sorted(tiles) if any(polygons for _, polygons in source.footprints(tile))]
    learnt_px = config.steps_per_epoch * config.batch * config.crop_px**2
    count = min(MOST_TILES, len(built), max(1, int(PIXEL_SHARE * learnt_px / source.size_px**2)))
    return [built[number * len(built) // count] for number in range(count)]


def held_out_f1(
    network: EvidenceNetwork, samples: Sequence[EvidenceSample], *, device: str, half: bool = False
) -> float | None:
    """F1 of `evidence >= 0.5` against the footprints, pixel by pixel over all samples; None where none is mapped.

    The network is left in the mode it was in, and nothing random is drawn: a training goes on as if nobody had asked.
    """
    both = called = mapped = 0
    training, stride = network.training, network.config.stride_px
    network.eval()
    with torch.inference_mode(), torch.autocast(torch.device(device).type, torch.bfloat16, enabled=half):
        for sample in samples:
            side = sample.ids.shape[0] // stride * stride
            image = torch.from_numpy(np.ascontiguousarray(sample.image[:side, :side])).to(device)
            logits = network(image.permute(2, 0, 1)[None].float() / 255)  # (1, 2, side, side)
            known = sample.known[:side, :side]
            said = (torch.sigmoid(logits[0, 0].float()) >= LEVEL).cpu().numpy() & known
            true = (sample.ids[:side, :side] > 0) & known
            both, called, mapped = both + int((said & true).sum()), called + int(said.sum()), mapped + int(true.sum())
    network.train(training)
    return 2 * both / (called + mapped) if mapped else None
