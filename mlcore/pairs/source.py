"""Pairs the image of a tile with the map of the same tile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from mlcore.geometry.webmercator import TILE_PX, TileAddress, tiles_covering
from mlcore.imagery.raster import ImageReader
from mlcore.maps.index import MapIndex
from mlcore.maps.render import MapRenderer

MAPPED_SHARE = 0.99
"""A tile counts as mapped when this share of its area lies inside the coverage."""


@dataclass(frozen=True)
class Pair:
    """Image and map of one tile.

    Attributes:
        image: uint8 (S, S, 3) RGB, 0 where not valid.
        map: uint8 (S, S, 3) RGB, the rendered map.
        mask: uint8 (S, S), coverage by mapped buildings, 0..255.
        valid: bool (S, S), where the image has pixels.
        valid_share: share of valid pixels, 0..1.
        mapped: the map is complete here, so that a missing building is a difference.
    """

    tile: TileAddress
    image: np.ndarray
    map: np.ndarray
    mask: np.ndarray
    valid: np.ndarray
    valid_share: float
    mapped: bool


@dataclass(frozen=True)
class TileView:
    """What scoring a tile needs of its pair: `image`, `map` and `valid` as in Pair."""

    tile: TileAddress
    image: np.ndarray
    map: np.ndarray
    valid: np.ndarray


class PairSource:
    """Makes pairs of one image and one map.

    Args:
        coverage: where the map is complete, in degrees; None means everywhere.
    """

    def __init__(
        self,
        reader: ImageReader,
        index: MapIndex,
        coverage: BaseGeometry | None = None,
        size_px: int = TILE_PX,
        renderer: MapRenderer | None = None,
    ) -> None:
        self.reader, self.index, self.coverage, self.size_px = reader, index, coverage, size_px
        self.renderer = renderer or MapRenderer()
        if coverage is not None:
            shapely.prepare(coverage)

    def pair(self, tile: TileAddress) -> Pair:
        """The pair of a tile; a tile outside the image has a valid share of 0."""
        image = self.reader.read_tile(tile, self.size_px)
        return Pair(
            tile=tile,
            image=image.rgb,
            map=self.renderer.render(tile, self.index, self.size_px),
            mask=self.renderer.building_mask(tile, self.index, self.size_px),
            valid=image.valid,
            valid_share=float(image.valid.mean()),
            mapped=self.mapped(tile),
        )

    def view(self, tile: TileAddress) -> TileView:
        """Image and map of a tile without what only training needs: the building mask costs as much as the map."""
        image = self.reader.read_tile(tile, self.size_px)
        return TileView(tile, image.rgb, self.renderer.render(tile, self.index, self.size_px), image.valid)

    def pairs(self, tiles: Sequence[TileAddress]) -> list[Pair]:
        return [self.pair(tile) for tile in tiles]

    def mapped(self, tile: TileAddress) -> bool:
        """Whether the map is complete on the tile."""
        if self.coverage is None:
            return True
        area = tile.polygon_lonlat
        return bool(self.coverage.intersection(area).area >= MAPPED_SHARE * area.area)

    def tiles(self, z: int) -> list[TileAddress]:
        """Tiles of zoom `z` where the image has any valid pixel, row by row from the north-west."""
        candidates = tiles_covering(shapely.box(*self.reader.bounds_lonlat), z)
        return [tile for tile in candidates if self.reader.read_tile(tile, 64).valid.any()]

    def with_index(self, index: MapIndex) -> PairSource:
        """The same image with another map, as for a counterfactual."""
        return PairSource(self.reader, index, self.coverage, self.size_px, self.renderer)
