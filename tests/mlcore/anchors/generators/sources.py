"""Tiles and made pictures of them, for generators."""

from __future__ import annotations

import numpy as np

from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.index import MapIndex
from mlcore.pairs.source import TileView


class Noise:
    """Image and map of any tile as noise of its own."""

    def __init__(self) -> None:
        self.index = MapIndex([])

    def view(self, tile: TileAddress) -> TileView:
        rng = np.random.default_rng(tile.x)
        image, drawn = rng.integers(0, 255, (2, 64, 64, 3), np.uint8)
        return TileView(tile, image, drawn, np.ones((64, 64), bool))


def tiles(count: int) -> list[TileAddress]:
    return [TileAddress(19, 386_700 + number, 220_300) for number in range(count)]


def never() -> bool:
    return False
