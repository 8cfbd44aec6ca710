"""Building evidence against the footprints of tiles that its network did not see."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlcore.evidence.picture import EvidenceReader
from mlcore.geometry.webmercator import TileAddress
from mlcore.pairs.source import PairSource

LEVEL = 0.5


def footprint_figures(source: PairSource, evidence: EvidenceReader, tiles: Sequence[TileAddress]) -> dict[str, float]:
    """Pixel by pixel: F1, IoU, precision and recall of `evidence >= 0.5` against the mapped buildings, over all tiles.

    The map may lie a metre or two off the image, and lacks some buildings: no method reaches 1.
    """
    both = seen = drawn = 0
    for tile in tiles:
        window = evidence.window(tile, margin_px=0)
        mask = source.building_mask(tile, window.building.shape[0]) > 127
        called = (window.building >= LEVEL) & window.valid
        mapped = mask & window.valid
        both, seen, drawn = both + int((called & mapped).sum()), seen + int(called.sum()), drawn + int(mapped.sum())
    union, total = seen + drawn - both, seen + drawn
    return {
        "building_f1": 2 * both / total if total else float(np.nan),
        "building_iou": both / union if union else float(np.nan),
        "building_precision": both / seen if seen else 0.0,
        "building_recall": both / drawn if drawn else 0.0,
        "tiles": float(len(tiles)),
    }
