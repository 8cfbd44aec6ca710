"""Image and a map that is only a picture, tile by tile: what `PairSource` is for a map of vectors."""

from __future__ import annotations

import numpy as np

from mlcore.correspondences.hybrid.pictures import LargePicture, seen_through
from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TILE_PX, TileAddress
from mlcore.imagery.raster import ImageReader
from mlcore.pairs.source import TileView


class ScannedSource:
    """Makes views of one image and one picture of a map.

    Args:
        picture: the map.
        to_mercator: (3, 3) from its pixels to metres in EPSG:3857, roughly.
        size_px: side of a view.
    """

    def __init__(
        self, reader: ImageReader, picture: LargePicture, to_mercator: np.ndarray, size_px: int = TILE_PX
    ) -> None:
        self.reader, self.picture, self.to_mercator, self.size_px = reader, picture, to_mercator, size_px

    def sized(self, size_px: int) -> ScannedSource:
        """The same in views of another side."""
        return ScannedSource(self.reader, self.picture, self.to_mercator, size_px)

    def view(self, tile: TileAddress) -> TileView:
        """Image and map of a tile, the map as the picture lies."""
        image = self.reader.read_tile(tile, self.size_px)
        return TileView(tile, image.rgb, self.drawn_map(tile), image.valid)

    def drawn_map(self, tile: TileAddress) -> np.ndarray:
        """uint8 (S, S, 3) RGB: the picture on a tile, 0 where it shows nothing."""
        return self.map_on(tile, self.size_px)[0]

    def map_on(
        self, tile: TileAddress, size_px: int, transform: Transform | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The picture on a tile.

        Args:
            transform: brings it to where the image shows it, in pixels of the tile at 256 px; None: as it lies.

        Returns:
            (size_px, size_px, 3) uint8, 0 where there is nothing, and (size_px, size_px) bool.
        """
        moved = np.eye(3) if transform is None else transform.scaled(size_px / TILE_PX).matrix
        return seen_through(self.picture, moved @ mercator_to_tile(tile, size_px) @ self.to_mercator, size_px)


def mercator_to_tile(tile: TileAddress, size_px: int) -> np.ndarray:
    """(3, 3) from metres in EPSG:3857 to pixels of a tile of this side."""
    west, _, east, north = tile.bounds_mercator
    grow = size_px / (east - west)
    return np.array([[grow, 0, -west * grow], [0, -grow, north * grow], [0, 0, 1.0]])
