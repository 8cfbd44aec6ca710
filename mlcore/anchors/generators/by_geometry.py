"""`geometric`: anchors computed from the map's vectors, on any machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlcore.anchors.generators.base import Origin, Outcome, Stopped, TileSource
from mlcore.anchors.geometric import GENERATOR, describe_tile
from mlcore.geometry.webmercator import TileAddress


class GeometricGenerator:
    """Needs no model and no image; never fails on a tile."""

    origin = Origin(GENERATOR)

    def describe(self, tiles: Sequence[TileAddress], source: TileSource, stopped: Stopped) -> Iterator[Outcome]:
        """See Generator."""
        for tile in tiles:
            if stopped():
                return
            yield Outcome(tile, describe_tile(tile, source.index))

    def close(self) -> None:
        """Nothing is held."""
