"""Bases of a set of tiles: square blocks of tiles of one zoom, over the set's area."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import shapely
from django.conf import settings

from annotation.geolocation.models import ReferenceBase, ReferenceSet
from annotation.sources.engine import to_multipolygon, to_shapely
from mlcore.geometry.webmercator import TILE_PX, TileAddress, ground_resolution_m, tile_at

OVERLAP = 0.25
"""What neighbouring bases have in common at least."""


def set_folder(set_id: int) -> Path:
    """Everything of one set: removed with it."""
    return Path(settings.MEDIA_ROOT) / "geolocation" / "sets" / str(set_id)


@dataclass(frozen=True)
class TileBlock:
    """A base of tiles: the first tile, in the north-west, and how many along each side."""

    first: TileAddress
    side: int

    @property
    def tiles(self) -> Iterator[tuple[int, int, TileAddress]]:
        """Column, row and address of each."""
        z, x, y = self.first.z, self.first.x, self.first.y
        for row in range(self.side):
            for column in range(self.side):
                if x + column < 2**z and y + row < 2**z:
                    yield column, row, TileAddress(z, x + column, y + row)

    @property
    def source(self) -> str:
        return f"{self.first.z}/{self.first.x}/{self.first.y}/{self.side}"


def tile_blocks(of_set: ReferenceSet) -> list[TileBlock]:
    """The bases of a set of tiles: blocks on a lattice of their own that overlap by a quarter, over its area."""
    if of_set.area is None or of_set.zoom is None:
        return []
    side = max(1, settings.REFERENCE_BASE_PX // TILE_PX)
    stride = max(1, math.floor(side * (1 - OVERLAP)))
    area = to_shapely(of_set.area)
    shapely.prepare(area)
    west, south, east, north = area.bounds
    first, last = tile_at(west, north, of_set.zoom), tile_at(east, south, of_set.zoom)
    blocks = []
    for y in range(first.y // stride * stride, last.y + 1, stride):
        for x in range(first.x // stride * stride, last.x + 1, stride):
            block = TileBlock(TileAddress(of_set.zoom, x, y), side)
            if area.intersects(_block_area(block)):
                blocks.append(block)
    return blocks


def tiles_of(of_set: ReferenceSet) -> int:
    """About how many tiles an area is: by its extent, so that even the world is counted at once."""
    if of_set.area is None or of_set.zoom is None:
        return 0
    west, south, east, north = of_set.area.extent
    per_degree = 2**of_set.zoom / 360
    tall = per_degree / math.cos(math.radians(min(max(abs(south), abs(north)), 80)))
    return math.ceil((east - west) * per_degree + 1) * math.ceil((north - south) * tall + 1)


def tile_resolution_m(of_set: ReferenceSet) -> float:
    """Metres on the ground per pixel of a set of tiles, in the middle of its area."""
    middle = of_set.area.centroid.y if of_set.area else 0.0
    return ground_resolution_m(of_set.zoom or 0, middle)


def block_row(of_set: ReferenceSet, block: TileBlock) -> ReferenceBase:
    """The row of a block; its digest is that of where its tiles come from."""
    west, _, east, north = block.first.bounds_mercator
    cell = (east - west) / TILE_PX
    return ReferenceBase(
        set=of_set, name=f"{of_set.pk}/t{block.first.x}-{block.first.y}", source=block.source,
        footprint=to_multipolygon(_block_area(block)), transform=[cell, 0.0, west, 0.0, -cell, north],
        width=block.side * TILE_PX, height=block.side * TILE_PX,
        digest=hashlib.sha256(f"{of_set.url_template} {block.source}".encode()).hexdigest(),
    )  # fmt: skip


def tile_picture(row: ReferenceBase) -> Path:
    """Where the picture of a base of tiles lies, once they are fetched."""
    return set_folder(row.set_id) / "bases" / f"{row.name.partition('/')[2]}.tif"


def _block_area(block: TileBlock) -> shapely.Polygon:
    z, last = block.first.z, 2**block.first.z - 1
    end = TileAddress(z, min(block.first.x + block.side - 1, last), min(block.first.y + block.side - 1, last))
    west, _, _, north = block.first.bounds_lonlat
    _, south, east, _ = end.bounds_lonlat
    return shapely.box(west, south, east, north)
