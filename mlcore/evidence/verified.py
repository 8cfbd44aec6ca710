"""Pixels that a person looked at: they weigh more in training, or are left out where nobody could say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TileAddress
from mlcore.maps.labels import draw_ids, moved_from, to_xy

SURE_WEIGHT = 3.0
"""A pixel that a person looked at counts as much as this many others in the loss of the evidence network."""


class ShapesByPlace:
    """Shapes in degrees that are found by place."""

    def __init__(self, shapes: Sequence[BaseGeometry]) -> None:
        self.shapes, self.tree = list(shapes), shapely.STRtree(list(shapes))

    def near(self, shape: BaseGeometry) -> list[int]:
        """Positions of the shapes that intersect `shape` (degrees)."""
        return [int(i) for i in self.tree.query(shape, predicate="intersects")] if self.shapes else []

    def drawn(self, tile: TileAddress, size_px: int, moved: Transform | None = None) -> np.ndarray:
        """(S, S) bool: the pixels of a tile that lie in one of the shapes, moved as the tile's map is."""
        bounds = tile.bounds_lonlat if moved is None else moved_from(tile, tile.bounds_lonlat, moved)
        near = self.near(shapely.box(*bounds))
        parts = [(1, part) for i in near for part in to_xy(self.shapes[i], tile, size_px, moved)]
        return draw_ids(parts, size_px, size_px) > 0


class Verified:
    """The ground that people looked at: certain buildings, certain ground, and what nobody can say.

    Args:
        sure: shapes (degrees) in which the label of every pixel was verified.
        doubtful: shapes (degrees) whose label must not be used.
    """

    def __init__(self, sure: Sequence[BaseGeometry], doubtful: Sequence[BaseGeometry]) -> None:
        self._sure, self._doubtful = ShapesByPlace(sure), ShapesByPlace(doubtful)

    def planes(self, tile: TileAddress, size_px: int, moved: Transform | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(S, S) bool each: pixels whose label a person verified, and pixels whose label must not be used.

        Args:
            moved: what brings the map of the tile, in whose place people's shapes are, onto the image.
        """
        sure = self._sure.drawn(tile, size_px, moved)
        return sure, self._doubtful.drawn(tile, size_px, moved) & ~sure
