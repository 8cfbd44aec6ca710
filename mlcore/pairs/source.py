"""Pairs the image of a tile with the map of the same tile: the one place where the two meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from mlcore.geometry.transform import Transform
from mlcore.geometry.webmercator import TILE_PX, TileAddress, tiles_covering
from mlcore.imagery.raster import ImageReader
from mlcore.maps.features import MapFeature
from mlcore.maps.index import MapIndex
from mlcore.maps.labels import moved_from, seen_footprints, to_xy
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
        transforms: what brings the map of a tile onto its image, in pixels of the tile at 256 px. Whatever is read
            here of such a tile is of the moved map; a tile without one has its map as it is.
    """

    def __init__(
        self,
        reader: ImageReader,
        index: MapIndex,
        coverage: BaseGeometry | None = None,
        size_px: int = TILE_PX,
        renderer: MapRenderer | None = None,
        transforms: Mapping[TileAddress, Transform] | None = None,
    ) -> None:
        self.reader, self.index, self.coverage, self.size_px = reader, index, coverage, size_px
        self.renderer = renderer or MapRenderer()
        self.transforms = dict(transforms or {})
        if coverage is not None:
            shapely.prepare(coverage)

    def pair(self, tile: TileAddress) -> Pair:
        """The pair of a tile; a tile outside the image has a valid share of 0."""
        image = self.reader.read_tile(tile, self.size_px)
        return Pair(
            tile=tile,
            image=image.rgb,
            map=self.drawn_map(tile),
            mask=self.building_mask(tile),
            valid=image.valid,
            valid_share=float(image.valid.mean()),
            mapped=self.mapped(tile),
        )

    def view(self, tile: TileAddress) -> TileView:
        """Image and map of a tile without what only training needs: the building mask costs as much as the map."""
        image = self.reader.read_tile(tile, self.size_px)
        return TileView(tile, image.rgb, self.drawn_map(tile), image.valid)

    def drawn_map(self, tile: TileAddress) -> np.ndarray:
        """uint8 (S, S, 3) RGB: the map of a tile where the image shows it."""
        return self.renderer.render(tile, self.index, self.size_px, self.transforms.get(tile))

    def building_mask(self, tile: TileAddress, size_px: int | None = None) -> np.ndarray:
        """uint8 (S, S): how much of each pixel the tile's footprints cover, 0..255, where the image shows them."""
        return self.renderer.building_mask(tile, self.index, size_px or self.size_px, self.transforms.get(tile))

    def footprints(self, tile: TileAddress) -> list[tuple[MapFeature, list[Polygon]]]:
        """Footprints that reach into the tile, with their polygons in pixels of the tile where the image shows them."""
        moved = self.transforms.get(tile)
        bounds = tile.bounds_lonlat if moved is None else moved_from(tile, tile.bounds_lonlat, moved)
        found = seen_footprints(self.index, bounds)
        return [(feature, to_xy(feature.geometry, tile, self.size_px, moved)) for feature in found]

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
        return PairSource(self.reader, index, self.coverage, self.size_px, self.renderer, self.transforms)

    def with_transforms(self, transforms: Mapping[TileAddress, Transform]) -> PairSource:
        """The same image and map, the map of each of these tiles moved onto its image."""
        return PairSource(self.reader, self.index, self.coverage, self.size_px, self.renderer, transforms)
